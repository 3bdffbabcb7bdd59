"""Forms that post points by hand, and the token by which a form that is sent again is known."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from django import forms
from django.core import signing
from django.http import QueryDict

from core.console.fields import TextField, WholeNumberField
from core.console.reasons import REASON_FIELDS, ReasonForm
from core.idempotency import IdempotencyConflict
from core.models import User
from core.reasons.models import Operation
from loyalty.models import PlayerLoyalty
from loyalty.services import InsufficientBalance, InvalidAdjustment, PlayerNotActive
from loyalty.services.adjustments import MAX_TAKEN_POINTS
from loyalty.services.awards import MAX_AWARD_POINTS, MIN_AWARD_POINTS
from loyalty.services.by_hand import REQUEST_MAX_AGE_SECONDS, is_outside_id

OUTSIDE_ID_MAX_LENGTH: Final = 100


class TokenRefused(Exception):
    """The form's token is forged, belongs to another form, or is too old."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """What a form was opened for and by whom, when, and how many entries the account had then."""

    account: int
    staff: int
    requested_at: str
    entries: int

    @property
    def opened_at(self) -> datetime:
        """When the form was opened."""
        return datetime.fromisoformat(self.requested_at)


def form_token(operation: Operation, *, account: PlayerLoyalty, staff: User, requested_at: datetime) -> str:
    """A signed token of a form about `operation` that `staff` opens for `account` as it is now."""
    entries = account.entry_count
    token = Token(account=account.pk, staff=staff.pk, requested_at=requested_at.isoformat(), entries=entries)
    return signing.dumps(asdict(token), salt=f"loyalty.{operation}")


def read_token(text: str, *, operation: Operation, account: PlayerLoyalty, staff: User, now: datetime) -> Token:
    """Read what `form_token` wrote.

    :raises TokenRefused: the token was forged, belongs to a form about something else, or is too old.
    """
    try:
        token = Token(**signing.loads(text, salt=f"loyalty.{operation}"))
    except (signing.BadSignature, TypeError):
        token = None
    if token is None or (token.account, token.staff) != (account.pk, staff.pk):
        raise TokenRefused("This form could not be recognised, so nothing was done. Check it and send it again.")
    if now - token.opened_at > timedelta(seconds=REQUEST_MAX_AGE_SECONDS):
        raise TokenRefused(
            "This form had been open for more than a day, so nothing was done. "
            "Look in the ledger whether it was done already; if not, send the form again."
        )
    return token


class OutsideIdField(TextField):
    """The id that another system gave to what is posted."""

    def __init__(self, *, label: str, help_text: str) -> None:
        super().__init__(label=label, help_text=help_text, required=False, max_length=OUTSIDE_ID_MAX_LENGTH)

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value and not is_outside_id(value):
            raise forms.ValidationError("Write letters, digits and . _ : / - alone, without spaces.")


class PostingForm(ReasonForm):
    """Base of a form that posts points to `account`.

    If its token is refused, it keeps what was typed and gets a new one.
    """

    operation: ClassVar[Operation]
    token = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        account: PlayerLoyalty,
        staff: User,
        now: datetime,
        typed: Mapping[str, str] | None = None,
    ) -> None:
        self._account, self._staff, self._now = account, staff, now
        self._fresh_token = form_token(self.operation, account=account, staff=staff, requested_at=now)
        self.requested_at, self.expected_entries = now, account.entry_count
        super().__init__(
            data.copy() if data is not None else None,
            initial={**(typed or {}), "token": self._fresh_token},
            casino_id=account.player.casino_id,
            operation=self.operation,
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        try:
            token = read_token(
                cleaned.get("token", ""),
                operation=self.operation,
                account=self._account,
                staff=self._staff,
                now=self._now,
            )
        except TokenRefused as refusal:
            self.renew()
            self.add_error(None, str(refusal))
        else:
            self.requested_at, self.expected_entries = token.opened_at, token.entries
        return cleaned

    def renew(self) -> None:
        """Give the form that comes back a new token, with the account as it is now."""
        assert isinstance(self.data, QueryDict)
        self.data["token"] = self._fresh_token


class AwardForm(PostingForm):
    """An award of points."""

    operation = Operation.AWARD
    refusals = {IdempotencyConflict: "reward_id"}
    points = WholeNumberField(least=MIN_AWARD_POINTS, most=MAX_AWARD_POINTS)
    reward_id = OutsideIdField(
        label="Reward id",
        help_text="Only if another system gave the award a number. The same id is never paid twice.",
    )
    field_order = ("points", *REASON_FIELDS, "reward_id", "token")


class AdjustForm(PostingForm):
    """An adjustment of a balance by hand."""

    operation = Operation.ADJUST
    refusals = {
        InvalidAdjustment: "points",
        InsufficientBalance: "points",
        IdempotencyConflict: "adjustment_id",
        PlayerNotActive: "direction",
    }
    direction = forms.ChoiceField(
        label="Add or take",
        choices=[("add", "Add points to the balance"), ("take", "Take points from the balance")],
        widget=forms.RadioSelect,
    )
    points = WholeNumberField(
        least=1, most=MAX_TAKEN_POINTS, help_text=f"At most {MAX_AWARD_POINTS:,} to add; to take, as many as there are."
    )
    adjustment_id = OutsideIdField(
        label="Adjustment id",
        help_text="Only if another system gave the adjustment a number. The same id is never done twice.",
    )
    field_order = ("direction", "points", *REASON_FIELDS, "adjustment_id", "token")

    @property
    def signed_points(self) -> int:
        """The points to add, or a negative number to take."""
        points: int = self.cleaned_data["points"]
        return points if self.cleaned_data["direction"] == "add" else -points


class ReverseForm(PostingForm):
    """The reason why an entry is taken back."""

    operation = Operation.REVERSE
    field_order = (*REASON_FIELDS, "token")
