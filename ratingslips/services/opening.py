"""Open a slip for a player who sits down."""

import re
from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

import structlog
from django.db import connection
from django.db.models import F
from django.db.models.functions import Upper

from core.clock import checked_event_time, clamp_to_last_event
from core.errors import DomainError, NotFound
from core.idempotency import Request
from core.kept_queries import KeptQuery
from core.local_time import exact_time_in
from core.locks import lock_names
from core.models import Player, User
from core.permissions import require_permission
from core.retries import retried
from core.text import isolated, quoted
from core.transactions import operation
from loyalty.services import PlayerNotActive
from ratingslips.models import SLIP_NUMBER_MAX_LENGTH, GamingTable, MoneyRow, PlaySegment, RatingSlip, SlipRequest
from ratingslips.permissions import OPERATE_PIT
from ratingslips.services.money import Kind, Means, means_of, new_row, require_means
from ratingslips.services.requests import RequestKind, amount_text, lock_request, record, repeated
from ratingslips.services.seats import TableNotActive, checked_seat_time, lock_table
from ratingslips.services.segments import begin_segment
from ratingslips.services.stakes import require_amount, require_average_bet
from ratingslips.services.times import ChosenTime, require_within_reach, with_time

log = structlog.get_logger(__name__)

_SLIP_NUMBER: Final = re.compile(rf"[A-Za-z0-9/_-]{{1,{SLIP_NUMBER_MAX_LENGTH}}}")
_OWN_SLIP_NUMBER: Final = re.compile(r"[Rr][0-9]+")


class PlayerHasLiveSlip(DomainError):
    """The player is being rated already."""

    code = "PLAYER_HAS_LIVE_SLIP"


class PlayerStillPlayed(DomainError):
    """The player was playing on another slip when this one should open, or has played since."""

    code = "PLAYER_STILL_PLAYED"


class SlipNumberTaken(DomainError):
    """The casino has another slip of this number, without regard to case."""

    code = "SLIP_NUMBER_TAKEN"


class InvalidSlipNumber(DomainError):
    """The slip number has other characters than letters, digits, `-`, `_` and `/`, or is one of the product's own."""

    code = "INVALID_SLIP_NUMBER"

    def __init__(self, slip_number: str) -> None:
        super().__init__(
            f"{quoted(slip_number)} cannot be a slip number: use 1 to {SLIP_NUMBER_MAX_LENGTH} letters A to Z, digits, "
            "“-”, “_” and “/”. R with digits is the product's own."
        )


@retried
def open_rating_slip(
    *,
    player: Player | int,
    table: GamingTable | int,
    seat: int,
    average_bet: Decimal,
    actor: User,
    at: datetime,
    buy_in: Decimal | None = None,
    means: MoneyRow.Means | str = Means.CASH,
    slip_number: str | None = None,
    chosen_time: ChosenTime | None = None,
    request_id: UUID | None = None,
) -> RatingSlip:
    """Open a slip for a player who sits down; without a `slip_number` it gets the product's next one (R00001 …).

    `means` is what the player bought in with. `chosen_time` is given if `at` is a time that the actor chose, and not
    the time at which they acted.

    The same request sent again returns the slip that the first one opened: see `lock_request`.

    :raises IdempotencyConflict: see `lock_request`.
    :raises InvalidAverageBet: the bet is not a positive amount with two decimals under the limit.
    :raises InvalidAmount: the buy-in is not an amount of money.
    :raises InvalidTime: `at` is in the future.
    :raises NotFound: there is no such player or table.
    :raises NotPermitted: the actor does not operate the table's pit.
    :raises OwnPlay: the player account is the actor's own.
    :raises PlayerNotActive: the player is barred or inactive.
    :raises PlayerHasLiveSlip: saying where the player sits.
    :raises TooLongAgo: `at` is before the earliest time that the actor may choose.
    :raises PlayerStillPlayed: the player's last slip closed after `at`, saying when: play is recorded in order, and
        paid once.
    :raises TableNotActive, NoSuchSeat, SeatTaken: see `checked_seat_time`.
    :raises SlipNumberTaken: the number is another slip's.
    :raises InvalidSlipNumber: it has other characters, or the form that the product gives out itself.
    :raises Busy: the player or the table was locked for too long.
    """
    require_average_bet(average_bet)
    require_amount(buy_in, name="buy-in")
    require_means(means)
    checked_event_time(at)
    player_id = player if isinstance(player, int) else player.pk
    table_id = table if isinstance(table, int) else table.pk
    contents: Request = {
        "player": player_id,
        "table": table_id,
        "seat": seat,
        "average_bet": amount_text(average_bet),
        "buy_in": amount_text(buy_in),
        "slip_number": slip_number,
        **means_of(means),
    }
    contents = with_time(contents, chosen_time)
    with operation("ratingslips.open", actor_id=actor.pk):
        request = lock_request(RequestKind.OPEN, request_id=request_id, actor=actor, contents=contents)
        if request.is_recorded:
            return repeated(request)
        slip = _seated_slip(request, player_id=player_id, table_id=table_id, seat=seat, at=at, chosen_time=chosen_time)
        slip.slip_number = checked_number(slip_number, casino_id=slip.casino_id) or next_number()
        slip.save(force_insert=True)
        first_segment(slip, average_bet=average_bet).save()
        request.happened_at = slip.opened_at
        record(request, slip=slip)
        if buy_in:
            new_row(Kind.BUY_IN, slip=slip, amount=buy_in, means=means, request=request).save()
    log.info("ratingslips.slip_opened", slip_id=str(slip.pk), actor_id=actor.pk, table_id=table_id, seat=seat)
    return slip


