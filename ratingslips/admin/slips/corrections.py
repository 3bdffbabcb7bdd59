"""The corrections of a slip, for people: what each one changed, who made it, when and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from django.db.models import Q
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from core.models import User
from core.words import counted
from ratingslips.models import PlaySegment, RatingSlip, SlipCorrection


@dataclass(frozen=True, kw_only=True, slots=True)
class CorrectionLine:
    """A correction or the voiding of a slip, with the theo after it; None while the slip was live."""

    correction: SlipCorrection
    theoretical_win: Decimal | None

    @property
    def theo(self) -> str:
        """The theo before and after it, empty for a live slip."""
        return _change(self.correction.theoretical_win_before, self.theoretical_win, digits=2)

    @property
    def points(self) -> str:
        """The points of the play before and after it, empty if they were not posted."""
        return _change(self.correction.points_before, self.correction.points_after, digits=0)

    @property
    def why_no_entry(self) -> str:
        """Why it has no ledger entry, empty if it has one."""
        return self.correction.get_no_entry_because_display() if self.correction.no_entry_because else ""

    @property
    def words(self) -> str:
        """What it changed, in a sentence."""
        uncollected = self.correction.uncollected_after
        parts = [
            f"theo {self.theo}" if self.theo else "",
            f"points {self.points}" if self.points else "",
            f"no entry, because {self.why_no_entry}" if self.why_no_entry else "",
            f"{counted(uncollected, 'point')} uncollected" if uncollected else "",
        ]
        return ", ".join(part for part in parts if part)


def lines_of(slip: RatingSlip, corrections: Sequence[SlipCorrection]) -> list[CorrectionLine]:
    """What each correction of a slip changed; `corrections` are all of them in order."""
    return [
        CorrectionLine(
            correction=correction,
            theoretical_win=following.theoretical_win_before if following else slip.theoretical_win,
        )
        for correction, following in pairwise([*corrections, None])
        if correction is not None
    ]


def read_corrections(slip: RatingSlip) -> list[SlipCorrection]:
    """The corrections of a slip in order, with actor and entry; in one statement, or none if it has none."""
    if not slip.is_corrected:
        return []
    return list(slip.corrections.select_related("request__actor", "entry").order_by("number"))


def entered_first_by(slip: RatingSlip) -> list[User]:
    """Who entered the play of a corrected slip before its first correction, in one statement."""
    first = PlaySegment.objects.filter(slip=slip, superseded_by__number=1).order_by()
    ended = first.exclude(ended_as=PlaySegment.End.SUPERSEDED)
    entered = Q(pk__in=first.values("started_by")) | Q(pk__in=ended.values("ended_by"))
    return list(User.objects.filter(entered).order_by("pk"))


def corrections_section(slip: RatingSlip, corrections: Sequence[SlipCorrection]) -> SafeString:
    """The table of the corrections of a slip; empty if it has none."""
    if not corrections:
        return SafeString("")
    shown = {"slip": slip, "lines": lines_of(slip, corrections), "entered_by": entered_first_by(slip)}
    return render_to_string("ratingslips/slips/corrections.html", shown)


def _change(before: Decimal | int | None, after: Decimal | int | None, *, digits: int) -> str:
    if before is None or after is None:
        return ""
    return f"{before:,.{digits}f} → {after:,.{digits}f}" if before != after else f"{after:,.{digits}f}"
