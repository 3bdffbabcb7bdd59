"""The pages of players' accounts, and of awards."""

from collections.abc import Iterable
from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html

from core.console import display
from core.console.asking_again import ask_again
from core.console.links import Link, adds_links, link_to, list_url, page_url
from core.console.lists import KeysFirstPaginator, LongList, OwnCasinoFilter, PlayerSearch
from core.console.pages import form_page, viewable
from core.console.reasons import REASON_FIELDS
from core.console.scope import ServiceOwnedAdmin, holds_on, sees_all_casinos, staff_of
from core.console.site import keeps_typed, typed_before
from core.errors import DomainError
from core.models import Player
from core.words import counted
from loyalty.admin.adjustments import AdjustsPoints
from loyalty.admin.columns import kind_of
from loyalty.admin.extensions import sections_for
from loyalty.admin.posted import balances_of, facts_of, new_tier_of
from loyalty.admin.posting_forms import AwardForm
from loyalty.admin.redemptions import RedeemsPoints
from loyalty.admin.reversals import reversed_since
from loyalty.models import LedgerEntry, LoyaltyProgram, PlayerLoyalty
from loyalty.permissions import ADJUST, AWARD, REDEEM, VIEW_ACCOUNTS
from loyalty.services import LoyaltyPosting, manual_reward
from loyalty.tiers import next_tier, progress_percent

ENTRIES_SHOWN: Final = 50
TYPED_FIELDS: Final = ("points", *REASON_FIELDS, "reward_id")


