"""The page on which points are redeemed for a comp."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid4

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.console import display
from core.console.asking_again import ask_again
from core.console.fields import MoneyField, TextField, WholeNumberField
from core.console.links import page_url
from core.console.pages import form_page, viewable
from core.console.reasons import NO_NAMES, REASON_FIELDS, ReasonForm
from core.console.scope import holds_on, staff_of
from core.console.site import keeps_typed, typed_before
from core.correlation import parse
from core.errors import DomainError
from core.idempotency import IdempotencyConflict
from core.reasons.models import Operation
from core.sent_forms.sending import REQUEST_ID
from core.words import counted
from loyalty.admin.posted import balances_of, facts_of
from loyalty.models import CompType, LedgerEntry, PlayerLoyalty
from loyalty.permissions import REDEEM
from loyalty.points import value_of_points
from loyalty.services import LoyaltyPosting, redeem_points
from loyalty.services.redemptions import (
    LEAST_COMP_VALUE,
    MOST_COMP_POINTS,
    MOST_COMP_VALUE,
    NOTE_MAX_LENGTH,
    OUTLET_MAX_LENGTH,
    CompTypeChanged,
    CompTypeNotActive,
)

TYPED_FIELDS: Final = ("comp_type", "value", "points", "outlet", *REASON_FIELDS)
_SENT_TYPE: Final = re.compile(r"[0-9]{1,18}:[0-9]{1,4}\.[0-9]{1,4}")
NO_TYPES: Final = (
    "Nothing can be redeemed: this programme has no active comp type. Staff who hold “Can add comp type” or “Can "
    "change comp type” set them up under “Comp types”, and say there what a point is worth."
)

# Django's own classes come after the mixin; mypy has to know them.
if TYPE_CHECKING:
    _Base = admin.ModelAdmin[PlayerLoyalty]
else:
    _Base = object


class CompTypeField(forms.ChoiceField):
    """A comp type, sent as its key and what a point was worth in it on the page: `7:0.0500`.

    A type that was offered before is left to the service, which knows replays.
    """

    def valid_value(self, value: Any) -> bool:
        return _SENT_TYPE.fullmatch(value) is not None


def _offer(comp: CompType, *, balance: int) -> tuple[str, SafeString]:
    """The choice of a type: what is sent, and its label with the worth of a point and of the whole balance."""
    label = format_html(
        '<span><bdi>{}</bdi><br><span class="hint">a point is worth {}, the balance {}</span></span>',
        comp.label,
        display.factor(comp.point_value),
        display.amount_text(value_of_points(balance, point_value=comp.point_value)),
    )
    return f"{comp.pk}:{comp.point_value}", label


class RedeemForm(ReasonForm):
    """A redemption from `account`: its type, and either the value of the comp or the number of points."""

    field_order = TYPED_FIELDS

    refusals = {CompTypeNotActive: "comp_type", CompTypeChanged: "comp_type"}
    comp_type = CompTypeField(label="Redeem for", widget=forms.RadioSelect)
    value = MoneyField(
        label="Value of the comp",
        least=LEAST_COMP_VALUE,
        most=MOST_COMP_VALUE,
        required=False,
        help_text="As on the bill. The points that it costs are rounded up to a whole point.",
    )
    points = WholeNumberField(
        label="Or points",
        least=1,
        most=MOST_COMP_POINTS,
        required=False,
        help_text="In place of the value. What they are worth is rounded down to 0.01.",
    )
    outlet = TextField(
        label="Outlet", max_length=OUTLET_MAX_LENGTH, help_text="Where the comp is used, such as a restaurant."
    )
    reason = forms.CharField(
        label="Note",
        max_length=NOTE_MAX_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=f"Printed on the comp slip. {NO_NAMES} At least 10 characters for a code “with a text”.",
    )

    def __init__(
        self, data: QueryDict | None = None, *, account: PlayerLoyalty, typed: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(
            data,
            casino_id=account.program.casino_id,
            operation=Operation.REDEEM,
            initial=dict(typed or {}),
            label_suffix="",
        )
        active = CompType.objects.filter(program=account.program_id, is_active=True).order_by("label", "pk")
        types = self.fields["comp_type"]
        assert isinstance(types, CompTypeField)
        types.choices = [_offer(comp, balance=account.balance) for comp in active]
        self.has_types = bool(types.choices)
        self.limit = account.program.casino.confirmed_award_points

    @property
    def sent_type(self) -> tuple[int, Decimal]:
        """The key of the chosen type, and what a point was worth in it on the page; the form must be valid."""
        key, _, point_value = self.cleaned_data["comp_type"].partition(":")
        return int(key), Decimal(point_value)

    @property
    def needs_asking(self) -> bool:
        """Whether a redemption of so many points asks again who makes it; the form must be valid."""
        if self.limit is None:
            return False
        points, value = self.cleaned_data["points"], self.cleaned_data["value"]
        return bool(points > self.limit if value is None else value > self.limit * self.sent_type[1])

    def clean(self) -> dict[str, Any]:
        """Refuse a form with both a value and a number of points, or with neither."""
        cleaned = super().clean()
        if not self.errors.keys() & {"value", "points"} and (
            (cleaned.get("value") is None) == (cleaned.get("points") is None)
        ):
            self.add_error("value", "Write the value of the comp, or the number of points, and not both.")
        return cleaned


class RedeemsPoints(_Base):
    """Mixed into the admin of accounts before Django's: the page “Redeem points” of an account."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.redeem_view)
        return [path("<path:object_id>/redeem/", view, name="loyalty_playerloyalty_redeem"), *super().get_urls()]

    @keeps_typed(*TYPED_FIELDS)
    def redeem_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the form, or redeem once and go to the entry, where the comp slip is printed.

        Without an active comp type, the page of the account says who adds one.

        A post is not refused here for a missing permission: the service checks it, and answers a replay first.
        """
        account = viewable(self, request, object_id)
        request_id = parse(request.POST.get(REQUEST_ID))
        if request.method == "POST":
            form = RedeemForm(request.POST, account=account)
            if form.is_valid() and form.needs_asking and (page := ask_again(request)):
                return page
            if form.is_valid() and (posting := _redeem(request, account, form, request_id)):
                self.message_user(request, *_answer(posting))
                return HttpResponseRedirect(page_url(LedgerEntry(pk=posting.entry_id)))
            if form.has_error(NON_FIELD_ERRORS, IdempotencyConflict.code):
                request_id = None
        elif not holds_on(staff_of(request), REDEEM, account.program):
            raise PermissionDenied
        else:
            form = RedeemForm(account=account, typed=typed_before(request, *TYPED_FIELDS))
            if not form.has_types:
                self.message_user(request, NO_TYPES, messages.WARNING)
                return HttpResponseRedirect(page_url(account))
        return form_page(
            self,
            request,
            title=f"Redeem points of {account.player}",
            form=form,
            submit_label="Redeem points",
            cancel_url=page_url(account),
            original=account,
            request_id=request_id or uuid4(),
            facts=facts_of(account),
        )


def _redeem(
    request: HttpRequest, account: PlayerLoyalty, form: RedeemForm, request_id: UUID | None
) -> LoyaltyPosting | None:
    if request_id is None:
        form.add_error(None, "This form could not be recognised, so nothing was redeemed. Send it again.")
        return None
    cleaned: dict[str, Any] = form.cleaned_data
    comp_type, shown_value = form.sent_type
    try:
        return redeem_points(
            player=account.player_id,
            comp_type=comp_type,
            value=cleaned["value"],
            points=cleaned["points"],
            outlet=cleaned["outlet"],
            note=cleaned["reason"],
            reason_code=cleaned["reason_code"],
            actor=staff_of(request),
            at=timezone.now(),
            request_id=request_id,
            expected_point_value=shown_value,
        )
    except DomainError as error:
        form.add_refusal(error)
        return None


def _answer(posting: LoyaltyPosting) -> tuple[str, int]:
    balances = balances_of(posting)
    if posting.replayed:
        when = display.moment(posting.updated_at)
        return f"This redemption was already made on {when} ({balances}): nothing was taken again.", messages.WARNING
    text = f"{counted(-posting.points, 'point')} redeemed: {balances}. The comp slip can be printed below."
    return text, messages.SUCCESS
