"""The field for the time of an act: now, some minutes ago, or at a time of day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final

from django import forms
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from core.console.scope import staff_of
from core.models import Casino, User
from core.times_of_day import NotATimeOfDay, latest_instant, read_time_of_day
from ratingslips.models import Pit
from ratingslips.services import ChosenTime, earliest_instant

MINUTES_AGO: Final = (5, 10, 15, 20, 30)
TIME_OF_DAY_MAX_LENGTH: Final = 12
TIME_FIELDS: Final = ("when_ago", "when_clock")
_CHOICES: Final = (("", "now"), *((str(minutes), f"{minutes} min") for minutes in MINUTES_AGO))

_AGO: Final = SafeString('<span class="visually-hidden"> ago</span>')


@dataclass(frozen=True, kw_only=True, slots=True)
class When:
    """What a person chose: a number of minutes ago, or else a time of day."""

    minutes_ago: int | None
    of_day: time | None

    @property
    def text(self) -> str:
        """The choice, for the request's contents: 20 min ago, or 19:30."""
        return f"{self.of_day:%H:%M:%S}".removesuffix(":00") if self.of_day else f"{self.minutes_ago} min ago"

    def instant(self, *, pit: Pit, now: datetime) -> datetime:
        """The instant that was chosen: of a time of day the latest one that is not after `now`."""
        if self.of_day is not None:
            return latest_instant(self.of_day, zone=pit.casino.zone, now=now)
        assert self.minutes_ago is not None
        return now - timedelta(minutes=self.minutes_ago)


def time_arguments(when: When | None, *, actor: User, pit: Pit, now: datetime) -> dict[str, Any]:
    """The arguments `at` and `chosen_time` of a service; without a choice, the act happens now."""
    if when is None:
        return {"at": now, "chosen_time": None}
    earliest = earliest_instant(actor=actor, pit=pit, casino=pit.casino, at=now)
    return {"at": when.instant(pit=pit, now=now), "chosen_time": ChosenTime(text=when.text, earliest=earliest)}


def minutes_offered(
    request: HttpRequest,
    pit: Pit,
    *,
    casino: Casino,
    now: datetime,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[int]:
    """How many minutes ago an act on a slip in `pit` is offered: as far as the actor may go back.

    `since` is the last event that is known, `until` the end of the play, if it has ended. A person's own limit is read
    where that of the casino is not enough for every button; once in a request for each pit.
    """
    limits: dict[int, datetime] = request.__dict__.setdefault("_earliest_by_pit", {})
    earliest = now - casino.backdating
    if earliest > now - timedelta(minutes=MINUTES_AGO[-1]):
        if pit.pk not in limits:
            limits[pit.pk] = earliest_instant(actor=staff_of(request), pit=pit, casino=casino, at=now)
        earliest = limits[pit.pk]
    if since is not None:
        earliest = max(earliest, since.replace(second=0, microsecond=0))
    ago = ((minutes, now - timedelta(minutes=minutes)) for minutes in MINUTES_AGO)
    return [minutes for minutes, at in ago if earliest <= at <= (until or now)]


def typed_time(sent: Mapping[str, Any]) -> list[str]:
    """What a page sent in the two parts of the field `when`, to show it again."""
    return [str(sent.get(name, ""))[:TIME_OF_DAY_MAX_LENGTH] for name in TIME_FIELDS]


class WhenInput(forms.MultiWidget):
    """A row of radio buttons, and a text box beside them."""

    use_fieldset = True

    def __init__(self) -> None:
        self.offered: Sequence[int] = MINUTES_AGO
        super().__init__({"ago": forms.RadioSelect(choices=_CHOICES), "clock": forms.TextInput()})

    def decompress(self, value: Any) -> list[str]:
        return list(value or ("", ""))

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        ago, clock = self.decompress(value)
        key = (attrs or {}).get("id", f"id_{name}")
        shown = [
            (minutes, label)
            for minutes, label in _CHOICES
            if not minutes or int(minutes) in self.offered or minutes == ago
        ]
        buttons = format_html_join(
            "",
            '<label><input type="radio" name="{}_ago" value="{}"{}> <span>{}{}</span></label>',
            (
                (name, minutes, SafeString(" checked") * (minutes == (ago or "")), label, _AGO if minutes else "")
                for minutes, label in shown
            ),
        )
        return format_html(
            '<fieldset class="when" id="{0}"><legend>When</legend>{1}<label class="clock">{5} '
            '<input type="text" name="{2}_clock" id="{0}_clock" value="{3}" maxlength="{4}" inputmode="numeric" '
            'autocomplete="off" placeholder="19:30"></label></fieldset>',
            key,
            buttons,
            name,
            clock or "",
            TIME_OF_DAY_MAX_LENGTH,
            "ago, or at" if len(shown) > 1 else "or at",
        )


class _TimeOfDayField(forms.CharField):
    """A time of day, as people type it."""

    def clean(self, value: Any) -> time | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            return read_time_of_day(text)
        except NotATimeOfDay as error:
            raise forms.ValidationError(error.message, code="invalid") from error


class WhenField(forms.MultiValueField):
    """When an act happened, as a `When`; None if nothing was chosen, which is now."""

    def __init__(self) -> None:
        parts = (
            forms.ChoiceField(choices=_CHOICES, required=False),
            _TimeOfDayField(max_length=TIME_OF_DAY_MAX_LENGTH, required=False),
        )
        super().__init__(parts, label="When", required=False, require_all_fields=False, widget=WhenInput())

    def compress(self, data_list: Any) -> When | None:
        ago, of_day = data_list or ("", None)
        if ago and of_day:
            raise forms.ValidationError(f"Choose one time: {ago} min ago, or {of_day:%H:%M}.", code="two")
        return When(minutes_ago=int(ago) if ago else None, of_day=of_day) if ago or of_day else None


class TimeForm(forms.Form):
    """The time of an act, for actions that need nothing else, and for the forms of the others.

    Of the buttons for minutes ago it shows those `offered`; the service says what is refused.
    """

    when = WhenField()

    def __init__(self, *args: Any, offered: Sequence[int] = MINUTES_AGO, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer(offered)

    def offer(self, minutes: Sequence[int]) -> None:
        """Show the buttons for these minutes ago."""
        widget = self.fields["when"].widget
        assert isinstance(widget, WhenInput)
        widget.offered = minutes
