"""The filters of the ledger's list, and what they offer."""

from collections.abc import Sequence
from datetime import date
from operator import itemgetter
from typing import Final

from django import forms
from django.db.models import F, Q, TextField, Value
from django.db.models.functions import Cast, Concat
from django.utils.formats import date_format

from core.console.fields import IntegerField
from core.console.filtered_list import DayField
from core.console.queries import SEARCH
from core.console.scope import authors_offered, in_casino_of, may_act_in_casino_of
from core.keys import BIGGEST_KEY
from core.models import ReasonCode, User
from core.roles import SYSTEM_USERNAME
from core.text import isolated
from core.words import counted
from loyalty.admin.extensions import Entries, Filter, ledger_extensions
from loyalty.models import CompType, LedgerEntry

CODES_OFFERED: Final = 500
COMP_TYPES_OFFERED: Final = 200
MOST_POINTS: Final = 10**15
SYSTEM: Final = "system"


class PointsField(IntegerField):
    """A signed number of points: 500, -1,500 or −1,500."""

    def __init__(self, *, label: str) -> None:
        super().__init__(
            label=label,
            required=False,
            min_value=-MOST_POINTS,
            max_value=MOST_POINTS,
            widget=forms.TextInput(attrs={"autocomplete": "off", "class": "figure", "size": 8}),
        )


def _from_staff(entries: Entries, value: str) -> Entries:
    return entries.filter(staff=None) if value == SYSTEM else entries.filter(staff=int(value))


def _as_day(day: date) -> str:
    return date_format(day, "j M Y")


OWN_FILTERS: Final[Sequence[Filter]] = (
    Filter(
        name="kind",
        field=lambda: forms.ChoiceField(
            label="Kind", required=False, choices=[("", "All kinds"), *LedgerEntry.Kind.choices]
        ),
        narrow=lambda entries, value: entries.filter(kind=value),
        in_words=lambda value: str(LedgerEntry.Kind(value).label),
    ),
    Filter(
        name="comp_type",
        field=lambda: forms.ChoiceField(label="Comp type", required=False),
        narrow=lambda entries, value: entries.filter(comp_type=int(value)),
        in_words=lambda value: f"redeemed for {isolated(value)}",
    ),
    Filter(
        name="staff",
        field=lambda: forms.ChoiceField(label="Posted by", required=False),
        narrow=_from_staff,
        in_words=lambda value: f"posted by {value}",
    ),
    Filter(
        name="reason_code",
        field=lambda: forms.ChoiceField(label="Reason code", required=False),
        narrow=lambda entries, code: entries.filter(reason_code=code),
        in_words=lambda code: f"reason code {code}",
    ),
    Filter(
        name="first_day",
        field=lambda: DayField(label="Gaming day from"),
        narrow=lambda entries, day: entries.filter(gaming_day__gte=day),
        in_words=lambda day: f"gaming day from {_as_day(day)}",
    ),
    Filter(
        name="last_day",
        field=lambda: DayField(label="Gaming day to"),
        narrow=lambda entries, day: entries.filter(gaming_day__lte=day),
        in_words=lambda day: f"gaming day to {_as_day(day)}",
    ),
    Filter(
        name="least_points",
        field=lambda: PointsField(label="Points from"),
        narrow=lambda entries, points: entries.filter(points__gte=points),
        in_words=lambda points: f"{counted(points, 'point')} or more",
    ),
    Filter(
        name="most_points",
        field=lambda: PointsField(label="Points to"),
        narrow=lambda entries, points: entries.filter(points__lte=points),
        in_words=lambda points: f"{counted(points, 'point')} or fewer",
    ),
    Filter(
        name="tier_change",
        field=lambda: forms.BooleanField(label="Tier changed", required=False),
        narrow=lambda entries, _: entries.filter(~Q(tier_before=F("tier_after"))),
        in_words=lambda _: "the tier changed",
    ),
    Filter(
        name="account",
        field=lambda: IntegerField(
            required=False, min_value=1, max_value=BIGGEST_KEY, widget=forms.HiddenInput, label="Account"
        ),
        narrow=lambda entries, account: entries.filter(account=account),
        in_words=lambda account: f"one account (no. {account})",
    ),
)


def all_filters() -> list[Filter]:
    """The ledger's own filters, and those that other apps add."""
    return [*OWN_FILTERS, *(one for extension in ledger_extensions() for one in extension.filters)]


def filter_names() -> list[str]:
    """The parameters by which the address of the ledger is narrowed."""
    return [SEARCH, *(one.name for one in all_filters())]


def choices_for(staff: User, *, chosen: str) -> dict[str, dict[str, str]]:
    """What the filters by person, comp type and reason code offer to `staff`, by the name of the filter.

    `chosen` is the key of the person whom the address names.
    """
    people = may_act_in_casino_of(staff).exclude(username=SYSTEM_USERNAME)
    return {"staff": {SYSTEM: SYSTEM} | authors_offered(people, chosen=chosen), **_named_choices(staff)}


def _named_choices(staff: User) -> dict[str, dict[str, str]]:
    """The comp types and the reason codes of the casinos that `staff` sees, by filter, in one statement.

    Those that are not active are among them. A code that several casinos have is named once.
    """
    codes = in_casino_of(staff, ReasonCode.objects.order_by("code", "pk").distinct("code"), lookup="casino")
    label = Concat("label", Value(" ("), "code", Value(")"))
    types = in_casino_of(staff, CompType.objects.order_by("pk"), lookup="program__casino")
    found = codes.values_list(Value("reason_code"), "code", label)[:CODES_OFFERED].union(
        types.values_list(Value("comp_type"), Cast("pk", TextField()), "label")[:COMP_TYPES_OFFERED], all=True
    )
    choices: dict[str, dict[str, str]] = {"reason_code": {}, "comp_type": {}}
    for name, value, words in sorted(found, key=itemgetter(2)):
        choices[name][value] = words
    return choices
