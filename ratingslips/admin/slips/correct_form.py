"""The form under the rows of a correction: the reason, and what is confirmed of unusual play."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from django import forms

from core.console.fields import replaced
from core.console.reasons import REASON_FIELDS, ReasonForm
from ratingslips.admin.slips.bets import question_about_bet
from ratingslips.models import GamingTable
from ratingslips.services import CorrectedPlay

CARRIED_FIELDS: Final = (*REASON_FIELDS, "confirmed_bets", "long_play_confirmed")


class CorrectForm(ReasonForm):
    """Why play is corrected. Unusual bets and long play are asked back once.

    The form that asks carries the bets in `confirmed_bets`, so that sending it again confirms these and no others.
    """

    confirmed_bets = forms.CharField(required=False, widget=forms.HiddenInput)
    long_play_confirmed = forms.BooleanField(required=False, widget=forms.HiddenInput)
    is_asking_back = False

    def ask_about_bets(self, questions: Mapping[str, str]) -> None:
        """Ask about unusual bets, by their text, unless they are confirmed."""
        bets = " ".join(questions)
        if questions and self.cleaned_data["confirmed_bets"] != bets:
            self._ask(questions.values(), confirmed_bets=bets)

    def ask_about_long_play(self, question: str) -> None:
        """Ask about play that is longer than the casino's limit, unless it is confirmed."""
        if not self.cleaned_data["long_play_confirmed"]:
            self._ask([question], long_play_confirmed="on")

    def _ask(self, questions: Iterable[str], **confirmed: str) -> None:
        self.is_asking_back = True
        self.data = replaced(self.data, {self.add_prefix(name): value for name, value in confirmed.items()})
        for question in questions:
            self.add_error(None, f"{question} Send it again if that is right.")


def questions_about_bets(
    play: Sequence[CorrectedPlay], *, recorded: Sequence[CorrectedPlay], tables: Mapping[int, GamingTable]
) -> dict[str, str]:
    """For each unusual bet of `play`, by its text, the question; a bet that is recorded at the same table is none."""
    known = {(each.table, each.average_bet) for each in recorded}
    return dict(_questions((each for each in play if (each.table, each.average_bet) not in known), recorded, tables))


def _questions(
    play: Iterable[CorrectedPlay], recorded: Sequence[CorrectedPlay], tables: Mapping[int, GamingTable]
) -> Iterator[tuple[str, str]]:
    for stretch in play:
        before = [each for each in recorded if each.started_at <= stretch.started_at] or recorded[:1]
        previous, bet = before[-1].average_bet, stretch.average_bet
        if question := question_about_bet(bet, previous=previous, table=tables.get(stretch.table)):
            yield str(bet), question