def _seated_slip(
    request: SlipRequest,
    *,
    player_id: int,
    table_id: int,
    seat: int,
    at: datetime,
    chosen_time: ChosenTime | None,
) -> RatingSlip:
    """Lock the player and the table, check that the player may sit down there, and return a new slip, not saved."""
    player, table = lock_player(player_id), lock_table(table_id=table_id)
    casino = table.pit.casino
    require_permission(request.actor, OPERATE_PIT, table.pit, player_id=player.pk)
    if table.casino_id != player.casino_id:
        raise TableNotActive(f"{isolated(table.name)} belongs to another casino than the player.")
    require_within_reach(at, chosen_time=chosen_time, casino=casino)
    at = free_at(at, player=player, table=table, seat=seat, to_the_minute=chosen_time is not None)
    return RatingSlip(
        casino=casino,
        player=player,
        table=table,
        pit=table.pit,
        seat=seat,
        opened_at=at,
        opened_by=request.actor,
        gaming_day=casino.gaming_day_at(at),
        correlation_id=request.correlation_id,
    )


def free_at(at: datetime, *, player: Player, table: GamingTable, seat: int, to_the_minute: bool) -> datetime:
    """Refuse an opening while the player or the seat was not free; return the instant at which the slip opens.

    :raises PlayerStillPlayed, SeatTaken: saying since when; if neither was free, the error of the later one.
    """
    last = _last_slip(player)
    left_at = last.closed_at if last else None
    at = clamp_to_last_event(at, last_event=left_at, to_the_minute=to_the_minute)
    taken_at = checked_seat_time(table=table, seat=seat, at=max(at, left_at or at), to_the_minute=to_the_minute)
    if last is not None and left_at is not None and at < left_at:
        until = exact_time_in(left_at, table.casino)
        raise PlayerStillPlayed(
            f"{player} played on slip {last.slip_number} until {until}: choose that time or a later one."
        )
    return taken_at


def first_segment(slip: RatingSlip, *, average_bet: Decimal) -> PlaySegment:
    """The segment that begins when the slip opens; it is not saved yet."""
    return begin_segment(
        slip=slip,
        seq=1,
        table=slip.table,
        seat=slip.seat,
        average_bet=average_bet,
        at=slip.opened_at,
        started_as=PlaySegment.Start.OPENED,
        actor=slip.opened_by,
        correlation_id=slip.correlation_id,
    )


_locked = KeptQuery(lambda player_id: Player.objects.locked().filter(pk=player_id))
_last_slips = KeptQuery(
    lambda player_id: (
        RatingSlip.objects.not_void()
        .filter(player=player_id)
        .select_related("table")
        .order_by(F("closed_at").desc(nulls_first=True))[:1]
    )
)


def lock_player(player_id: int) -> Player:
    """Lock a player.

    :raises NotFound: there is no such player.
    """
    return lock_players([player_id])[player_id]


def lock_players(player_ids: Collection[int]) -> dict[int, Player]:
    """Lock players in key order, in one statement; by key.

    :raises NotFound: there is no such player.
    """
    players = _locked(*player_ids) if len(player_ids) == 1 else Player.objects.locked().filter(pk__in=player_ids)
    locked = {player.pk: player for player in players}
    if missing := set(player_ids) - locked.keys():
        raise NotFound(f"There is no player {min(missing)}.")
    return locked


def require_active(player: Player, *, otherwise: str = "no slip was opened") -> None:
    """:raises PlayerNotActive: the player is barred or inactive, with `otherwise` in the sentence."""
    if player.status != Player.Status.ACTIVE:
        raise PlayerNotActive(f"{player} is {player.get_status_display().lower()}: {otherwise}.")


def _last_slip(player: Player) -> RatingSlip | None:
    """The slip of an active player that closed last.

    :raises PlayerNotActive: see `require_active`.
    :raises PlayerHasLiveSlip: saying where the player sits.
    """
    require_active(player)
    last = next(iter(_last_slips(player.pk)), None)
    if last is not None and last.closed_at is None:
        raise PlayerHasLiveSlip(
            f"{player} already has slip {last.slip_number}, {last.get_status_display().lower()} at {last.place}. "
            "Close or move that one."
        )
    return last


def checked_number(slip_number: str | None, *, casino_id: int) -> str | None:
    """Lock a slip number, and return it.

    :raises SlipNumberTaken: it is another slip's, or cannot be a slip number.
    """
    if slip_number is None:
        return None
    require_slip_number(slip_number)
    require_free_number(slip_number, taken=lock_numbers([slip_number], casino_id=casino_id))
    return slip_number


def require_slip_number(slip_number: str) -> None:
    """:raises InvalidSlipNumber: it cannot be a slip number."""
    if not _SLIP_NUMBER.fullmatch(slip_number) or _OWN_SLIP_NUMBER.fullmatch(slip_number):
        raise InvalidSlipNumber(slip_number)


def require_free_number(slip_number: str, *, taken: Collection[str]) -> None:
    """:raises SlipNumberTaken: it is among those that `lock_numbers` found."""
    if slip_number.upper() in taken:
        raise SlipNumberTaken(f"Slip number {slip_number} is already used in this casino.")


def lock_numbers(slip_numbers: Collection[str], *, casino_id: int) -> set[str]:
    """Lock slip numbers of a casino, and return those that slips have already, in capitals."""
    numbers = {slip_number.upper() for slip_number in slip_numbers}
    lock_names("slip_number", [f"{casino_id}:{number}" for number in numbers])
    number = Upper("slip_number")
    slips = RatingSlip.objects.alias(number=number).filter(casino=casino_id, number__in=numbers).order_by()
    return set(slips.values_list(number, flat=True))


def next_number() -> str:
    """The next slip number of the product's own."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('ratingslips_slip_number')")
        return f"R{cursor.fetchone()[0]:05d}"
