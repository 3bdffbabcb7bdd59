"""The filters of the change log, from the address of the page; each is backed by an index."""

import re
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.text import capfirst

from core.changes.tables import ABOUT_STAFF, LOGGED, SHARED
from core.console.filtered_list import DayField, FilterForm
from core.console.scope import (
    authors_offered,
    casino_id_seen_by,
    changes_concerning,
    in_casino_of,
    may_act_in_casino_of,
    of_readable_tables,
    window_of_concerned,
)
from core.keyset import ID, RECORDED_AT, Order, Window
from core.models import Change, Player, User
from core.permissions import VIEW_STAFF
from core.player_search import MAX_WORDS, PLAYERS_WITH_ROWS_MAX, first_matching, many_match

SEARCH_MAX_LENGTH: Final = 100
# Changes by one author do not lie side by side: each may be in a block of its own.
LOOKED_AT: Final = 200
# Each row that a search finds is looked for in several indexes. Players get the rest of `PLAYERS_WITH_ROWS_MAX`.
STAFF_LOOKED_UP: Final = 4
NOBODY: Final = "nobody"
_ROW: Final = re.compile(r"[a-z_]{1,63}:[0-9]{1,19}")

Changes = QuerySet[Change]


def _row(text: str) -> None:
    if not _ROW.fullmatch(text):
        raise forms.ValidationError("This is not a row.")


def _midnight(day: date, *, days_later: int = 0) -> datetime:
    """Midnight before a day in the time zone of the page; the last instant if that is beyond the calendar."""
    try:
        return timezone.make_aware(datetime.combine(day + timedelta(days=days_later), time()))
    except OverflowError:
        most: datetime = RECORDED_AT.most
        return most


