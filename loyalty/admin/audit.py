"""The form of the ledger's list: its filters and its search, each backed by an index."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any, Final

from django import forms
from django.db.models import F, Q, QuerySet
from django.utils.functional import cached_property

from core import correlation, origins
from core.console.filtered_list import FilterForm
from core.console.scope import casino_id_seen_by, in_casino_of
from core.keys import key_of
from core.keyset import BY_ID, GAMING_DAY, ID, Order, Window, with_keys
from core.models import Player, User
from core.player_search import PLAYERS_WITH_ROWS_MAX, first_matching, many_match
from loyalty.admin.extensions import Entries, ledger_extensions
from loyalty.admin.ledger_filters import SYSTEM, all_filters, choices_for
from loyalty.models import LedgerEntry, PlayerLoyalty

SEARCH_MAX_LENGTH: Final = 100
# How many entries a page looks at. Those of a casino lie side by side, about nine in a block. Those of an account lie
# apart. Those of a member of staff or a kind, and those that a search finds, are also looked up one by one.
LOOKED_AT_OF_CASINO: Final = 1_000
LOOKED_AT_OF_ACCOUNT: Final = 150
LOOKED_AT_BY_KEYS: Final = 25


class AuditForm(FilterForm):
    """The filters and the search box of the ledger; `staff` limits what they offer and find."""

    ranges = (
        ("first_day", "last_day", "This day is before the first one."),
        ("least_points", "most_points", "This is less than the first number."),
    )

    q = forms.CharField(
        label="Search",
        required=False,
        max_length=SEARCH_MAX_LENGTH,
        help_text="Card number, player, slip number, entry number (#12) or correlation id.",
    )

    def __init__(self, data: Any, *, staff: User) -> None:
        super().__init__(data, auto_id="audit_%s", label_suffix="")
        self._staff = staff
        self.filters = all_filters()
        for one in self.filters:
            self.fields[one.name] = one.field()
        self._names = choices_for(staff, chosen=data.get("staff", ""))
        for name, everything in (("staff", "Anybody"), ("comp_type", "All types"), ("reason_code", "All codes")):
            self.fields[name].choices = [("", everything), *self._names[name].items()]  # type: ignore[attr-defined]
        self.fields["q"].widget.attrs |= {"type": "search", "autocomplete": "off"}

    @property
    def order(self) -> Order:
        """Newest first, in the order of the index that fits the filters; with most filters, by gaming day first.

        A search and a selective filter find the entries by their keys.
        """
        given = self.given
        if self._by_keys:
            return BY_ID
        if "account" in given:
            return Order(keys=(ID,), within={"account_id": given["account"]})
        day = replace(
            GAMING_DAY, least=given.get("first_day", GAMING_DAY.least), most=given.get("last_day", GAMING_DAY.most)
        )
        if "comp_type" in given:
            return Order(keys=(day, ID), within={"comp_type_id": int(given["comp_type"])})
        if given.get("staff", SYSTEM) != SYSTEM:
            return Order(keys=(day, ID), within={"staff_id": int(given["staff"])})
        seen = casino_id_seen_by(self._staff)
        casino = {} if seen is None else {"casino_id": seen}
        if "reason_code" in given and casino:
            return Order(keys=(day, ID), within=casino | {"reason_code": given["reason_code"]})
        if "kind" in given and casino and "tier_change" not in given:
            return Order(keys=(day, ID), within=casino | {"kind": given["kind"]})
        if casino and given.keys() & {"first_day", "last_day", "tier_change"}:
            return Order(keys=(day, ID), within=casino)
        return Order(keys=(ID,), within=casino)

    @property
    def in_words(self) -> list[str]:
        """The filters in use, for people."""
        given = self.given
        words = [f"“{given['q']}”"] if "q" in given else []
        for one in self.filters:
            if one.name in given:
                value = given[one.name]
                words.append(one.in_words(self._names[one.name][value] if one.name in self._names else value))
        return words

    def narrowed(self, entries: Entries) -> Entries:
        """The `entries` that match the filters; the form must be valid."""
        return self._narrowed(entries, exclude=())

    def in_order(self, entries: Entries) -> Entries:
        """The same without the conditions on the columns of `order`, which reading in `order` limits itself.

        The casino of `entries` is such a condition (see `core.keyset.Order`).
        """
        return self._narrowed(self._of_index(entries), exclude=self._by_order)

    def in_window(self, entries: Entries) -> Entries:
        """The same without the conditions that `window` applies as well."""
        return self._narrowed(self._of_index(entries), exclude=self._by_order | self._by_keys)

    @property
    def window(self) -> Window[LedgerEntry] | None:
        """What a page looks at if its filters pass over entries of the index; None if they do not."""
        order, given = self.order, self.given
        if not given.keys() - self._by_keys - self._by_order:
            return None
        entries = self._of_index(LedgerEntry.objects.all())
        if self._by_keys:
            entries = self._narrowed(entries, exclude=given.keys() - self._by_keys)
            return Window(rows=entries, most=LOOKED_AT_BY_KEYS, by_keys=True, parts=self._parts)
        if self._by_tier_change or order.within.keys() & {"kind", "staff_id", "reason_code", "comp_type_id"}:
            return Window(rows=entries, most=LOOKED_AT_BY_KEYS, by_keys=True)
        return Window(rows=entries, most=LOOKED_AT_OF_ACCOUNT if "account_id" in order.within else LOOKED_AT_OF_CASINO)

    @property
    def _by_keys(self) -> set[str]:
        """The filters and the search, where given, that find entries by their keys."""
        return {"q", *(one.name for one in self.filters if one.keys)} & self.given.keys()

    @property
    def _by_order(self) -> set[str]:
        """The filters that reading in `order` applies."""
        order = self.order
        names = {name.removesuffix("_id") for name in order.within}
        if any(key.name == GAMING_DAY.name for key in order.keys):
            names |= {"first_day", "last_day"}
        return names | ({"tier_change"} if self._by_tier_change else set())

    @property
    def _by_tier_change(self) -> bool:
        """Whether `order` is that of the index of tier changes."""
        return "tier_change" in self.given and self.order.within.keys() == {"casino_id"}

    def _of_index(self, entries: Entries) -> Entries:
        """The `entries` without the condition on their casino if `order` has it, and with that of a partial index."""
        if self.order.within.keys() & {"casino_id", "comp_type_id"}:
            entries = LedgerEntry.objects.all()
        if "comp_type_id" in self.order.within:
            return entries.filter(comp_type__isnull=False)
        if "staff_id" in self.order.within:
            return entries.filter(staff__isnull=False)
        if "reason_code" in self.order.within:
            return entries.filter(reason_code__isnull=False)
        return entries.filter(~Q(tier_before=F("tier_after"))) if self._by_tier_change else entries

    def _narrowed(self, entries: Entries, *, exclude: Collection[str]) -> Entries:
        for one in self.filters:
            if one.name in self.given and one.name not in exclude:
                if one.keys is not None:
                    entries = with_keys(entries, one.keys(self._staff))
                elif one.narrow is not None:
                    entries = one.narrow(entries, self.given[one.name])
        return self._named(entries) if "q" in self.given and "q" not in exclude else entries

    def _named(self, entries: Entries) -> Entries:
        """The `entries` that the search finds: by correlation id, entry number or slip, or of a player.

        The keys are looked up first, each in its index; the list is then read by these keys.
        """
        term = self.given["q"]
        if correlation_id := correlation.parse(term):
            return entries.filter(correlation_id__in=origins.ids_known_as(correlation_id))
        if term.startswith("#"):
            number = key_of(term.removeprefix("#"))
            return entries.filter(pk=number) if number is not None else entries.none()
        keys = LedgerEntry.objects.order_by().filter(account__in=self._accounts).values("pk")
        others = _found_by_extensions(self._staff, term)
        return with_keys(entries, keys.union(*others, all=True) if others else keys)

    @property
    def _parts(self) -> list[tuple[Entries, Order]]:
        """The entries of each account that the search finds, and those that extensions find; none if it is a number."""
        if self._by_keys != {"q"} or _is_number(self.given["q"]):
            return []
        every = LedgerEntry.objects.all()
        others = _found_by_extensions(self._staff, self.given["q"])
        return [
            *((every, Order(keys=(ID,), within={"account_id": account})) for account in self._accounts),
            *((with_keys(every, keys), BY_ID) for keys in others),
        ]

    @cached_property
    def _accounts(self) -> list[int]:
        """The accounts of the players that the search finds, of as many as are looked up."""
        players = self._found[:PLAYERS_WITH_ROWS_MAX]
        return list(PlayerLoyalty.objects.filter(player__in=players).values_list("pk", flat=True))

    @cached_property
    def _found(self) -> list[int]:
        """The players whose card or name the search finds, and one more than are looked up if there are so many.

        They are not asked for a number of another kind.
        """
        term = self.given["q"]
        if _is_number(term):
            return []
        every = in_casino_of(self._staff, Player.objects.all(), lookup="casino")
        return first_matching(every, term, most=PLAYERS_WITH_ROWS_MAX + 1)

    @property
    def too_many(self) -> str:
        """What to tell people whose search matches more players than were looked up; else empty."""
        is_cut = "q" in self.given and len(self._found) > PLAYERS_WITH_ROWS_MAX
        return many_match(self.given["q"], PLAYERS_WITH_ROWS_MAX) if is_cut else ""


def _is_number(term: str) -> bool:
    """Whether a search term is a correlation id or the number of an entry."""
    return bool(correlation.parse(term)) or term.startswith("#")


def _found_by_extensions(staff: User, term: str) -> list[QuerySet[Any, Any]]:
    """The keys of the entries that each extension finds."""
    return [extension.find(staff, term) for extension in ledger_extensions() if extension.find is not None]
