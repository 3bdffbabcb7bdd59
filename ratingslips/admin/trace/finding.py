"""The search of the box in the bar: a correlation id, a slip number, an entry number (#12), a card number or a name."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.urls import reverse

from core import correlation, origins
from core.console.links import page_url
from core.console.scope import in_casino_of
from core.keys import key_of
from core.models import Player, User
from core.permissions import VIEW_PLAYERS
from core.player_search import first_matching
from loyalty.models import LedgerEntry
from loyalty.permissions import VIEW_ENTRIES
from ratingslips.admin.trace.story import story_of
from ratingslips.models import RatingSlip
from ratingslips.permissions import VIEW_SLIPS

TEXT_MAX_LENGTH: Final = 100
HITS_MAX: Final = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """A row that the text identifies, and the address of its page."""

    kind: str
    label: str
    url: str


def find(text: str, *, staff: User) -> list[Hit]:
    """All rows that the text identifies, of those that `staff` may see, at most `HITS_MAX` of a kind.

    Players are found by their card number, else by their name.
    """
    text = text.replace("\0", "").strip()[:TEXT_MAX_LENGTH]
    if not text:
        return []
    if (correlation_id := correlation.parse(text)) is not None:
        stories = list(_stories(correlation_id, staff=staff))
        return stories or [*_slips_with_id(str(correlation_id), staff=staff), *_slips(text, staff=staff)]
    return [*_slips(text, staff=staff), *_entries(text, staff=staff), *_players(text, staff=staff)]


def _stories(correlation_id: UUID, *, staff: User) -> Iterator[Hit]:
    """The story under the id, and those of the requests that a trusted caller sent under it."""
    for known in origins.ids_known_as(correlation_id)[:HITS_MAX]:
        if story_of(known, staff=staff) is not None:
            yield Hit(kind="Correlation id", label=str(known), url=reverse("trace:story", args=[known]))


def _slips_with_id(key: str, *, staff: User) -> Iterator[Hit]:
    if staff.has_perm(VIEW_SLIPS):
        slips = in_casino_of(staff, RatingSlip.objects.select_related("player"), lookup="casino")
        for slip in slips.filter(pk=key):
            yield Hit(kind="Slip", label=f"{slip.slip_number}, {slip.player}", url=page_url(slip))


def _slips(text: str, *, staff: User) -> Iterator[Hit]:
    if staff.has_perm(VIEW_SLIPS):
        slips = in_casino_of(staff, RatingSlip.objects.select_related("player"), lookup="casino")
        for slip in slips.filter(slip_number__iexact=text).order_by()[:HITS_MAX]:
            yield Hit(kind="Slip", label=f"{slip.slip_number}, {slip.player}", url=page_url(slip))


def _entries(text: str, *, staff: User) -> Iterator[Hit]:
    number = key_of(text.removeprefix("#")) if text.startswith("#") else None
    if number is None or not staff.has_perm(VIEW_ENTRIES):
        return
    entries = in_casino_of(staff, LedgerEntry.objects.select_related("account__player"), lookup="casino")
    for entry in entries.filter(pk=number):
        yield Hit(kind="Ledger entry", label=f"{entry}, {entry.account.player}", url=page_url(entry))


def _players(text: str, *, staff: User) -> Iterator[Hit]:
    if staff.has_perm(VIEW_PLAYERS):
        players = in_casino_of(staff, Player.objects.all(), lookup="casino")
        keys = first_matching(players, text, most=HITS_MAX)
        found = players.filter(pk__in=keys)
        exact = [player for player in found if player.card_number.casefold() == text.casefold()]
        for player in exact or found:
            yield Hit(kind="Player", label=str(player), url=page_url(player))
