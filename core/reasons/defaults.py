"""The reason codes of a new casino."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from django.db.models.signals import post_save
from django.dispatch import receiver

from core.models import Casino
from core.reasons.models import Operation, ReasonCode

UNDONE: Final = "UNDONE"
"""The code of everything that is undone on the floor, where nobody chooses one."""


@dataclass(frozen=True, slots=True)
class DefaultCode:
    """A reason code that every new casino has."""

    code: str
    label: str
    operations: Collection[Operation]
    text_required: bool = False


_CORRECTIONS: Final = (Operation.CORRECT,)
_CHOSEN: Final = tuple(operation for operation in Operation if operation != Operation.UNDO)

DEFAULT_CODES: Final = (
    DefaultCode("SERVICE_RECOVERY", "Service recovery", (Operation.AWARD, Operation.ADJUST)),
    DefaultCode("GOODWILL", "Goodwill", (Operation.AWARD, Operation.REDEEM), text_required=True),
    DefaultCode("EVENT", "Event or promotion", (Operation.AWARD, Operation.REDEEM)),
    DefaultCode("UNRATED_PLAY", "Play that was not rated", (Operation.AWARD, Operation.ADJUST)),
    DefaultCode("REQUESTED", "Requested by the player", (Operation.REDEEM,)),
    DefaultCode("WRONG_POINTS", "Wrong number of points", (Operation.ADJUST, Operation.REVERSE)),
    DefaultCode(
        "WRONG_PLAYER", "Wrong player", (Operation.REVERSE, Operation.VOID, Operation.REASSIGN, Operation.STRIKE)
    ),
    DefaultCode("ENTERED_TWICE", "Entered twice", (Operation.REVERSE, Operation.VOID, Operation.STRIKE)),
    DefaultCode("NOT_REDEEMED", "Comp was not used", (Operation.REVERSE,)),
    DefaultCode("ENTERED_LATE", "Entered late", _CORRECTIONS),
    DefaultCode("WRONG_BET", "Wrong average bet", _CORRECTIONS),
    DefaultCode("WRONG_TIME", "Wrong time", _CORRECTIONS),
    DefaultCode("WRONG_SEAT", "Wrong table or seat", (Operation.CORRECT, Operation.VOID)),
    DefaultCode("NO_PLAY", "Player did not play", (Operation.VOID,)),
    DefaultCode("WRONG_AMOUNT", "Wrong amount", (Operation.STRIKE,)),
    DefaultCode("BAR_LIFTED", "Player is active again", (Operation.RELEASE,)),
    DefaultCode("BARRED_IN_ERROR", "Player was barred in error", (Operation.RELEASE,)),
    DefaultCode("TIER_CHANGE", "Change of tiers or rates", (Operation.PAUSE_PROGRAM,)),
    DefaultCode("CLOSING", "Closing of the month", (Operation.PAUSE_PROGRAM,)),
    DefaultCode("INCIDENT", "Incident", (Operation.PAUSE_PROGRAM, Operation.REBUILD), text_required=True),
    DefaultCode("WORK_DONE", "Work is done", (Operation.RESUME_PROGRAM,)),
    DefaultCode(UNDONE, "Undone on the floor", (Operation.UNDO,)),
    DefaultCode("OTHER", "Other", _CHOSEN, text_required=True),
)


def add_default_codes(casino_id: int, *, model: Any = ReasonCode) -> None:
    """Give the default codes to a casino that has none; `model` is that of a migration."""
    model.objects.bulk_create(
        model(
            casino_id=casino_id,
            code=default.code,
            label=default.label,
            operations=[str(operation) for operation in default.operations],
            text_required=default.text_required,
        )
        for default in DEFAULT_CODES
    )


@receiver(post_save, sender=Casino, dispatch_uid="core.add_default_codes")
def add_codes_of_new_casino(*, instance: Casino, created: bool, raw: bool, **_: Any) -> None:
    """Give a new casino its codes, in the transaction that adds it."""
    if created and not raw:
        add_default_codes(instance.pk)
