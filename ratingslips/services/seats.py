"""Lock a table and check that a seat is free; the lock keeps two requests from filling one seat."""

from collections.abc import Collection
from datetime import datetime

from django.db.models import F, QuerySet

from core.clock import clamp_to_last_event
from core.errors import DomainError, NotFound
from core.kept_queries import KeptQuery
from core.local_time import exact_time_in
from core.text import isolated
from ratingslips.models import GamingTable, PlaySegment, RatingSlip
from ratingslips.services.game_values import all_values


class TableNotActive(DomainError):
    """The table is closed or belongs to another casino."""

    code = "TABLE_NOT_ACTIVE"


class NoSuchSeat(DomainError):
    """The table has no seat of this number."""

    code = "NO_SUCH_SEAT"


class SeatTaken(DomainError):
    """Another player's live slip holds the seat."""

    code = "SEAT_TAKEN"


class AlreadySeated(DomainError):
    """The slip is at this table and seat already."""

    code = "ALREADY_SEATED"


def lock_table(*, table_id: int) -> GamingTable:
    """Lock a table, and read it with its pit, casino and the values of its game.

    :raises NotFound: there is no such table.
    """
    return lock_places([table_id])[table_id]


def lock_places(table_ids: Collection[int]) -> dict[int, GamingTable]:
    """Lock tables in key order, in one statement, and then read them with pit, casino and the values of their games.

    They are read after the lock, because pit and game may have changed while this transaction waited for it.

    :raises NotFound: there is no such table.
    """
    one = len(table_ids) == 1
    locked = {
        table.pk for table in (_locked(*table_ids) if one else GamingTable.objects.locked().filter(pk__in=table_ids))
    }
    if missing := set(table_ids) - locked:
        raise NotFound(f"There is no table {min(missing)}.")
    places = _places(*table_ids) if one else _with_places().filter(pk__in=table_ids)
    return {table.pk: table for table in places}


def _with_places() -> QuerySet[GamingTable]:
    tables = GamingTable.objects.select_related("casino", "pit__casino")
    return tables.annotate(values_of_game=all_values("game"))


_locked = KeptQuery(lambda table_id: GamingTable.objects.locked().filter(pk=table_id))
_places = KeptQuery(lambda table_id: _with_places().filter(pk=table_id))
_live_slips = KeptQuery(lambda table_id: RatingSlip.objects.live().filter(table=table_id).select_related("player"))


def _query_last_in(table_id: int, seat: int) -> QuerySet[PlaySegment]:
    segments = PlaySegment.objects.current().filter(table=table_id, seat=seat).select_related("slip__player")
    return segments.order_by("-started_at", "-pk")


_last_segments = KeptQuery(lambda table_id, seat: _query_last_in(table_id, seat)[:1])


def lock_tables(table_ids: Collection[int]) -> dict[int, GamingTable]:
    """Lock tables in key order, in one statement, and read them with the values of their games; by key.

    :raises NotFound: there is no such table.
    """
    return _by_key(GamingTable.objects.locked(), table_ids)


def read_tables(table_ids: Collection[int]) -> dict[int, GamingTable]:
    """The same without locks."""
    return _by_key(GamingTable.objects.all(), table_ids)


def _by_key(tables: QuerySet[GamingTable], table_ids: Collection[int]) -> dict[int, GamingTable]:
    found: dict[int, GamingTable] = {}
    found |= tables.annotate(values_of_game=all_values("game")).in_bulk(table_ids)
    if missing := set(table_ids) - found.keys():
        raise NotFound(f"There is no table {min(missing)}.")
    return found


def require_seat(*, table: GamingTable, seat: int) -> None:
    """Refuse a place where nobody can sit down.

    :raises TableNotActive: the table is closed.
    :raises NoSuchSeat: the table has no such seat.
    """
    if not table.is_active:
        raise TableNotActive(f"{isolated(table.name)} is not in use. Choose another table.")
    require_seat_of(table, seat)


def require_seat_of(table: GamingTable, seat: int) -> None:
    """:raises NoSuchSeat: the table has no seat of this number."""
    if not 1 <= seat <= table.seats:
        raise NoSuchSeat(f"{isolated(table.name)} has no seat {seat}: its seats are 1 to {table.seats}.")


def require_other_place(slip: RatingSlip, *, table: GamingTable, seat: int) -> None:
    """:raises AlreadySeated: the slip is at this table and seat."""
    if (table.pk, seat) == (slip.table_id, slip.seat):
        raise AlreadySeated(f"Slip {slip.slip_number} is already at {slip.place}.")


def checked_seat_time(*, table: GamingTable, seat: int, at: datetime, to_the_minute: bool) -> datetime:
    """Refuse a seat that is not free at `at`; return the instant at which it is taken. `table` must be locked.

    A person chooses a time `to_the_minute`: see `clamp_to_last_event`.

    A seat is taken if a live slip holds it now. If `at` is in the past, it is also taken by a slip that held it then or
    later: on the floor nobody sits down before the last play in the seat has ended. Imports use `overlaps_of`.

    :raises TableNotActive, NoSuchSeat: see `require_seat`.
    :raises SeatTaken: saying who holds it, or held it until when, and which seats are free.
    """
    require_seat(table=table, seat=seat)
    holders = {slip.seat: slip for slip in _live_slips(table.pk)}
    last = _last_in(table=table, seat=seat)
    at = clamp_to_last_event(at, last_event=last.held_until if last else None, to_the_minute=to_the_minute)
    holder = holders.get(seat) or _holder_since(at, last)
    if holder:
        free = [str(number) for number in range(1, table.seats + 1) if number not in holders and number != seat]
        by = f"by {holder.player} on slip {holder.slip_number}"
        until = last.held_until if last and seat not in holders else None
        raise SeatTaken(
            f"{isolated(table.name)} seat {seat} "
            + (f"was taken {by} until {exact_time_in(until, table.casino)}. " if until else f"is taken {by}. ")
            + (f"Free seats: {', '.join(free)}." if free else "No seat is free at this table.")
        )
    return at


def _last_in(*, table: GamingTable, seat: int) -> PlaySegment | None:
    """The current segment that held the seat last.

    It is the last one that began there, unless that has no length and lies within the time of another.
    """
    last = next(iter(_last_segments(table.pk, seat)), None)
    if last is None or last.held_until != last.started_at:
        return last
    longer = _query_last_in(table.pk, seat).exclude(held_until=F("started_at")).first()
    is_within = longer is not None and (longer.held_until is None or longer.held_until > last.started_at)
    return longer if is_within else last


def _holder_since(at: datetime, last: PlaySegment | None) -> RatingSlip | None:
    """The slip that held the seat at `at` or later; only the last slip in the seat can have."""
    return None if last is None or (last.held_until is not None and last.held_until <= at) else last.slip
