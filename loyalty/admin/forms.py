"""Forms for awards and earning rates, and the token that shows that a resent award form is the same request."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.core import signing
from django.db.models import QuerySet
from django.http import QueryDict

from core.console.dated import BeginningField
from core.console.fields import DecimalField, TextField, WholeNumberField
from core.console.reasons import REASON_FIELDS, ReasonForm
from core.models import User
from core.reasons.models import Operation
from loyalty.models import MAX_POINTS_PER_UNIT, LoyaltyProgram, PlayerLoyalty
from loyalty.services.awards import MAX_AWARD_POINTS, MIN_AWARD_POINTS
from loyalty.services.by_hand import REQUEST_MAX_AGE_SECONDS

REWARD_ID_MAX_LENGTH: Final = 100
_FORM_OF_TOKEN: Final = "loyalty.award"  # noqa: S105 - what the token is for, not a secret


class TokenRefused(Exception):
    """The form's token is forged, belongs to another form, or is too old."""


def award_token(*, account: PlayerLoyalty, staff: User, requested_at: datetime) -> str:
    """A signed token with the account, the member of staff and the time at which the form was opened."""
    note = {"account": account.pk, "staff": staff.pk, "requested_at": requested_at.isoformat()}
    return signing.dumps(note, salt=_FORM_OF_TOKEN)


def read_award_token(token: str, *, account: PlayerLoyalty, staff: User, now: datetime) -> datetime:
    """Read from `token` when its form was first opened.

    :raises TokenRefused: the token was forged, belongs to another account or person, or is too old.
    """
    try:
        note = signing.loads(token, salt=_FORM_OF_TOKEN)
    except signing.BadSignature:
        note = {}
    if (note.get("account"), note.get("staff")) != (account.pk, staff.pk):
        raise TokenRefused("This form could not be recognised, so nothing was awarded. Check it and send it again.")
    requested_at = datetime.fromisoformat(note["requested_at"])
    if now - requested_at > timedelta(seconds=REQUEST_MAX_AGE_SECONDS):
        raise TokenRefused(
            "This form had been open for more than a day, so nothing was awarded. "
            "Look in the ledger whether the award was made already; if not, send the form again."
        )
    return requested_at


class AwardForm(ReasonForm):
    """An award of points. If the token is refused, the form keeps what was typed and gets a new token."""

    points = WholeNumberField(least=MIN_AWARD_POINTS, most=MAX_AWARD_POINTS)
    reward_id = TextField(
        label="Reward id",
        required=False,
        max_length=REWARD_ID_MAX_LENGTH,
        help_text="Only if another system gave the award a number. The same id is never paid twice.",
    )
    token = forms.CharField(widget=forms.HiddenInput, required=False)
    field_order = ("points", *REASON_FIELDS, "reward_id", "token")

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
        self._fresh_token = award_token(account=account, staff=staff, requested_at=now)
        self.requested_at = now
        initial = {**(typed or {}), "token": self._fresh_token}
        super().__init__(
            data.copy() if data is not None else None,
            initial=initial,
            casino_id=account.player.casino_id,
            operation=Operation.AWARD,
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        try:
            self.requested_at = read_award_token(
                cleaned.get("token", ""), account=self._account, staff=self._staff, now=self._now
            )
        except TokenRefused as refusal:
            assert isinstance(self.data, QueryDict)
            self.data["token"] = self._fresh_token
            self.add_error(None, str(refusal))
        return cleaned


class RateForm(forms.Form):
    """An earning rate of one of `programs`, and its beginning."""

    program = forms.ModelChoiceField(LoyaltyProgram.objects.none(), label="Programme", empty_label="Choose one")
    points_per_unit = DecimalField(
        label="Points per unit",
        min_value=0,
        max_value=MAX_POINTS_PER_UNIT,
        max_digits=8,
        decimal_places=4,
        help_text="Points per unit of theoretical win.",
    )
    effective_from = BeginningField()

    def __init__(self, data: QueryDict | None = None, *, programs: QuerySet[LoyaltyProgram]) -> None:
        only = programs.first() if programs.count() == 1 else None
        super().__init__(data, initial={"program": only}, label_suffix="")
        self.fields["program"].queryset = programs  # type: ignore[attr-defined]