class ChangesForm(FilterForm):
    """The filters of the change log; `staff` limits what they offer and find."""

    ranges = (("first_day", "last_day", "This day is before the first one."),)

    whom = forms.CharField(
        label="Whom it concerns",
        required=False,
        max_length=SEARCH_MAX_LENGTH,
        help_text="Card number or name of a player, name or user name of staff.",
    )
    what = forms.ChoiceField(label="What", required=False)
    who = forms.ChoiceField(label="Changed by", required=False)
    first_day = DayField(label="From")
    last_day = DayField(label="To")
    of_no_casino = forms.BooleanField(label="What belongs to no casino", required=False)
    of = forms.CharField(label="Row", required=False, validators=[_row], widget=forms.HiddenInput)

    def __init__(self, data: Any, *, staff: User) -> None:
        super().__init__(data, auto_id="changes_%s", label_suffix="")
        self._staff = staff
        self._people = authors_offered(may_act_in_casino_of(staff), chosen=data.get("who", ""))
        what: Any = self.fields["what"]
        self._views_staff = staff.has_perm(VIEW_STAFF)
        shown = {table: name for table, name in LOGGED.items() if self._views_staff or table not in ABOUT_STAFF}
        what.choices = [("", "Everything"), *((table, capfirst(name)) for table, name in shown.items())]
        who: Any = self.fields["who"]
        who.choices = [("", "Anybody"), (NOBODY, "No person (database role)"), *self._people.items()]
        self.fields["whom"].widget.attrs |= {"type": "search", "autocomplete": "off"}

    @property
    def order(self) -> Order:
        """Newest first, in the order of the index that fits the filters; other filters look the changes up."""
        given = self.given
        least, most = self._span
        within: dict[str, Any] = {}
        if not self._by_keys:
            if "of_no_casino" in given:
                within["casino_id"] = None
            elif (seen := casino_id_seen_by(self._staff)) is not None and given.get("what") not in SHARED:
                within["casino_id"] = seen
            if given.get("who", NOBODY) != NOBODY:
                within["actor_id"] = int(given["who"])
            elif "what" in given and "who" not in given:
                within["table_name"] = given["what"]
        keys = (replace(RECORDED_AT, least=least, most=most), ID)
        return Order(keys=keys, within=within, is_sorted=bool(self._by_keys))

    @property
    def window(self) -> Window[Change] | None:
        """What a page looks at where changes are found by their keys, or others are passed over; else None."""
        passes_over = {"who", "what"} <= self.given.keys() or not (self._views_staff or "what" in self.given)
        # The index of changes by no person is one of each casino.
        passes_over |= self.given.get("who") == NOBODY and "casino_id" not in self.order.within
        if self._by_keys:
            return window_of_concerned(self._concerned["of" if "of" in self.given else "whom"], order=self.order)
        if not passes_over:
            return None
        return Window(rows=self._of_index(Change.objects.all()), most=LOOKED_AT)

    @property
    def _by_keys(self) -> set[str]:
        """The filters, where given, that find changes by their keys."""
        return {"whom", "of"} & self.given.keys()

    @property
    def _span(self) -> tuple[datetime, datetime]:
        """The least and the greatest instant of the days that are asked for."""
        first, last = self.given.get("first_day"), self.given.get("last_day")
        least = max(_midnight(first), RECORDED_AT.least) if first else RECORDED_AT.least
        return least, _midnight(last, days_later=1) - timedelta(microseconds=1) if last else RECORDED_AT.most

    @property
    def in_words(self) -> list[str]:
        """The filters in use, for people."""
        words: dict[str, Callable[[Any], str]] = {
            "whom": lambda text: f"“{text}”",
            "what": lambda table: capfirst(LOGGED[table]),
            "who": lambda who: "by no person" if who == NOBODY else f"by {self._people[who]}",
            "first_day": lambda day: f"from {date_format(day, 'j M Y')}",
            "last_day": lambda day: f"to {date_format(day, 'j M Y')}",
            "of_no_casino": lambda _: "what belongs to no casino",
            "of": lambda row: f"one {LOGGED.get(row.partition(':')[0], 'row')} (no. {row.partition(':')[2]})",
        }
        return [in_words(self.given[name]) for name, in_words in words.items() if name in self.given]

    def narrowed(self, rows: Changes) -> Changes:
        """The `rows` that match the filters; the form must be valid."""
        least, most = self._span
        return self._narrowed(rows, exclude=()).filter(recorded_at__gte=least, recorded_at__lte=most)

    def in_order(self, rows: Changes) -> Changes:
        """The same without the conditions on the columns of `order`, which reading in `order` limits itself."""
        return self._narrowed(self._of_index(rows), exclude=self.order.within)

    in_window = in_order

    def _of_index(self, rows: Changes) -> Changes:
        """The `rows` without the condition on their casino if `order` has it, and with that of a partial index."""
        within = self.order.within
        rows = Change.objects.all() if "casino_id" in within else rows
        if self.given.get("who") == NOBODY:
            return rows.filter(actor=None) if "casino_id" in within else rows
        return rows.filter(actor__isnull=False) if "actor_id" in within else rows

    def _narrowed(self, rows: Changes, *, exclude: Collection[str]) -> Changes:
        given = self.given
        rows = of_readable_tables(self._staff, rows)
        if "what" in given and "table_name" not in exclude:
            rows = rows.filter(table_name=given["what"])
        if "who" in given and "actor_id" not in exclude:
            rows = rows.filter(actor=None if given["who"] == NOBODY else int(given["who"]))
        if "of_no_casino" in given and "casino_id" not in exclude:
            rows = rows.filter(casino=None)
        for concerned in self._concerned.values():
            rows = changes_concerning(rows, concerned)
        return rows

    @property
    def _concerned(self) -> dict[str, list[str]]:
        """The rows that changes must concern, by the filter that names or finds them."""
        rows = {"of": [self.given["of"]]} if "of" in self.given else {}
        if "whom" in self.given:
            players, people = self._found
            rows["whom"] = [f"core_user:{key}" for key in people[:STAFF_LOOKED_UP]]
            rows["whom"] += [f"core_player:{key}" for key in players[: PLAYERS_WITH_ROWS_MAX - len(rows["whom"])]]
        return rows

    @cached_property
    def _found(self) -> tuple[list[int], list[int]]:
        """The players and the staff that the search finds; one more than may be looked up if there are so many."""
        players = in_casino_of(self._staff, Player.objects.all(), lookup="casino")
        people = may_act_in_casino_of(self._staff).order_by()
        for word in self.given["whom"].replace("\0", "").split()[:MAX_WORDS]:
            in_name = (Q(**{f"{name}__icontains": word}) for name in ("username", "first_name", "last_name"))
            people = people.filter(next(in_name) | next(in_name) | next(in_name))
        most = PLAYERS_WITH_ROWS_MAX + 1
        return first_matching(players, self.given["whom"], most=most), list(people.values_list("pk", flat=True)[:most])

    @property
    def too_many(self) -> str:
        """What to tell people whose search matches more players or staff than were looked up; else empty."""
        if "whom" not in self.given or sum(map(len, self._found)) == (looked_up := len(self._concerned["whom"])):
            return ""
        return many_match(self.given["whom"], looked_up, what="players and staff")
