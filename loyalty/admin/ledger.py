"""The ledger, to read: every posting, newest first, with all that it was made of."""

from uuid import UUID

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from core import correlation
from core.console import display
from core.console.links import link_to
from core.console.lists import CappedPaginator, GamingDayFilter
from core.console.scope import ServiceOwnedAdmin
from loyalty.models import LedgerEntry

BIGGEST_KEY = 2**63 - 1


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ServiceOwnedAdmin[LedgerEntry]):
    """Entries are for ever: the list and the page only show them."""

    casino_lookup = "account__program__casino"
    paginator = CappedPaginator
    list_display = (
        "entry",
        "when",
        "player",
        "kind",
        "signed_points",
        "balances",
        "tiers",
        "by",
        "gaming_day",
        "reference",
    )
    list_select_related = ("account__player", "tier_before", "tier_after", "staff")
    list_filter = ("kind", GamingDayFilter)
    search_fields = ("id",)
    search_help_text = "Entry number, card number or correlation id, in full."
    ordering = ("-id",)
    fields = (
        ("signed_points", "balances", "lifetimes", "tiers"),
        ("kind", "by", "exact_when", "gaming_day"),
        ("account_link", "origin", "reverses", "seq"),
        "reason",
        "correlation_id",
        "idempotency_key",
        "fingerprint",
        "readable_inputs",
    )
    readonly_fields = (
        "signed_points",
        "balances",
        "lifetimes",
        "tiers",
        "by",
        "exact_when",
        "account_link",
        "origin",
        "readable_inputs",
    )

    def get_queryset(self, request: HttpRequest) -> "QuerySet[LedgerEntry]":
        return super().get_queryset(request).select_related(*self.list_select_related)

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[LedgerEntry]", search_term: str
    ) -> "tuple[QuerySet[LedgerEntry], bool]":
        """Look up exactly what was typed, so that each search is answered from an index."""
        term = search_term.strip().removeprefix("#")
        if not term:
            return queryset, False
        found = Q(account__player__card_number=term)
        if term.isdecimal() and int(term) <= BIGGEST_KEY:
            found |= Q(pk=int(term))
        if isinstance(correlation_id := correlation.parse(term), UUID):
            found |= Q(correlation_id=correlation_id)
        return queryset.filter(found), False

    @admin.display(description="entry", ordering="id")
    def entry(self, entry: LedgerEntry) -> str:
        return f"#{entry.pk}"

    @admin.display(description="when", ordering="id")
    def when(self, entry: LedgerEntry) -> str:
        return display.moment(entry.created_at)

    @admin.display(description="when")
    def exact_when(self, entry: LedgerEntry) -> str:
        return display.exact_moment(entry.created_at)

    @admin.display(description="player")
    def player(self, entry: LedgerEntry) -> str:
        player = entry.account.player
        return f"{player.last_name}, {player.first_name} ({player.card_number})"

    @admin.display(description="account")
    def account_link(self, entry: LedgerEntry) -> str:
        return link_to(entry.account)

    @admin.display(description="points")
    def signed_points(self, entry: LedgerEntry) -> str:
        return display.points(entry.points, signed=True)

    @admin.display(description="balance")
    def balances(self, entry: LedgerEntry) -> str:
        return display.number(f"{entry.balance_before:,} → {entry.balance_after:,}")

    @admin.display(description="lifetime points")
    def lifetimes(self, entry: LedgerEntry) -> str:
        return display.number(f"{entry.lifetime_points_before:,} → {entry.lifetime_points_after:,}")

    @admin.display(description="tier")
    def tiers(self, entry: LedgerEntry) -> str:
        if entry.tier_before_id == entry.tier_after_id:
            return entry.tier_after.name
        return f"{entry.tier_before} → {entry.tier_after}"

    @admin.display(description="posted by")
    def by(self, entry: LedgerEntry) -> str:
        return str(entry.staff) if entry.staff else "system"

    @admin.display(description="reference")
    def reference(self, entry: LedgerEntry) -> str:
        return str(entry.correlation_id)[:8]

    @admin.display(description="posted for")
    def origin(self, entry: LedgerEntry) -> str:
        """What the entry was made for, and a reversal of it: whatever points to it one to one, from any app."""
        origins = list(_origins_of(entry))
        return format_html_join(", ", "{}", ((link_to(one),) for one in origins)) if origins else display.NOTHING

    @admin.display(description="inputs")
    def readable_inputs(self, entry: LedgerEntry) -> SafeString | str:
        return display.tree(entry.inputs)


def _origins_of(entry: LedgerEntry) -> "list[Model]":
    names = [relation.get_accessor_name() for relation in entry._meta.related_objects if relation.one_to_one]
    return [getattr(entry, name) for name in names if name and hasattr(entry, name)]
