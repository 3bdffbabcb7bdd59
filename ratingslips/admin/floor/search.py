"""Find the players to offer at an empty seat: the results of a search, or the players who played last."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from statistics import median_low
from typing import Any, Final

from django.db.models import (
    Case,
    DateTimeField,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Prefetch,
    QuerySet,
    Subquery,
    Value,
    When,
    prefetch_related_objects,
)

from core.kept_queries import KeptQuery
from core.models import Casino, Player
from core.player_search import first_matching
from loyalty.models import PlayerLoyalty
from ratingslips.models import GamingTable, PlaySegment, RatingSlip

SEARCH_MAX_LENGTH: Final = 100
PLAYERS_SHOWN: Final = 12
PLAYERS_RANKED: Final = 20
RECENT_SLIPS_READ: Final = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A player who is offered; `live_slip` if they sit at a table already."""

    player: Player
    tier: str
    live_slip: RatingSlip | None

    @property
    def may_play(self) -> bool:
        """Whether a slip can be opened for the player."""
        return self.live_slip is None and self.player.status == Player.Status.ACTIVE


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchResult:
    """The first results of a search; `has_more` if there are others."""

    text: str
    candidates: Sequence[Candidate]
    has_more: bool


def find_players(casino: Casino, text: str) -> SearchResult:
    """Search the players of `casino`; without `text`, give those whose play ended last.

    Results are ordered by card number (the same, then the same beginning), then players without a live slip, then by
    their last play.
    """
    text = " ".join(text.replace("\0", "").split())
    players = Player.objects.filter(casino=casino)
    found = _matching(players, text) if text else _recent(players, casino)
    shown = found[:PLAYERS_SHOWN]
    prefetch_related_objects(shown, Prefetch("loyalty", PlayerLoyalty.objects.select_related("tier")))
    seated = _live_slips_of(shown) if text else {}
    candidates = [Candidate(player=one, tier=_tier_of(one), live_slip=seated.get(one.pk)) for one in shown]
    return SearchResult(text=text, candidates=candidates, has_more=len(found) > PLAYERS_SHOWN)


def _matching(players: "QuerySet[Player]", text: str) -> list[Player]:
    # In the order of an index: by the end of play, the live slip first.
    slips = RatingSlip.objects.not_void().filter(player=OuterRef("pk")).order_by(F("closed_at").desc(nulls_first=True))
    by_card = Case(
        When(card_number__iexact=text, then=Value(0)),
        When(card_number__istartswith=text, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    found = players.filter(pk__in=first_matching(players, text, most=PLAYERS_RANKED))
    matching = found.alias(
        by_card=by_card,
        is_seated=Exists(RatingSlip.objects.live().filter(player=OuterRef("pk"))),
        last_played_at=Subquery(slips.values("closed_at")[:1], output_field=DateTimeField()),
    )
    latest_first = F("last_played_at").desc(nulls_last=True)
    return list(matching.order_by("by_card", "is_seated", latest_first, "sort_name", "pk")[: PLAYERS_SHOWN + 1])


def _recent(players: "QuerySet[Player]", casino: Casino) -> list[Player]:
    """The active players of the slips that were closed last, without those who have a live slip."""
    latest = dict.fromkeys(slip.player_id for slip in _latest_closed(casino.pk))
    seated = set(RatingSlip.objects.live().filter(player__in=latest).values_list("player", flat=True))
    found = {player.pk: player for player in players.filter(pk__in=latest, status=Player.Status.ACTIVE)}
    return [found[key] for key in latest if key in found and key not in seated][:PLAYERS_SHOWN]


_latest_closed = KeptQuery(
    lambda casino_id: (
        RatingSlip.objects.filter(casino=casino_id, status="CLOSED")
        .order_by("-closed_at")
        .only("player")[:RECENT_SLIPS_READ]
    )
)


def _live_slips_of(players: Sequence[Player]) -> dict[int, RatingSlip]:
    slips = RatingSlip.objects.live().filter(player__in=players).select_related("table")
    return {slip.player_id: slip for slip in slips}


def _tier_of(player: Any) -> str:
    return str(player.loyalty.tier) if hasattr(player, "loyalty") else ""


def usual_bet(table: GamingTable) -> Decimal | None:
    """The usual bet at this table: the median of the latest bets at its seats; None before any play.

    It reads one row of the index for each seat. The lower median is always one of these bets.
    """
    bets: list[Any] = _latest_bets(table.seats)(table.pk)
    return median_low(bets) if bets else None


@cache
def _latest_bets(seats: int) -> KeptQuery[Any]:
    """The latest bet at each seat of a table of so many, by the key of the table."""

    def query(table_id: int) -> Any:
        played = PlaySegment.objects.current().filter(table=table_id).order_by("-started_at")
        bets = played.values_list("average_bet", flat=True)
        first, *others = [bets.filter(seat=number)[:1] for number in range(1, seats + 1)]
        return first.union(*others, all=True) if others else first

    return KeptQuery(query)
