"""What the application's role inserts in the name of somebody without the right, or of a request for something else."""

from collections.abc import Callable, Iterator
from typing import Final

from guardian.shortcuts import remove_perm

from core.models import Player, User
from loyalty.models import LedgerEntry, PlayerLoyalty
from ratingslips.models import RatingSlip
from ratingslips.services import complete_rating_slip, reassign_rating_slip, release_withheld_points
from tests.floor import Floor, declared
from tests.loyalty.postings import award, reverse
from tests.tamperings.kinds import REFUSED, Act, Tampering, again, sql
from tests.tamperings.play import FORGED, OPEN, end, live_slip
from tests.tamperings.points import first_award, post

_AUTHENTIC: Final = "entries_are_authentic"
_OPENED: Final = "slip_was_opened_by_a_request"
_PAID: Final = "points_were_paid_by_a_request"


def _award_of(person: Callable[[Floor], User]) -> Act:
    """An award in the name of a person, with the code of a real award."""

    def act(floor: Floor) -> Iterator[None]:
        staff = person(floor)
        yield
        post(floor, first_award(), points=400, staff_id=staff.pk)

    return act


def _without_right(floor: Floor) -> User:
    remove_perm("loyalty.award", floor.supervisor, floor.program)
    return floor.supervisor


def _deactivated(floor: Floor) -> User:
    User.objects.filter(pk=floor.supervisor.pk).update(is_active=False)
    return floor.supervisor


def _elsewhere(_floor: Floor) -> User:
    return Floor.build().supervisor


def _to_themselves(floor: Floor) -> User:
    declared(floor.supervisor, first_award().account.player)
    return floor.supervisor


def _reversal(floor: Floor) -> Iterator[None]:
    real = reverse(floor, award(floor, floor.player(), points=500).entry_id)
    yield
    post(
        floor,
        first_award(),
        kind="REVERSAL",
        points=-500,
        reverses_id=first_award().pk,
        idempotency_key=f"reversal:{first_award().pk}",
        mac=LedgerEntry.objects.get(pk=real.entry_id).mac,
    )


def _points_of_owed(floor: Floor) -> Iterator[None]:
    owed = floor.owed_slip(seat=4)
    award(floor, owed.player, reward_id="second")
    yield
    slip, like = RatingSlip.objects.get(pk=owed.pk), LedgerEntry.objects.get(idempotency_key="reward:second")
    values = {"kind": "GAMEPLAY", "points": 578, "staff_id": None, "idempotency_key": str(slip.pk)}
    post(floor, like, **values, correlation_id=str(slip.correlation_id))
    sql("UPDATE ratingslips_ratingslip SET settled_at = closed_at, ledger_entry_id = 999999 WHERE id = %s", slip.pk)


def _balance_used(floor: Floor) -> Iterator[None]:
    yield
    account = first_award().account
    sql("UPDATE loyalty_playerloyalty SET balance = balance + 500 WHERE id = %s", account.pk)
    award(floor, account.player, reward_id="second")


def _account(floor: Floor) -> Iterator[None]:
    yield
    sql(
        "INSERT INTO core_player (casino_id, first_name, last_name, card_number, status)"
        " VALUES (%s, 'For', 'Ged', '999999', 'ACTIVE')",
        floor.casino.pk,
    )
    again(
        "loyalty_playerloyalty",
        PlayerLoyalty.objects.get(entry_count=1, balance=200).pk,
        id=999_999,
        player_id=Player.objects.latest("pk").pk,
    )


def _continued(floor: Floor) -> Iterator[None]:
    slip = floor.open_slip(seat=4)
    complete_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=3))
    yield
    begins = {"seat": 4, "opened_at": floor.ago(minutes=3).isoformat()}
    numbers = {"id": FORGED, "slip_number": "S99999", "player_id": slip.player_id, "continues_id": str(slip.pk)}
    again("ratingslips_ratingslip", live_slip().pk, **numbers, **begins)
    segment = {"id": 99_999, "slip_id": FORGED, "seat": 4, "started_at": floor.ago(minutes=3).isoformat()}
    again("ratingslips_playsegment", live_slip().segments.get().pk, **segment)


