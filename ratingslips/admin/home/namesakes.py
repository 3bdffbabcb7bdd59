"""Deciding from the home page about players with the name of a member of staff."""

from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from core import correlation
from core.cards.models import Namesake
from core.cards.services import decide_namesake, undecided_namesakes
from core.console.scope import in_casino_of, staff_of
from core.errors import DomainError
from core.keys import key_of
from core.models import Casino, User
from core.permissions import DECLARE_CARD, VIEW_STAFF_CARDS
from core.transactions import drop_lost_connection

NAMESAKES_SHOWN: Final = 10
NAMESAKES_COUNTED: Final = 100
# Of the address: the key of the last pair that the page before has shown.
AFTER: Final = "after"


@dataclass(frozen=True, kw_only=True, slots=True)
class Undecided:
    """A pair about which nobody has decided, and whether the viewer may."""

    pair: Namesake
    may_decide: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Namesakes:
    """Pairs to show; how many there are, at most `NAMESAKES_COUNTED`; and the key after which the next ones are."""

    shown: list[Undecided]
    count: int
    next_after: int | None

    @property
    def are_more(self) -> bool:
        """Whether there are more than were counted."""
        return self.count == NAMESAKES_COUNTED


def read_namesakes(*, staff: User, casinos: "list[Casino]", after: int = 0) -> Namesakes:
    """The pairs of these casinos `after` that key, the oldest first, for staff who see cards of staff.

    If no pair has a later key, they are the first ones.
    """
    if not staff.has_perm(VIEW_STAFF_CARDS):
        return Namesakes(shown=[], count=0, next_after=None)
    pairs: Any = undecided_namesakes(casinos=[casino.pk for casino in casinos], viewer=staff)
    found = list(pairs.filter(pk__gt=after)[: NAMESAKES_SHOWN + 1])
    if after and not found:
        return read_namesakes(staff=staff, casinos=casinos)
    may, is_all = staff.has_perm(DECLARE_CARD), not after and len(found) <= NAMESAKES_SHOWN
    shown = [
        Undecided(pair=pair, may_decide=may and staff.pk != pair.staff_id and not pair.named_by_actor)
        for pair in found[:NAMESAKES_SHOWN]
    ]
    return Namesakes(
        shown=shown,
        count=len(shown) if is_all else len(pairs.values_list("pk", flat=True)[:NAMESAKES_COUNTED]),
        next_after=shown[-1].pair.pk if len(found) > NAMESAKES_SHOWN else None,
    )


def decide(request: HttpRequest) -> HttpResponse:
    """Link or dismiss one pair, and show what became of it on the home page."""
    actor = staff_of(request)
    if not actor.has_perm(DECLARE_CARD):
        raise PermissionDenied
    if request.method == "POST":
        pairs = in_casino_of(actor, Namesake.objects.select_related("player"), lookup="player__casino")
        key = key_of(request.POST.get("pair", ""))
        pair = pairs.filter(pk=key).first() if key is not None else None
        decision = request.POST.get("decision", "")
        if pair is None or decision not in Namesake.Decision.values:
            messages.error(request, "This pair cannot be found: nothing was done.")
        else:
            _decide(request, pair, decision=Namesake.Decision(decision))
    return HttpResponseRedirect(reverse("admin:index"))


def _decide(request: HttpRequest, pair: Namesake, *, decision: Namesake.Decision) -> None:
    try:
        decided: Any = decide_namesake(namesake=pair, decision=decision, actor=staff_of(request), at=timezone.now())
    except DomainError as error:
        drop_lost_connection()
        messages.error(request, error.message)
        return
    what = "is that person’s own card" if decision == Namesake.Decision.OWN_CARD else "is another person"
    sentence = f"{pair.player} {what}: {decided.staff.name_and_login}."
    if decided.correlation_id == correlation.current():
        messages.success(request, sentence)
    else:
        messages.info(request, f"{sentence} {decided.decided_by.name_and_login} had decided it already.")
