"""What somebody with the application's role inserts or changes of points, past the application."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from core.models import Player
from loyalty.models import LedgerEntry, PlayerLoyalty
from ratingslips.models import RatingSlip
from ratingslips.services import complete_rating_slip
from tests.floor import Floor
from tests.loyalty.postings import award
from tests.tamperings.kinds import NOTHING, REFUSED, Tampering, again, sql

_FIRST: Final = "id = (SELECT account_id FROM loyalty_ledger WHERE idempotency_key = 'reward:first')"
_ACCOUNT: Final = "UPDATE loyalty_playerloyalty SET {} WHERE " + _FIRST
_FORGED: Final = "entries_are_authentic"


def post(floor: Floor, like: LedgerEntry, **values: Any) -> None:
    """An entry like another one of its account, in another name, with the account moved by the rules."""
    account = PlayerLoyalty.objects.get(pk=like.account_id)
    points = values.get("points", like.points)
    earned = points if values.get("kind", like.kind) != "REDEMPTION" else 0
    state = {"balance_before": account.balance, "balance_after": account.balance + points}
    state |= {"lifetime_points_before": account.lifetime_points}
    state |= {"lifetime_points_after": account.lifetime_points + earned}
    state |= {"tier_before_id": account.tier_id, "tier_after_id": account.tier_id}
    values = {"id": 999_999, "seq": account.entry_count + 1, "staff_id": floor.boss.pk, **state} | values
    again("loyalty_ledger", like.pk, **{"idempotency_key": "reward:second", **values})
    sql(
        "UPDATE loyalty_playerloyalty SET balance = %s, lifetime_points = %s, entry_count = entry_count + 1,"
        " head_hash = (SELECT entry_hash FROM loyalty_ledger WHERE id = 999999) WHERE id = %s",
        state["balance_after"],
        state["lifetime_points_after"],
        account.pk,
    )


def first_award() -> LedgerEntry:
    """An honest award of 500 points."""
    return LedgerEntry.objects.get(idempotency_key="reward:first")


def _award(floor: Floor) -> Iterator[None]:
    yield
    post(floor, first_award(), points=400)


def _promotion(floor: Floor) -> Iterator[None]:
    yield
    post(floor, first_award(), points=400, kind="PROMOTION", mac=None, staff_id=None)


def _old_award(floor: Floor) -> Iterator[None]:
    yield
    post(floor, first_award(), points=400, mac=None, chain_version=1, recorded_at="2001-01-01T00:00:00Z")


def _redemption(floor: Floor) -> Iterator[None]:
    yield
    post(floor, LedgerEntry.objects.get(kind="REDEMPTION"), idempotency_key="redemption:second")


def _release(floor: Floor) -> Iterator[None]:
    slip = floor.played_slip(seat=4)
    Player.objects.filter(pk=slip.player_id).update(status="BARRED")
    complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
    yield
    sql("UPDATE ratingslips_ratingslip SET released_at = settled_at WHERE id = %s", slip.pk)


def _settled(floor: Floor) -> Iterator[None]:
    owed = floor.owed_slip(seat=4)
    yield
    sql("UPDATE ratingslips_ratingslip SET settled_at = closed_at WHERE id = %s", owed.pk)


def _little_settled(floor: Floor) -> Iterator[None]:
    """At the lowest multiplier the points are less than half a point."""
    slip = floor.open_slip(seat=4, average_bet=Decimal("0.04"))
    award(floor, slip.player, points=6_000)
    owed = floor.owed_slip(slip)
    yield
    sql("UPDATE ratingslips_ratingslip SET settled_at = closed_at WHERE id = %s", owed.pk)


def _withheld(floor: Floor) -> Iterator[None]:
    owed = floor.owed_slip(seat=4)
    yield
    sql(
        "UPDATE ratingslips_ratingslip SET settled_at = closed_at, withheld_because = 'BARRED', owed_because = ''"
        " WHERE id = %s",
        owed.pk,
    )


def _credited(floor: Floor) -> Iterator[None]:
    owed = floor.owed_slip(seat=4)
    yield
    entry = LedgerEntry.objects.get(kind="GAMEPLAY")
    sql(
        "UPDATE ratingslips_ratingslip SET settled_at = closed_at, ledger_entry_id = %s WHERE id = %s",
        entry.pk,
        owed.pk,
    )


def _slip_of(floor: Floor) -> Iterator[None]:
    """Points of play to another slip's player."""
    yield
    slip = RatingSlip.objects.live().get()
    entry = LedgerEntry.objects.get(kind="GAMEPLAY")
    post(floor, first_award(), kind="GAMEPLAY", staff_id=None, idempotency_key=str(slip.pk), mac=entry.mac)


POINTS: Final = (
    Tampering(
        what="a balance raised without an entry",
        act=_ACCOUNT.format("balance = balance + 500"),
        found=REFUSED,
        before="`check_invariants`: `account_is_its_entries`, `sums_agree`; `verify_ledger`: balance changed; "
        "`checkpoint` refuses to sign",
    ),
    Tampering(
        what="lifetime points raised, and so the next tier nearer",
        act=_ACCOUNT.format("lifetime_points = lifetime_points + 100"),
        found=REFUSED,
    ),
    Tampering(
        what="an account put into a higher tier",
        act=_ACCOUNT.format("tier_id = (SELECT max(id) FROM loyalty_tier)"),
        found=REFUSED,
    ),
    Tampering(
        what="an account's newest hash replaced",
        act=_ACCOUNT.format("head_hash = sha256(head_hash)"),
        found=REFUSED,
    ),
    Tampering(
        what="an account's number of entries raised",
        act=_ACCOUNT.format("entry_count = entry_count + 1"),
        found=REFUSED,
    ),
    Tampering(
        what="points moved from one account to another in the balances",
        act="UPDATE loyalty_playerloyalty SET balance = balance + CASE WHEN balance = 200 THEN -100 ELSE 100 END"
        " WHERE balance IN (200, 500)",
        found=REFUSED,
    ),
    Tampering(
        what="an award inserted in another name, with the code of a real one", before=NOTHING, act=_award, found=_FORGED
    ),
    Tampering(what="a promotion of nobody inserted, without a code", before=NOTHING, act=_promotion, found=_FORGED),
    Tampering(what="an award inserted as an earlier version wrote it", act=_old_award, found=_FORGED),
    Tampering(what="a redemption inserted, with the code of a real one", act=_redemption, found=_FORGED),
    Tampering(what="points for the play of a live slip inserted", act=_slip_of, found=_FORGED),
    Tampering(
        what="an entry altered",
        act="UPDATE loyalty_ledger SET points = points + 1 WHERE idempotency_key = 'reward:first'",
        found=REFUSED,
    ),
    Tampering(
        what="withheld points marked as released, without their entry",
        before=NOTHING,
        act=_release,
        found="points_were_paid_by_a_request",
    ),
    Tampering(
        what="an owed slip marked as settled, without its entry", act=_settled, found="points_were_paid_by_a_request"
    ),
    Tampering(
        what="the same of a slip of less than half a point",
        before=NOTHING,
        act=_little_settled,
        found="points_were_paid_by_a_request",
    ),
    Tampering(what="an owed slip marked as withheld", act=_withheld, found=REFUSED),
    Tampering(what="an owed slip given the entry of another one", act=_credited, found=REFUSED),
)
