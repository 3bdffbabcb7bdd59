"""Who is behind the points of a slip: who released or recovered them, or closed the slip."""

from collections.abc import Iterable, Sequence
from typing import Final

from django.db.models import Prefetch, prefetch_related_objects

from core.console.display import staff_name
from core.reasons.codes import reason_in_words
from loyalty.models import LedgerEntry
from ratingslips.models import RatingSlip, SlipRequest

_RELEASES: Final = SlipRequest.objects.filter(kind=SlipRequest.Kind.RELEASE).select_related("actor")


def read_releases(slips: Iterable[RatingSlip]) -> None:
    """Read, in one statement, the releases of those slips whose points were withheld; `releases_of` gives them."""
    withheld = [slip for slip in slips if slip.withheld_because]
    prefetch_related_objects(withheld, Prefetch("requests", _RELEASES, to_attr="releases"))


def releases_of(slip: RatingSlip) -> Sequence[SlipRequest]:
    """The releases of a slip's points that `read_releases` read: one or none."""
    releases: Sequence[SlipRequest] = getattr(slip, "releases", ())
    return releases


def reason_of(slip: RatingSlip, release: SlipRequest) -> str:
    """Why the points of `slip` were released."""
    contents = release.contents
    return reason_in_words(casino_id=slip.casino_id, code=contents.get("reason_code"), text=contents["reason"])


def author_of(entry: LedgerEntry) -> str:
    """Who posted an entry; if the system did for play, also who released or recovered the points or closed the slip."""
    slip: RatingSlip | None = getattr(entry, "rating_slip", None)
    if entry.staff or slip is None:
        return staff_name(entry.staff)
    for release in releases_of(slip):
        return f"system, released by {staff_name(release.actor)}"
    if slip.recovered_by:
        return f"system, recovered by {staff_name(slip.recovered_by)}"
    return f"system, slip closed by {staff_name(slip.closed_by)}"
