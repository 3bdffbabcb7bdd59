"""The rows of the page that corrects a slip: one for each segment, and some that are empty."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from django import forms
from django.forms.formsets import TOTAL_FORM_COUNT

from core.console.fields import MoneyField, WholeNumberField, replaced
from ratingslips.admin.slips.forms import Choices
from ratingslips.admin.slips.play_times import TIME_MAX_LENGTH, NotATime, PlayClock, read_exact
from ratingslips.models import MAX_SEATS
from ratingslips.services import CorrectedPlay
from ratingslips.services.corrected_play import MAX_SEGMENTS
from ratingslips.services.stakes import MAX_AVERAGE_BET

SPARE_ROWS: Final = 2
PREFIX: Final = "play"
_EXACT_MAX_LENGTH: Final = 40


def _time(label: str) -> forms.CharField:
    widget = forms.TextInput(attrs={"autocomplete": "off", "class": "play-time"})
    return forms.CharField(label=label, max_length=TIME_MAX_LENGTH, required=False, widget=widget)


def _exact() -> forms.CharField:
    return forms.CharField(max_length=_EXACT_MAX_LENGTH, required=False, widget=forms.HiddenInput)


class StretchForm(forms.Form):
    """A stretch of play. The hidden fields carry the exact instants that the page showed."""

    since = _time("From")
    until = _time("To")
    average_bet = MoneyField(label="Average bet", least=Decimal("0.01"), most=MAX_AVERAGE_BET, required=False)
    table = forms.TypedChoiceField(label="Table", coerce=int, empty_value=None, required=False)
    seat = WholeNumberField(label="Seat", least=1, most=MAX_SEATS, required=False)
    was_since = _exact()
    was_until = _exact()

    def __init__(self, *args: Any, tables: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["table"].choices = tables  # type: ignore[attr-defined]

    def instant(self, name: str, clock: PlayClock) -> datetime | None:
        """The instant that was typed into `since` or `until`; None if that is empty or refused."""
        try:
            was = read_exact(self.cleaned_data.get(f"was_{name}", ""))
            return clock.read(self.cleaned_data.get(name, ""), was=was)
        except NotATime as error:
            self.add_error(name, forms.ValidationError(error.message, code=error.code))
            return None


class PlayRows(forms.BaseFormSet):  # type: ignore[type-arg]
    """The rows of a slip's play. Once they are valid, `play` has them in order of time.

    A row may have no end. If it begins during another row, it replaces the rest of that row: “the bet was 100 since
    19:30” needs only a time and a bet. Table, seat and bet that are left empty stay as they were.
    """

    play: Sequence[CorrectedPlay] = ()

    def __init__(self, data: Any = None, *, zone: ZoneInfo, now: datetime, is_live: bool, **kwargs: Any) -> None:
        super().__init__(data, prefix=PREFIX, **kwargs)
        self._zone, self._now, self._is_live = zone, now, is_live

    @property
    def clock(self) -> PlayClock:
        """The clock of the instants that the page showed, read from what it sent."""
        shown = [
            read_exact(str(form[name].value() or "")) for form in self.forms for name in ("was_since", "was_until")
        ]
        instants = [instant for instant in shown if instant]
        return PlayClock(zone=self._zone, now=self._now, instants=instants, goes_on=self._is_live)

    def clean(self) -> None:
        """Read the rows.

        :raises ValidationError: there are none.
        """
        given: list[_Row] = []
        added: list[_Row] = []
        clock = self.clock
        kept: list[StretchForm] = [form for form in self.forms if not _is_removed(form)]
        rows = [form for form in kept if form.is_valid() and _says_something(form)]
        for form in rows:
            since, until = form.instant("since", clock), form.instant("until", clock)
            if since is None and not form.has_error("since"):
                form.add_error("since", "Write when it begins.")
            elif since is not None:
                is_added = until is None and not form.cleaned_data.get("was_since")
                (added if is_added else given).append((since, until, form))
        if not rows:
            raise forms.ValidationError("Give at least one row. To take all play away, void the slip.")
        if not any(form.errors for form in kept):
            self.play = self._in_order(given, added)

    def _in_order(self, given: "list[_Row]", added: "list[_Row]") -> list[CorrectedPlay]:
        play: list[tuple[CorrectedPlay, StretchForm]] = []
        for since, until, form in sorted(given, key=_begins):
            if stretch := _stretch(form, since=since, until=until, like=play[-1][0] if play else None):
                play.append((stretch, form))
        for since, _, form in sorted(added, key=_begins):
            self._add(play, since, form)
        for number, (stretch, form) in enumerate(play, start=1):
            if stretch.ended_at is None and not (self._is_live and number == len(play)):
                form.add_error("until", "Write when it ends.")
        return [stretch for stretch, _ in play]

    def _add(self, play: list[tuple[CorrectedPlay, StretchForm]], since: datetime, form: StretchForm) -> None:
        """Add a row without an end to `play`, and end the stretch during which it begins."""
        before = sum(stretch.started_at <= since for stretch, _ in play)
        if play and not before:
            form.add_error("until", f"{self.clock.dated(since)} is before all other play. Write when it ends.")
            return
        like, until = None, None
        if before:
            like, of_like = play[before - 1]
            if like.ended_at is None or since < like.ended_at:
                until = like.ended_at
                play[before - 1] = replace(like, ended_at=since), of_like
        if stretch := _stretch(form, since=since, until=until, like=like):
            if like is not None and like.started_at == since:
                play[before - 1] = stretch, form
            else:
                play.insert(before, (stretch, form))


_Row = tuple[datetime, datetime | None, StretchForm]


def _begins(row: _Row) -> datetime:
    return row[0]


def _is_removed(form: StretchForm) -> bool:
    return bool(form.cleaned_data.get("DELETE"))


def _says_something(form: StretchForm) -> bool:
    return any(form.cleaned_data.get(name) not in {None, ""} for name in ("since", "until", "average_bet"))


def _stretch(
    form: StretchForm, *, since: datetime, until: datetime | None, like: CorrectedPlay | None
) -> CorrectedPlay | None:
    """The play of a row, with what it leaves empty as in `like`; None if something is missing."""
    given: dict[str, Any] = {name: form.cleaned_data.get(name) for name in ("average_bet", "table", "seat")}
    for name in given:
        if given[name] is None and like is not None:
            given[name] = getattr(like, name)
        if given[name] is None:
            form.add_error(name, "This is missing.")
    return None if form.errors else CorrectedPlay(**given, started_at=since, ended_at=until)


_Rows: Final[Any] = forms.formset_factory(
    StretchForm,
    formset=PlayRows,
    extra=SPARE_ROWS,
    can_delete=True,
    max_num=MAX_SEGMENTS + SPARE_ROWS,
    absolute_max=MAX_SEGMENTS + SPARE_ROWS,
)


def play_rows(
    data: Any, *, play: Sequence[CorrectedPlay], tables: Choices, zone: ZoneInfo, now: datetime, is_live: bool
) -> PlayRows:
    """The rows as they were sent in `data`, or with the `play` of the slip."""
    instants = [instant for stretch in play for instant in (stretch.started_at, stretch.ended_at) if instant]
    clock = PlayClock(zone=zone, now=now, instants=instants, goes_on=is_live)
    initial = [_initial(stretch, clock) for stretch in play]
    rows: PlayRows = _Rows(data, initial=initial, zone=zone, now=now, is_live=is_live, form_kwargs={"tables": tables})
    return rows


def with_spare_row(data: Any) -> Any:
    """What was posted, with another empty row."""
    name = f"{PREFIX}-{TOTAL_FORM_COUNT}"
    sent = str(data.get(name, ""))
    is_number = sent.isascii() and sent.isdigit() and len(sent) < 4
    return replaced(data, {name: str(int(sent) + 1)}) if is_number else data


def _initial(stretch: CorrectedPlay, clock: PlayClock) -> Mapping[str, Any]:
    return {
        "since": clock.shown(stretch.started_at),
        "until": clock.shown(stretch.ended_at),
        "average_bet": stretch.average_bet,
        "table": stretch.table,
        "seat": stretch.seat,
        "was_since": stretch.started_at.isoformat(),
        "was_until": stretch.ended_at.isoformat() if stretch.ended_at else "",
    }