def _reassigned(floor: Floor) -> Iterator[None]:
    """The play of a slip that was given to another player, once more."""
    slip, right, player = floor.open_slip(seat=4), floor.player(), floor.player()
    given = reassign_rating_slip(slip=slip, player=right, actor=floor.supervisor, at=floor.now, reason="Another José")
    yield
    numbers = {"id": FORGED, "slip_number": "S99999", "player_id": player.pk, "seat": 6, "reassigned_from_id": None}
    again("ratingslips_ratingslip", given.slip.pk, **numbers)
    again("ratingslips_playsegment", given.slip.segments.get().pk, id=99_999, slip_id=FORGED, seat=6)


def _closing(floor: Floor) -> Iterator[None]:
    other = floor.open_slip(seat=4)
    complete_rating_slip(slip=other, actor=floor.boss, at=floor.ago(hours=1))
    yield
    correlation_id = other.requests.get(kind="CLOSE").correlation_id
    end(floor, slip := live_slip(), ended_as="CLOSED", correlation_id=correlation_id)
    sql(
        "UPDATE ratingslips_ratingslip SET status = 'CLOSED', closed_at = %s, closed_by_id = %s, theoretical_win = 9,"
        " correlation_id = %s, owed_because = 'BUSY' WHERE id = %s",
        floor.ago(hours=1),
        floor.boss.pk,
        correlation_id,
        slip.pk,
    )


def _move(floor: Floor) -> Iterator[None]:
    yield
    slip, segment = live_slip(), live_slip().segments.get()
    end(floor, slip, ended_as="MOVED", correlation_id=slip.correlation_id)
    begins = {"started_at": floor.ago(hours=1).isoformat(), "started_as": "MOVED"}
    again("ratingslips_playsegment", segment.pk, id=99_999, seq=2, seat=3, **begins, **OPEN)
    sql("UPDATE ratingslips_ratingslip SET seat = 3 WHERE id = %s", slip.pk)


def _withheld(floor: Floor, *, seat: int) -> RatingSlip:
    slip = floor.played_slip(seat=seat)
    Player.objects.filter(pk=slip.player_id).update(status="BARRED")
    complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
    Player.objects.filter(pk=slip.player_id).update(status="ACTIVE")
    return slip


def _release(floor: Floor) -> Iterator[None]:
    released, withheld = _withheld(floor, seat=4), _withheld(floor, seat=5)
    release_withheld_points(slip=released, actor=floor.supervisor, at=floor.now, reason="Barred by mistake")
    yield
    released.refresh_from_db()
    sql("UPDATE ratingslips_ratingslip SET released_at = %s WHERE id = %s", released.released_at, withheld.pk)


NAMES: Final = (
    *(
        Tampering(what=f"an award inserted in the name of somebody {whose}", act=_award_of(person), found=_AUTHENTIC)
        for whose, person in (
            ("whose right was revoked", _without_right),
            ("who was deactivated", _deactivated),
            ("of another casino", _elsewhere),
            ("whose own card it is", _to_themselves),
        )
    ),
    Tampering(what="a reversal inserted, with the code of a real one", act=_reversal, found=_AUTHENTIC),
    Tampering(what="the points of an owed slip inserted, and the slip settled", act=_points_of_owed, found=_PAID),
    Tampering(what="a balance raised, and an honest award posted on it", act=_balance_used, found=REFUSED),
    Tampering(what="a player inserted with an account of 200 points", act=_account, found=REFUSED),
    Tampering(what="a slip inserted that continues an honest one", act=_continued, found=_OPENED),
    Tampering(what="a slip inserted with the play that was given to another player", act=_reassigned, found=_OPENED),
    Tampering(
        what="a live slip closed in the name of another slip's closing",
        act=_closing,
        found="slip_was_closed_by_a_request",
    ),
    Tampering(
        what="a live slip moved in the name of its opening, with its play",
        act=_move,
        found="play_is_what_was_asked_for",
    ),
    Tampering(what="withheld points marked as released when those of another slip were", act=_release, found=_PAID),
)