@admin.register(PlayerLoyalty)
class PlayerLoyaltyAdmin(AdjustsPoints, RedeemsPoints, LongList, PlayerSearch, ServiceOwnedAdmin[PlayerLoyalty]):
    """Accounts, read-only; points are awarded, redeemed and adjusted on separate pages."""

    casino_lookup = "program__casino"
    list_display = ("player_name", "card", "balance_points", "lifetime", "tier", "progress", "updated")
    list_display_links = ("card",)
    list_select_related = ()
    list_filter = (("tier", OwnCasinoFilter),)
    paginator = KeysFirstPaginator
    ordering = ("-id",)  # no account changes its place in the list when points are posted
    fields = (
        ("player_link", "balance_points", "tier", "progress"),
        ("card", "lifetime", "updated", "program"),
        "newest_entries",
    )
    readonly_fields = ("player_link", "card", "balance_points", "lifetime", "progress", "updated", "newest_entries")

    def get_queryset(self, request: HttpRequest) -> "QuerySet[PlayerLoyalty]":
        """The accounts that the member of staff sees; the key of their programme, and no join, leads to the index."""
        accounts = PlayerLoyalty.objects.order_by().prefetch_related("player", "tier", "program__tiers")
        staff = staff_of(request)
        if sees_all_casinos(staff):
            return accounts
        return accounts.filter(program=Subquery(LoyaltyProgram.objects.filter(casino=staff.casino_id).values("pk")))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> PlayerLoyalty | None:
        """The account of the page, read once in a request that changes nothing."""
        if request.method == "POST":
            return super().get_object(request, object_id, from_field)
        known: dict[str, PlayerLoyalty | None] = request.__dict__.setdefault("_accounts", {})
        if object_id not in known:
            known[object_id] = super().get_object(request, object_id, from_field)
        return known[object_id]

    @admin.display(description="player")
    def player_name(self, account: PlayerLoyalty) -> str:
        return link_to(account.player, display.listed_name(account.player))

    @admin.display(description="player")
    def player_link(self, account: PlayerLoyalty) -> str:
        return link_to(account.player)

    @admin.display(description="card")
    def card(self, account: PlayerLoyalty) -> str:
        return account.player.card_number

    @admin.display(description="balance")
    def balance_points(self, account: PlayerLoyalty) -> str:
        return display.points(account.balance)

    @admin.display(description="lifetime points")
    def lifetime(self, account: PlayerLoyalty) -> str:
        return display.points(account.lifetime_points)

    @admin.display(description="progress")
    def progress(self, account: PlayerLoyalty) -> str:
        tiers = list(account.program.tiers.all())
        percent = progress_percent(account.lifetime_points, tiers)
        following = next_tier(account.lifetime_points, tiers)
        words = f"{percent} % to {following}" if following else "highest tier"
        return format_html('<progress max="100" value="{}" aria-hidden="true"></progress> {}', percent, words)

    @admin.display(description="updated")
    def updated(self, account: PlayerLoyalty) -> str:
        return display.moment(account.updated_at)

    @admin.display(description="newest entries")
    def newest_entries(self, account: PlayerLoyalty) -> str:
        entries = account.entries.select_related("staff", "tier_after", "comp_type", "reversed_by").order_by("-seq")[
            :ENTRIES_SHOWN
        ]
        rows = [
            {
                "entry": link_to(entry, f"#{entry.pk}"),
                "when": display.moment(entry.created_at),
                "recorded": display.recorded(entry.recorded_at, entry.created_at),
                "kind": kind_of(entry),
                "points": display.signed_points(entry.points),
                "balance": display.points(entry.balance_after),
                "tier": entry.tier_after,
                "staff": display.staff_name(entry.staff),
                "reason": entry.reason,
                "reason_code": entry.reason_code or "",
            }
            for entry in entries
        ]
        ledger = list_url(LedgerEntry, account=account.pk)
        return render_to_string(
            "loyalty/ledger/newest_entries.html", {"rows": rows, "account": account, "ledger_url": ledger}
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        account = self.get_object(request, object_id)
        sections = sections_for(request, account) if account else ""
        return super().change_view(request, object_id, form_url, {"sections": sections} | (extra_context or {}))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.award_view)
        return [path("<path:object_id>/award/", view, name="loyalty_playerloyalty_award"), *super().get_urls()]

    @keeps_typed(*TYPED_FIELDS)
    def award_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the award form, or make the award once and redirect to the account.

        A post is not refused here for a missing permission: the service checks it, and answers a replay with its first
        result even if the permission has been revoked since.
        """
        account, staff, now = viewable(self, request, object_id), staff_of(request), timezone.now()
        if request.method == "POST":
            form = AwardForm(request.POST, account=account, staff=staff, now=now)
            if form.is_valid() and self._needs_asking(account, form) and (page := ask_again(request)):
                return page
            if form.is_valid() and (posting := self._award(request, account, form)):
                self.message_user(request, *_answer(posting))
                return HttpResponseRedirect(page_url(account))
        else:
            if not holds_on(staff, AWARD, account.program):
                raise PermissionDenied
            form = AwardForm(account=account, staff=staff, now=now, typed=typed_before(request, *TYPED_FIELDS))
        return form_page(
            self,
            request,
            title=f"Award points to {account.player}",
            form=form,
            submit_label="Award points",
            cancel_url=page_url(account),
            original=account,
            sections=sections_for(request, account),
            facts=[*facts_of(account), ("Progress", self.progress(account))],
        )

    def _needs_asking(self, account: PlayerLoyalty, form: AwardForm) -> bool:
        """Whether an award of so many points asks again who makes it."""
        limit = account.player.casino.confirmed_award_points
        return limit is not None and form.cleaned_data["points"] > limit

    def _award(self, request: HttpRequest, account: PlayerLoyalty, form: AwardForm) -> LoyaltyPosting | None:
        cleaned: dict[str, Any] = form.cleaned_data
        try:
            return manual_reward(
                player=account.player_id,
                points=cleaned["points"],
                reason=cleaned["reason"],
                reason_code=cleaned["reason_code"],
                actor=staff_of(request),
                at=timezone.now(),
                reward_id=cleaned["reward_id"] or None,
                requested_at=form.requested_at,
            )
        except DomainError as error:
            form.add_refusal(error)
            return None


def _answer(posting: LoyaltyPosting) -> tuple[str, int]:
    balances = balances_of(posting)
    if posting.replayed:
        when = display.moment(posting.updated_at)
        text = f"This award was already made on {when}, entry #{posting.entry_id} ({balances}): nothing was added."
        return text + reversed_since(posting), messages.WARNING
    return (
        f"{counted(posting.points, 'point')} awarded: {balances}{new_tier_of(posting)}. Entry #{posting.entry_id}.",
        messages.SUCCESS,
    )


@adds_links(PlayerLoyalty)
def posting_links(request: HttpRequest, account: PlayerLoyalty) -> Iterable[Link]:
    """Buttons for what the member of staff may post to the account, which is not their own."""
    pages = {
        AWARD: ("Award points", "award"),
        REDEEM: ("Redeem points", "redeem"),
        ADJUST: ("Adjust points", "adjust"),
    }
    if account.player.status != Player.Status.ACTIVE:
        del pages[REDEEM]
    for permission, (label, page) in pages.items():
        if holds_on(staff_of(request), permission, account.program, player_id=account.player_id):
            url = reverse(f"admin:loyalty_playerloyalty_{page}", args=[account.pk])
            yield Link(label=label, url=url, is_primary=permission == AWARD)


@adds_links(Player)
def _player_links(request: HttpRequest, player: Player) -> Iterable[Link]:
    account = PlayerLoyalty.objects.filter(player=player).first()
    if account and staff_of(request).has_perm(VIEW_ACCOUNTS):
        yield Link(label="Loyalty account", url=page_url(account))
