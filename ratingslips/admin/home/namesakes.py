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


@dataclass(frozen=True, kw_only=True, slots=True)
class Undecided:
    """A pair about which nobody has decided, and whether the viewer may."""

    pair: Namesake
    may_decide: bool


def read_namesakes(*, staff: User, casinos: "list[Casino]") -> list[Undecided]:
    """The first pairs of these casinos, at most `NAMESAKES_SHOWN` + 1, for staff who see cards of staff."""
    if not staff.has_perm(VIEW_STAFF_CARDS):
        return []
    pairs: Any = undecided_namesakes(casinos=[casino.pk for casino in casinos], viewer=staff)[: NAMESAKES_SHOWN + 1]
    may = staff.has_perm(DECLARE_CARD)
    return [
        Undecided(pair=pair, may_decide=may and staff.pk != pair.staff_id and not pair.named_by_actor) for pair in pairs
    ]


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
