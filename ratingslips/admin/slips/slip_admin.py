"""The list of rating slips, and the page of one slip."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Final
from uuid import uuid4

from django.contrib import admin
from django.db.models import Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html

from core.console.asking_again import ask_again
from core.console.confirmation import CONFIRMED, ConfirmingAdmin, run
from core.console.links import Link, adds_links, list_url, own_page
from core.console.lists import LongList, OwnCasinoFilter, PlayerFilter, PlayerSearch
from core.console.queries import reads
from core.console.scope import ServiceOwnedAdmin, staff_of
from core.correlation import parse
from core.models import Player
from core.player_search import PLAYERS_WITH_ROWS_MAX
from ratingslips.admin.slips import actions
from ratingslips.admin.slips.correct_page import FROM_FLOOR, correct_page, preview_page
from ratingslips.admin.slips.corrections import corrections_section, read_corrections
from ratingslips.admin.slips.money import Money
from ratingslips.admin.slips.money_inline import MoneyRowInline
from ratingslips.admin.slips.opening import open_page
from ratingslips.admin.slips.rights import (
    holds_on_a_pit,
    may_award,
    may_correct,
    may_operate,
    may_reassign,
    may_recover,
    may_void,
)
from ratingslips.admin.slips.rows import version_of
from ratingslips.admin.slips.segments import PlaySegmentInline, SupersededInline
from ratingslips.admin.slips.slip_action import SlipAction
from ratingslips.admin.slips.slip_columns import SlipColumns
from ratingslips.admin.slips.slip_filters import CorrectedFilter, OwedFilter, SlipDayFilter
from ratingslips.admin.slips.times import TimeForm, minutes_offered
from ratingslips.admin.slips.uncollected import kept_tier_of
from ratingslips.history import LINKED_SLIPS
from ratingslips.models import RatingSlip, SlipRequest
from ratingslips.permissions import CORRECT_SLIP, OPERATE_PIT, RECOVER_LOYALTY, VIEW_SLIPS

_LISTED: Final = ("player", "table", "pit", "ledger_entry", *LINKED_SLIPS)
_SHOWN: Final = (*_LISTED, "casino", "player__loyalty", "opened_by", "closed_by", "recovered_by")


@admin.register(RatingSlip)
class RatingSlipAdmin(SlipColumns, LongList, PlayerSearch, ConfirmingAdmin[RatingSlip], ServiceOwnedAdmin[RatingSlip]):
    """Slips, read-only except for the actions, which call the services."""

    casino_lookup = "casino"
    change_form_template = "ratingslips/slips/slip.html"
    list_display = (
        "slip_number",
        "state_and_version",
        "player_name",
        "place",
        "bet",
        "time_played",
        "opened",
        "theo",
        "points",
    )
    list_filter = (
        "status",
        OwedFilter,
        CorrectedFilter,
        ("pit", OwnCasinoFilter),
        SlipDayFilter,
        PlayerFilter,
    )
    search_help_text = "Slip number, card number or name."
    players_looked_up = PLAYERS_WITH_ROWS_MAX
    lists_one_player = True
    list_per_page = 10  # A row reads about ten blocks.
    ordering = ("casino_id", "-opened_at")  # as the index has it
    actions = ("pause", "resume", "change_bet", "move", "complete", "recover", "release", "void")
    inlines = (PlaySegmentInline, SupersededInline, MoneyRowInline)
    fields = (
        ("state", "place", "bet", "time_played"),
        ("player_link", "account_link", "points", "entry_link"),
        ("theo", "bought_in", "taken_away", "actual_win", "gaming_day"),
        ("opened_exactly", "opened_by", "closed_exactly", "closed_by"),
        ("settled_exactly", "why_owed", "recovered_by"),
        ("why_withheld", "released"),
        ("slip_number", "correlation_id", "linked"),
    )
    readonly_fields = (
        "state",
        "player_link",
        "account_link",
        "place",
        "bet",
        "time_played",
        "theo",
        "bought_in",
        "taken_away",
        "actual_win",
        "points",
        "entry_link",
        "opened_exactly",
        "closed_exactly",
        "settled_exactly",
        "why_owed",
        "why_withheld",
        "released",
        "linked",
    )

    def get_queryset(self, request: HttpRequest) -> "QuerySet[RatingSlip]":
        slips = super().get_queryset(request).prefetch_related(*_LISTED)
        return slips.with_play(now=timezone.now())  # type: ignore[attr-defined, no-any-return]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> RatingSlip | None:
        """The slip of the page, with its money and when its closing was recorded, which lists do not show.

        A closing that a correction moved was recorded with the correction.
        """
        closing = SlipRequest.objects.filter(correlation_id=OuterRef("correlation_id"), slip=OuterRef("pk"))
        at_closing = closing.filter(happened_at=OuterRef("closed_at")).order_by("recorded_at")
        seen: Any = self.get_queryset(request).prefetch_related(None).with_money()  # type: ignore[attr-defined]
        slips = seen.annotate(closing_recorded_at=Subquery(at_closing.values("recorded_at")[:1]))
        found: RatingSlip | None = slips.select_related(*_SHOWN).filter(pk=parse(object_id)).first()
        return found

    def get_inlines(self, request: HttpRequest, obj: RatingSlip | None) -> Any:
        """The tables of the slip's page; that of superseded play only if there is any."""
        has_superseded = obj is not None and obj.correction_count > int(obj.is_void)
        return [one for one in super().get_inlines(request, obj) if has_superseded or one is not SupersededInline]

    def search_condition(self, text: str, players: Sequence[int]) -> Q:
        return super().search_condition(text, players) | Q(slip_number__iexact=text.strip())

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Whether the actions of a live slip are offered."""
        return holds_on_a_pit(request, OPERATE_PIT)

    def has_recover_permission(self, request: HttpRequest) -> bool:
        """Whether paying owed points is offered."""
        return holds_on_a_pit(request, RECOVER_LOYALTY)

    def has_release_permission(self, request: HttpRequest) -> bool:
        """Whether releasing withheld points is offered."""
        return may_award(request) and holds_on_a_pit(request, RECOVER_LOYALTY)

    def has_void_permission(self, request: HttpRequest) -> bool:
        """Whether voiding is offered: bosses may void slips that they have just opened."""
        return holds_on_a_pit(request, CORRECT_SLIP) or holds_on_a_pit(request, OPERATE_PIT)

    @admin.action(description="Pause …", permissions=["operate"])
    def pause(self, request: HttpRequest, slips: "QuerySet[RatingSlip]") -> HttpResponse | None:
        return run(self, request, slips, actions.PAUSE.row_action(request))

    @admin.action(description="Resume …", permissions=["operate"])
    def resume(self, request: HttpRequest, slips: "QuerySet[RatingSlip]") -> HttpResponse | None:
        return run(self, request, slips, actions.RESUME.row_action(request))

    @admin.action(description="Change average bet …", permissions=["operate"])
    def change_bet(self, request: HttpRequest, slips: "QuerySet[RatingSlip]") -> HttpResponse | None:
        return run(self, request, slips, actions.CHANGE_BET.row_action(request))

    @admin.action(description="Move …", permissions=["operate"])
    def move(self, request: HttpRequest, slips: "QuerySet[RatingSlip]") -> HttpResponse | None:
        return run(self, request, slips, actions.MOVE.row_action(request))

    @admin.action(description="Close …", permissions=["operate"])
    def complete(self, request: HttpRequest, slips: "QuerySet[RatingSlip]") -> HttpResponse | None:
        return run(self, request, slips, actions.COMPLETE.row_action(request))

    @admin.action(description="Pay points owed …", permissions=["recover"])
    def recover(self, request: HttpRequest, slips: "QuerySet[RatingSlip]") -> HttpResponse | None:
        return run(self, request, slips, actions.RECOVER.row_action(request))

    @admin.action(description="Release withheld points …", permissions=["release"])
    def release(self, request: HttpRequest, slips: "QuerySet[RatingSlip]") -> HttpResponse | None:
        return run(self, request, slips, actions.RELEASE.row_action(request))

    @admin.action(description="Void …", permissions=["void"])
    def void(self, request: HttpRequest, slips: "QuerySet[RatingSlip]") -> HttpResponse | None:
        page = ask_again(request) if CONFIRMED in request.POST else None
        return page or run(self, request, slips, actions.VOID.row_action(request))

    def list_links(self, request: HttpRequest) -> Iterable[Link]:
        if self.has_operate_permission(request):
            yield Link(label="Open a slip", url=reverse("admin:ratingslips_ratingslip_open"), is_primary=True)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        slip = context["original"]
        context["slip_actions"] = offered = _actions_for(request, slip)
        context["slip_version"] = version_of(slip).text
        context["request_id"] = uuid4()
        context["sections"] = corrections_section(slip, read_corrections(slip))
        if slip.uncollected_points:
            context["sections"] += format_html("<p>{}</p>", kept_tier_of(slip.player))
        operates = actions.PAUSE in offered or actions.RESUME in offered
        context["may_reassign"] = may_reassign(request, slip, operates=operates)
        context["may_correct"] = may_correct(request, slip)
        context["days_of_cash"] = Money.of(slip, now=timezone.now()).at_threshold
        if slip.is_live:
            last_at = slip.segments.current().aggregate(at=Max(Coalesce("ended_at", "started_at")))["at"]
            minutes = minutes_offered(request, slip.pit, casino=slip.casino, now=timezone.now(), since=last_at)
            context["slip_time"] = TimeForm(prefix=str(slip.pk), offered=minutes)
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(reads("player")(partial(open_page, self)))
        correct = self.admin_site.admin_view(reads(FROM_FLOOR)(partial(correct_page, self)))
        preview = self.admin_site.admin_view(reads(FROM_FLOOR)(partial(preview_page, self)))
        return [
            path("open/", view, name="ratingslips_ratingslip_open"),
            path("<path:object_id>/correct/", correct, name="ratingslips_ratingslip_correct"),
            path("<path:object_id>/preview/", preview, name="ratingslips_ratingslip_preview"),
            *super().get_urls(),
        ]


def _actions_for(request: HttpRequest, slip: RatingSlip) -> list[SlipAction]:
    """The actions that the state of the slip and the permissions of the viewer allow."""
    offered: list[SlipAction] = []
    if slip.is_live and may_operate(request, slip):
        switch = actions.RESUME if slip.status == RatingSlip.Status.PAUSED else actions.PAUSE
        offered += [switch, actions.CHANGE_BET, actions.MOVE, actions.COMPLETE]
    is_unpaid = slip.is_owed or (slip.is_withheld and may_award(request))
    if is_unpaid and may_recover(request, slip):
        offered.append(actions.RECOVER if slip.is_owed else actions.RELEASE)
    if may_void(request, slip):
        offered.append(actions.VOID)
    return offered


@own_page(Player)
def _player_page(player: Player) -> str:
    return reverse("desk:player", args=[player.pk])


@adds_links(Player)
def _player_links(request: HttpRequest, player: Player) -> Iterable[Link]:
    if not staff_of(request).has_perm(VIEW_SLIPS):
        return
    if holds_on_a_pit(request, OPERATE_PIT) and player.status == Player.Status.ACTIVE:
        url = f"{reverse('admin:ratingslips_ratingslip_open')}?player={player.pk}"
        yield Link(label="Open a slip", url=url, is_primary=True)
    yield Link(label="Slips", url=list_url(RatingSlip, player__id__exact=player.pk))
