"""The slips that have the same visit or the same play as a slip: its continuation, and that of the right player."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Q

from ratingslips.history import LINKED_SLIPS
from ratingslips.models import RatingSlip


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkedSlip:
    """Another slip, with `words` before its number and `rest` after it."""

    slip: RatingSlip
    words: str
    rest: str = ""
    has_other_player: bool = False


def is_linked(slip: RatingSlip) -> bool:
    """Whether a slip that was read with `LINKED_SLIPS` has any."""
    return any(getattr(slip, name, None) is not None for name in LINKED_SLIPS)


def linked_slips(slip: RatingSlip) -> list[LinkedSlip]:
    """The slips linked with `slip`, in one statement."""
    before = Q(pk__in=[pk for pk in (slip.continues_id, slip.reassigned_from_id) if pk])
    others = RatingSlip.objects.filter(before | Q(continues=slip) | Q(reassigned_from=slip))
    return list(_linked(slip, list(others.select_related("player", "opened_by").order_by("opened_at", "pk"))))


def short_links(slip: RatingSlip) -> str:
    """The same in few words, for a list of slips that were read with all of them."""
    words = []
    if slip.continues:
        words.append(f"continues {slip.continues.slip_number}")
    if hasattr(slip, "continued_by"):
        words.append(f"continued by {slip.continued_by.slip_number}")
    if slip.reassigned_from:
        words.append(f"play of {slip.reassigned_from.slip_number}")
    if hasattr(slip, "reassigned_to"):
        words.append(f"play is on {slip.reassigned_to.slip_number}")
    return ", ".join(words)


def _linked(slip: RatingSlip, others: list[RatingSlip]) -> Iterator[LinkedSlip]:
    for other in others:
        if other.pk == slip.continues_id:
            yield LinkedSlip(
                slip=other, words="Same visit as", rest="which was closed by mistake: this slip continues it"
            )
        if other.continues_id == slip.pk:
            rest = "which continued this slip and is void" if other.is_void else "which continues this slip"
            yield LinkedSlip(slip=other, words="Same visit as", rest=rest)
        if other.pk == slip.reassigned_from_id:
            by = f"which {other.opened_by} opened for the wrong player"
            yield LinkedSlip(slip=other, words="Has the play of", rest=by, has_other_player=True)
        if other.reassigned_from_id == slip.pk:
            yield LinkedSlip(slip=other, words="Wrong player: its play is on", has_other_player=True)
