"""The page on which an entry is reversed, and what an entry's page says of its reversal."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.text import Truncator

from core.console import display
from core.console.asking_again import asks_again
from core.console.links import Link, adds_links, page_url
from core.console.pages import form_page, viewable
from core.console.reasons import REASON_FIELDS
from core.console.scope import holds_on, staff_of
from core.console.site import keeps_typed, typed_before
from core.errors import DomainError
from core.words import signed_count
from loyalty.admin.extensions import author_of
from loyalty.admin.posted import balances_of, new_tier_of
from loyalty.admin.posting_forms import ReverseForm
from loyalty.models import LedgerEntry, LoyaltyProgram, PlayerLoyalty
from loyalty.permissions import REVERSE
from loyalty.services import AccountChanged, LoyaltyPosting, reverse_entry
from loyalty.services.posting import is_earned
from loyalty.services.reversals import require_reversible, why_not_reversible
from loyalty.tiers import tier_at

TYPED_FIELDS: Final = REASON_FIELDS
REASON_SHOWN: Final = 100

# Django's own classes come after the mixin; mypy has to know them.
if TYPE_CHECKING:
    _Base = admin.ModelAdmin[LedgerEntry]
else:
    _Base = object


class ReversesEntries(_Base):
    """Mixed into the admin of the ledger before Django's: the page “Reverse” of an entry."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.reverse_view)
        return [path("<path:object_id>/reverse/", view, name="loyalty_ledgerentry_reverse"), *super().get_urls()]

    @asks_again()
    @keeps_typed(*TYPED_FIELDS)
    def reverse_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what the reversal changes and ask for the reason, or reverse the entry once and go back to it.

        A post is not refused here for a missing permission: the service checks it, and answers a replay first.
        """
        entry, staff, now = viewable(self, request, object_id), staff_of(request), timezone.now()
        account = PlayerLoyalty.objects.select_related("player__casino", "program", "tier").get(pk=entry.account_id)
        if request.method == "POST":
            form = ReverseForm(request.POST, account=account, staff=staff, now=now)
            if form.is_valid() and (posting := _reverse(request, entry, form)):
                self.message_user(request, *_answer(entry, posting))
                return HttpResponseRedirect(page_url(entry))
        elif not holds_on(staff, REVERSE, account.program):
            raise PermissionDenied
        else:
            form = ReverseForm(account=account, staff=staff, now=now, typed=typed_before(request, *TYPED_FIELDS))
        try:
            require_reversible(entry, account)
        except DomainError as error:
            self.message_user(request, error.message, messages.ERROR)
            return HttpResponseRedirect(page_url(entry))
        return form_page(
            self,
            request,
            title=f"Reverse entry #{entry.pk}",
            form=form,
            submit_label="Reverse this entry",
            cancel_url=page_url(entry),
            original=entry,
            explanation="The whole entry is taken back by a new one. This can be done once.",
            facts=_facts(entry, account),
        )


def _facts(entry: LedgerEntry, account: PlayerLoyalty) -> list[tuple[str, object]]:
    """What the entry was, and what its reversal changes."""
    facts: list[tuple[str, object]] = [
        ("Player", account.player),
        ("Status", account.player.get_status_display()),
        ("Entry", f"{entry.get_kind_display()}, {signed_count(entry.points, 'point')}"),
        ("Posted by", author_of(entry)),
        ("Happened at", display.moment(entry.created_at)),
        ("Reason of the entry", Truncator(entry.reason).chars(REASON_SHOWN)),
        ("Balance", display.change_of_points(account.balance, account.balance - entry.points)),
    ]
    if is_earned(entry):
        lifetime = account.lifetime_points - entry.points
        tier = tier_at(lifetime, list(account.program.tiers.order_by("threshold_points")))
        facts += [
            ("Lifetime points", display.change_of_points(account.lifetime_points, lifetime)),
            ("Tier", f"{account.tier} → {tier}" if tier != account.tier else account.tier),
        ]
    return facts


def _reverse(request: HttpRequest, entry: LedgerEntry, form: ReverseForm) -> LoyaltyPosting | None:
    cleaned: dict[str, Any] = form.cleaned_data
    try:
        return reverse_entry(
            entry=entry,
            reason=cleaned["reason"],
            reason_code=cleaned["reason_code"],
            actor=staff_of(request),
            at=timezone.now(),
            expected_entries=form.expected_entries,
        )
    except DomainError as error:
        if isinstance(error, AccountChanged):
            form.renew()
        form.add_refusal(error)
        return None


def _answer(entry: LedgerEntry, posting: LoyaltyPosting) -> tuple[str, int]:
    balances = balances_of(posting)
    if posting.replayed:
        when = display.moment(posting.updated_at)
        text = f"Entry #{entry.pk} was already reversed on {when}, by entry #{posting.entry_id} ({balances}). "
        return f"{text}Nothing was done again.", messages.WARNING
    return (
        f"Entry #{entry.pk} reversed by entry #{posting.entry_id}: {balances}{new_tier_of(posting)}.",
        messages.SUCCESS,
    )


def reversed_since(posting: LoyaltyPosting) -> str:
    """What to add about a repeated request whose first entry was reversed; else empty."""
    reversal = LedgerEntry.objects.filter(reverses=posting.entry_id).first()
    if reversal is None:
        return ""
    again = "To do it again, write another reason, and another id if it has one."
    return f" Entry #{posting.entry_id} was reversed by entry #{reversal.pk}. {again}"


@adds_links(LedgerEntry)
def _reverse_link(request: HttpRequest, entry: LedgerEntry) -> Iterable[Link]:
    if getattr(entry, "reversed_by", None) is not None or why_not_reversible(entry):
        return
    account = entry.account
    program = LoyaltyProgram(pk=account.program_id, casino_id=entry.casino_id)  # what the check needs, not read again
    if holds_on(staff_of(request), REVERSE, program, player_id=account.player_id):
        yield Link(label="Reverse", url=reverse("admin:loyalty_ledgerentry_reverse", args=[entry.pk]))
