"""The page on which a balance is adjusted by hand."""

from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils import timezone

from core.console import display
from core.console.asking_again import asks_again
from core.console.links import page_url
from core.console.pages import form_page, viewable
from core.console.reasons import REASON_FIELDS
from core.console.scope import holds_on, staff_of
from core.console.site import keeps_typed, typed_before
from core.errors import DomainError
from core.words import counted
from loyalty.admin.posted import balances_of, facts_of
from loyalty.admin.posting_forms import AdjustForm
from loyalty.admin.reversals import reversed_since
from loyalty.models import PlayerLoyalty
from loyalty.permissions import ADJUST
from loyalty.services import AccountChanged, Adjustment, adjust_points

TYPED_FIELDS: Final = ("direction", "points", *REASON_FIELDS, "adjustment_id")
EXPLANATION: Final = (
    "Only the balance changes; lifetime points and tier stay as they are. "
    "If the balance has fewer points than you take, all of them are taken. "
    "To undo one award, adjustment or redemption, reverse its entry instead."
)

# Django's own classes come after the mixin; mypy has to know them.
if TYPE_CHECKING:
    _Base = admin.ModelAdmin[PlayerLoyalty]
else:
    _Base = object


class AdjustsPoints(_Base):
    """Mixed into the admin of accounts before Django's: the page “Adjust points” of an account."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.adjust_view)
        return [path("<path:object_id>/adjust/", view, name="loyalty_playerloyalty_adjust"), *super().get_urls()]

    @asks_again()
    @keeps_typed(*TYPED_FIELDS)
    def adjust_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the form, or adjust the balance once and go to the account.

        A post is not refused here for a missing permission: the service checks it, and answers a replay first.
        """
        account, staff, now = viewable(self, request, object_id), staff_of(request), timezone.now()
        if request.method == "POST":
            form = AdjustForm(request.POST, account=account, staff=staff, now=now)
            if form.is_valid() and (adjustment := _adjust(request, account, form)):
                self.message_user(request, *_answer(adjustment, asked=form.signed_points))
                return HttpResponseRedirect(page_url(account))
        elif not holds_on(staff, ADJUST, account.program):
            raise PermissionDenied
        else:
            form = AdjustForm(account=account, staff=staff, now=now, typed=typed_before(request, *TYPED_FIELDS))
        return form_page(
            self,
            request,
            title=f"Adjust points of {account.player}",
            form=form,
            submit_label="Adjust points",
            cancel_url=page_url(account),
            original=account,
            explanation=EXPLANATION,
            facts=facts_of(account),
        )


def _adjust(request: HttpRequest, account: PlayerLoyalty, form: AdjustForm) -> Adjustment | None:
    cleaned: dict[str, Any] = form.cleaned_data
    try:
        return adjust_points(
            player=account.player_id,
            points=form.signed_points,
            reason=cleaned["reason"],
            reason_code=cleaned["reason_code"],
            actor=staff_of(request),
            at=timezone.now(),
            adjustment_id=cleaned["adjustment_id"] or None,
            requested_at=form.requested_at,
            expected_entries=form.expected_entries,
        )
    except DomainError as error:
        if isinstance(error, AccountChanged):
            form.renew()
        form.add_refusal(error)
        return None


def _answer(adjustment: Adjustment, *, asked: int) -> tuple[str, int]:
    posting, verb = adjustment.posting, "added" if asked > 0 else "taken"
    balances = balances_of(posting)
    if posting.replayed:
        when = display.moment(posting.updated_at)
        text = f"This adjustment was already made on {when}, entry #{posting.entry_id} ({balances}): nothing was done."
        return text + reversed_since(posting), messages.WARNING
    text = f"{counted(abs(posting.points), 'point')} {verb}: {balances}. Entry #{posting.entry_id}."
    if adjustment.not_taken:
        missing = counted(adjustment.not_taken, "point was", "points were")
        return f"{text} {missing} not taken: the balance had no more.", messages.WARNING
    return text, messages.SUCCESS
