"""What awards, adjustments and reversals have in common: how a repeated request is recognised, and what is refused."""

import re
from collections.abc import Sized
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import QuerySet

from core.clock import InvalidTime, checked_event_time
from core.errors import DomainError
from core.idempotency import Request, fingerprint
from core.kept_queries import KeptQuery
from core.models import Player, User
from core.reasons.codes import normalised_contents
from core.words import counted
from loyalty.models import LedgerEntry, PlayerLoyalty
from loyalty.services.posting import EntryKind

MAX_GIVEN_POINTS: Final = 10_000
POSTINGS_PER_WINDOW: Final = 10
WINDOW_SECONDS: Final = 60
REQUEST_MAX_AGE_SECONDS: Final = 24 * 60 * 60
_OUTSIDE_ID: Final = re.compile(r"[A-Za-z0-9._:/-]{1,100}")


class PlayerNotActive(DomainError):
    """The player is barred or inactive."""

    code = "PLAYER_NOT_ACTIVE"


class AwardRateExceeded(DomainError):
    """This member of staff has reached the number of awards and adjustments that is allowed in a minute."""

    code = "REWARD_RATE_EXCEEDED"


class AccountChanged(DomainError):
    """Entries were posted to the account since the page was shown; nothing was done."""

    code = "ACCOUNT_CHANGED"


def is_whole(points: object) -> bool:
    """Whether `points` is a whole number; True and False are none."""
    return isinstance(points, int) and not isinstance(points, bool)


def is_outside_id(text: str) -> bool:
    """Whether `text` may be the id that another system gave to a request."""
    return _OUTSIDE_ID.fullmatch(text) is not None


def checked_request_time(requested_at: datetime, *, at: datetime) -> datetime:
    """The instant at which a form was opened that is sent at `at`.

    :raises InvalidTime: `at` is in the future, or `requested_at` is after it or more than a day before it.
    """
    checked_event_time(at)
    checked_event_time(requested_at)
    if requested_at > at:
        raise InvalidTime("This form was opened after it was sent: check the clock of the machine that sent it.")
    if at - requested_at > timedelta(seconds=REQUEST_MAX_AGE_SECONDS):
        raise InvalidTime("This form has been open for more than a day. Open it again.")
    return requested_at


def contents_by_hand(
    kind: EntryKind, *, account: PlayerLoyalty, staff: User, points: int, reason: str, reason_code: str | None
) -> Request:
    """The contents of a request for points by hand, with its reason normalised."""
    return {
        "kind": str(kind),
        "player": account.player_id,
        "staff": staff.pk,
        "points": points,
        **normalised_contents(reason, reason_code),
    }


def daily_key(prefix: str, contents: Request, *, gaming_day: date) -> str:
    """The key of a request without an id of another system: the same contents are done once in a gaming day."""
    return f"{prefix}:{fingerprint({**contents, 'gaming_day': str(gaming_day)})}"


def require_active(player_id: int, *, otherwise: str) -> None:
    """Refuse a player who is barred or inactive, with `otherwise` in the sentence; read after the account's lock.

    :raises PlayerNotActive: the player is barred or inactive.
    """
    (player,) = _player(player_id)
    _refuse_inactive(player, otherwise=otherwise)


def require_active_and_rate(player_id: int, *, otherwise: str, staff: User, at: datetime) -> None:
    """`require_active` and `require_rate` in one statement.

    :raises PlayerNotActive: the player is barred or inactive.
    :raises AwardRateExceeded: see `require_rate`.
    """
    (player,) = _player_and_recent(player_id, *_window_around(staff, at))
    _refuse_inactive(player, otherwise=otherwise)
    _refuse_rate(player.recent)


def _refuse_inactive(player: Player, *, otherwise: str) -> None:
    if player.status != Player.Status.ACTIVE:
        raise PlayerNotActive(f"{player} is {player.get_status_display().lower()}: {otherwise}.")


def require_unchanged(account: PlayerLoyalty, expected_entries: int | None) -> None:
    """Refuse what was decided by a page that showed fewer entries of the locked `account` than it has.

    :raises AccountChanged: the account has another number of entries than `expected_entries`.
    """
    if expected_entries is not None and expected_entries != account.entry_count:
        since = account.entry_count - expected_entries
        raise AccountChanged(
            f"{counted(since, 'entry was', 'entries were')} posted to this account since this page was shown. Nothing "
            "was done: look at the balance below, and send the form again if it is still right."
        )


def require_rate(*, staff: User, at: datetime) -> None:
    """Refuse the eleventh award or adjustment within a minute; the caller has locked `staff`.

    Adjustments of play follow a correction, and do not count.

    :raises AwardRateExceeded: `staff` has made `POSTINGS_PER_WINDOW` within `WINDOW_SECONDS`.
    """
    _refuse_rate(_recent(*_window_around(staff, at)))


def _window_around(staff: User, at: datetime) -> tuple[int, datetime, datetime]:
    """The arguments of the queries for what `staff` gave at most `WINDOW_SECONDS` before or after `at`."""
    # If the clock was set back, some entries are dated after now. Entries dated much later must not count.
    window = timedelta(seconds=WINDOW_SECONDS)
    return staff.pk, at - window, at + window


def _refuse_rate(recent: Sized) -> None:
    if len(recent) >= POSTINGS_PER_WINDOW:
        raise AwardRateExceeded(
            f"You have made {POSTINGS_PER_WINDOW} awards and adjustments in a minute, which is the limit. "
            "Wait a minute and try again."
        )


def lock_staff(actor: User) -> User:
    """Lock the row of the member of staff who gives points, in the caller's transaction, for `require_rate`."""
    (staff,) = _locked_staff(actor.pk)
    return staff


def _query_recent(staff_id: int, after: datetime, before: datetime) -> QuerySet[LedgerEntry]:
    kinds = (EntryKind.MANUAL_BONUS, EntryKind.ADJUSTMENT)
    entries = LedgerEntry.objects.filter(staff=staff_id, kind__in=kinds, adjusts=None).order_by().only("pk")
    return entries.filter(created_at__gt=after, created_at__lt=before)[:POSTINGS_PER_WINDOW]


_recent = KeptQuery(_query_recent)
_player = KeptQuery(lambda player_id: Player.objects.filter(pk=player_id))
_player_and_recent: KeptQuery[Any] = KeptQuery(
    lambda player_id, *window: Player.objects.filter(pk=player_id).annotate(
        recent=ArraySubquery(_query_recent(*window).values("pk"))
    )
)
_locked_staff: KeptQuery[User] = KeptQuery(lambda staff_id: User.objects.locked().filter(pk=staff_id))
