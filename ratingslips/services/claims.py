"""Whether other slips were played at the times of a draft, by the same player or in the same seats.

A draft claims its player for the time of the slip, and each seat for the time in which it is held.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db import connection

from core.local_time import exact_time_in
from core.models import Casino, Player
from ratingslips.models import RatingSlip
from ratingslips.services.draft import Draft, Stay

# Of a player, or of a table and a seat.
Key = tuple[int, int] | int

# How many rows are read at first for each claim, and the factor if they are all of slips that are skipped.
MAX_OVERLAPS: Final = 100
_MORE: Final = 10

# For each claim, the play that overlaps it, in order: of a player by the slips, of a seat by the segments that count.
# The indexes of the exclusion constraints find it. SQL because the ORM has no join with a list of values.
_OVERLAPPING: Final = """
WITH claim AS MATERIALIZED (
    SELECT * FROM unnest(
        %(players)s::bigint[], %(tables)s::bigint[], %(seats)s::smallint[], %(since)s::timestamptz[],
        %(until)s::timestamptz[]
    ) WITH ORDINALITY AS listed (player_id, table_id, seat, since, until, number)
)
SELECT claim.number, slip.slip_number, played.began, played.ended,
       player.card_number, player.first_name, player.last_name
FROM claim CROSS JOIN LATERAL (
    (
        SELECT id AS slip_id, opened_at AS began, closed_at AS ended
        FROM ratingslips_ratingslip
        WHERE player_id = claim.player_id AND status <> 'VOID'
          AND tstzrange(opened_at, closed_at) && tstzrange(claim.since, claim.until)
        ORDER BY opened_at, id LIMIT %(most)s
    ) UNION ALL (
        SELECT slip_id, started_at, held_until
        FROM ratingslips_playsegment
        WHERE table_id = claim.table_id AND seat = claim.seat AND superseded_by_id IS NULL
          AND tstzrange(started_at, held_until) && tstzrange(claim.since, claim.until)
        ORDER BY started_at, id LIMIT %(most)s
    )
) AS played
JOIN ratingslips_ratingslip AS slip ON slip.id = played.slip_id
JOIN core_player AS player ON player.id = slip.player_id
ORDER BY claim.number, played.began, slip.slip_number
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """The time in which a slip was played, or in which it held one seat. It goes on if `until` is None."""

    slip_number: str
    player: str
    since: datetime
    until: datetime | None

    def overlaps(self, *, since: datetime, until: datetime | None) -> bool:
        """Whether an instant is in both spans, whose ends are not in them."""
        if self.since == self.until or since == until:
            return False
        return (until is None or self.since < until) and (self.until is None or since < self.until)

    def words(self, casino: Casino) -> str:
        """The span by the clocks of `casino`, for people."""
        since = exact_time_in(self.since, casino)
        if self.until is None:
            return f"on slip {self.slip_number} since {since}, which is not closed"
        return f"on slip {self.slip_number} from {since} to {exact_time_in(self.until, casino)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A player or a seat that a slip needs for itself from `since` to `until`; without an end if `until` is None.

    A seat has its `stay`. `act` is the position of the act that claims: that act is refused if the claim overlaps.
    """

    key: Key
    since: datetime
    until: datetime | None
    act: int
    stay: Stay | None = None


@dataclass(kw_only=True, slots=True)
class PlannedPlay:
    """The play of slips that were judged and are not written yet, by player, and by table and seat.

    What the database has of these slips is ignored.
    """

    slip_numbers: set[str] = field(default_factory=set)
    spans: defaultdict[Key, list[Span]] = field(default_factory=lambda: defaultdict(list))

    def add(self, draft: Draft) -> None:
        """Add the play of the draft's slip."""
        slip = draft.slip
        assert slip is not None
        self.slip_numbers.add(slip.slip_number)
        self._add(slip.player_id, slip, since=slip.opened_at, until=slip.closed_at)
        for segment in draft.segments:
            self._add((segment.table_id, segment.seat), slip, since=segment.started_at, until=segment.held_until)

    def skips(self, slip_number: str, *, own: Collection[str]) -> bool:
        """Whether to ignore what the database has of a slip: it is planned, or is among `own` (in capitals)."""
        return slip_number in self.slip_numbers or slip_number.upper() in own

    def _add(self, key: Key, slip: RatingSlip, *, since: datetime, until: datetime | None) -> None:
        span = Span(slip_number=slip.slip_number, player=str(slip.player), since=since, until=until)
        self.spans[key].append(span)

    def first(self, claim: Claim, recorded: Sequence[Span], *, slip_number: str) -> Span | None:
        """The first span of another slip that overlaps the claim, among those `recorded` and those planned."""
        spans = [span for span in recorded if span.slip_number not in self.slip_numbers]
        spans += [span for span in self.spans.get(claim.key, ()) if span.overlaps(since=claim.since, until=claim.until)]
        others = (span for span in spans if span.slip_number != slip_number)
        return min(others, key=lambda span: span.since, default=None)


def claims_of(draft: Draft) -> list[Claim]:
    """The claims of a draft: the player if the slip is new, and each seat that its acts took."""
    slip = draft.slip
    if slip is None:
        return []
    claims = []
    if draft.is_new:
        claims.append(Claim(key=slip.player_id, since=slip.opened_at, until=slip.closed_at, act=draft.seated_by[0]))
    for stay in draft.stays():
        key = stay.table.pk, stay.seat
        claims.append(Claim(key=key, since=stay.since, until=stay.until, act=stay.act, stay=stay))
    return claims


def recorded_play(
    claims: Collection[Claim], *, plan: PlannedPlay, own: Collection[str]
) -> Mapping[Claim, Sequence[Span]]:
    """Read the play that overlaps each claim, in order, in one statement; players and tables must be locked.

    At least the first play of a slip that `plan` does not skip is read; `own` are the slips that the claims are of.
    """
    found: dict[Claim, list[Span]] = {}
    unsure, most = claims, MAX_OVERLAPS
    while unsure:
        found |= _first_spans(unsure, most=most)
        unsure = [
            claim
            for claim in unsure
            if len(found[claim]) == most and all(plan.skips(span.slip_number, own=own) for span in found[claim])
        ]
        most *= _MORE
    return found


def _first_spans(claims: Collection[Claim], *, most: int) -> dict[Claim, list[Span]]:
    """The first spans that overlap each claim, at most so many."""
    found: dict[Claim, list[Span]] = {claim: [] for claim in claims}
    asked = [claim for claim in found if claim.since != claim.until]
    if not asked:
        return found
    seats = [claim.key if isinstance(claim.key, tuple) else (None, None) for claim in asked]
    with connection.cursor() as cursor:
        cursor.execute(
            _OVERLAPPING,
            {
                "players": [None if isinstance(claim.key, tuple) else claim.key for claim in asked],
                "tables": [table for table, _ in seats],
                "seats": [seat for _, seat in seats],
                "since": [claim.since for claim in asked],
                "until": [claim.until for claim in asked],
                "most": most,
            },
        )
        for number, slip_number, since, until, card, first_name, last_name in cursor.fetchall():
            player = Player(card_number=card, first_name=first_name, last_name=last_name)
            found[asked[number - 1]].append(Span(slip_number=slip_number, player=str(player), since=since, until=until))
    return found
