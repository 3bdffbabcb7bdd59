"""Do what a form asks for once, however often the form is sent."""

from typing import Final
from uuid import UUID

import structlog

from core import correlation
from core.errors import DomainError
from core.idempotency import Request, fingerprint
from core.locks import lock_name
from core.models import SentForm, User
from core.transactions import transaction_required

log = structlog.get_logger(__name__)

REQUEST_ID: Final = "request_id"


class FormAlreadyUsed(DomainError):
    """The form was sent before, by somebody else or with other contents."""

    code = "FORM_ALREADY_USED"


def lock_form(request_id: UUID, *, actor: User, address: str, contents: Request) -> SentForm:
    """Lock the id of a form until the caller's transaction ends, and look the form up.

    Returns the recorded row if the form added something before, else a new one for `record_form`. `address` is where
    forms of its kind are sent; `contents` are the values that a person filled in.

    :raises FormAlreadyUsed: the id was used by another person, at another address, or with other contents.
    """
    lock_name("form", str(request_id))
    sent = SentForm(
        pk=request_id,
        actor=actor,
        address=address,
        fingerprint=fingerprint(contents),
        correlation_id=correlation.current(),
    )
    first = SentForm.objects.filter(pk=request_id).first()
    if first is None:
        return sent
    if any(getattr(first, name) != getattr(sent, name) for name in ("actor_id", "address", "fingerprint")):
        raise FormAlreadyUsed(
            "This form was sent before with other contents, and that was done. Nothing was done now: "
            "look at what is below, and send it if it is to be done as well."
        )
    log.info("core.form_repeated", request_id=str(request_id), actor_id=actor.pk)
    return first


def is_recorded(sent: SentForm) -> bool:
    """Whether the form added something before."""
    return not sent._state.adding


@transaction_required
def record_form(sent: SentForm, *, answer: str = "") -> None:
    """Save a new form in the transaction that did what it asked for; `answer` is the address that follows."""
    sent.answer = answer
    sent.save(force_insert=True)
