"""Shared parts of lists: a capped paginator, filters that show only the own casino, and the search by player."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.contrib import admin, messages
from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from core.clock import EARLIEST_EVENT_AT
from core.console.display import name_and_card
from core.console.links import list_url
from core.console.scope import ConsoleAdmin, in_casino_of, staff_of
from core.keys import key_of
from core.keyset import with_keys
from core.local_time import running_gaming_day
from core.models import Casino, Player
from core.player_search import MATCHED_PLAYERS_MAX, first_matching, many_match

LISTED_ROWS_MAX: Final = 500
GAMING_DAYS_OFFERED: Final = 7

# Django's own classes come after the mixin; mypy has to know them.
if TYPE_CHECKING:
    _Base = admin.ModelAdmin[Any]
else:
    _Base = object


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Pages over the first `LISTED_ROWS_MAX` rows, so that a list never counts or skips more than these.

    Rows beyond them are found with a filter or a search. A later page first reads its keys from an index, and then the
    rows with these keys: rows that are skipped cost no more than their place in the index.
    """

    reads_keys_first: ClassVar[bool] = False

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        return rows.order_by().values("pk")[:LISTED_ROWS_MAX].count() if isinstance(rows, QuerySet) else len(rows)

    @property
    def is_cut(self) -> bool:
        """Whether there may be more rows than these pages show."""
        return self.count >= LISTED_ROWS_MAX

    def page(self, number: Any) -> Page:  # type: ignore[type-arg]
        """The page `number`."""
        if not isinstance(self.object_list, QuerySet):
            return super().page(number)
        number = self.validate_number(number)
        if number == 1 and not self.reads_keys_first:
            return Page(self.object_list[: self.per_page], number, self)
        first = (number - 1) * self.per_page
        keys = self.object_list.values("pk")[first : first + self.per_page]
        return Page(with_keys(self.object_list, keys), number, self)


class KeysFirstPaginator(CappedPaginator):
    """The same, with the keys of the first page read first as well.

    It is for a filter that an index of its own serves: PostgreSQL might otherwise read the table in the order of the
    list, and pass over all rows that do not match.
    """

    reads_keys_first = True


class LongList(_Base):
    """Mixed into an admin before Django's: its list is read in the order of an index, and cannot be sorted by columns.

    To sort by another column, all rows would have to be read.
    """

    paginator = CappedPaginator
    sortable_by = ()


class OwnCasinoFilter(admin.RelatedFieldListFilter):
    """Filter by a related row, offering only the rows that the member of staff may see."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        related = model_admin.admin_site.get_model_admin(field.remote_field.model)
        assert isinstance(related, ConsoleAdmin), f"{field} leads to rows that know no casino"
        known: dict[Any, Any] = request.__dict__.setdefault("_filter_choices", {})
        if field not in known:  # Django makes the filters of a list twice
            rows = related.get_queryset(request).order_by(*related.get_ordering(request))
            known[field] = [(row.pk, str(row)) for row in rows]
        return known[field]


class GamingDayFilter(admin.SimpleListFilter):
    """Filter by gaming day: the latest ones as links, any other by its date in the address."""

    title = "gaming day"
    parameter_name = "gaming_day"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        today = running_gaming_day(staff_of(request))
        days = [today - timedelta(days=back) for back in range(GAMING_DAYS_OFFERED)]
        names = ["Today", "Yesterday", *(date_format(day, "D j M") for day in days[2:])]
        return [(day.isoformat(), name) for day, name in zip(days, names, strict=True)]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        value = self.value()
        if not value:
            return queryset
        day, casino = date.fromisoformat(value), self.casino(request)
        # The index of the list is by the instant of opening, from which the gaming day was derived.
        if casino is None:
            return queryset.filter(gaming_day=day)
        begins_at, ends_at = casino.gaming_day_span(day)
        return queryset.filter(opened_at__gte=begins_at, opened_at__lt=ends_at)

    def casino(self, request: HttpRequest) -> Casino | None:
        """The casino whose rows the list shows; None if it shows those of all."""
        return staff_of(request).casino

    def accepts(self, request: HttpRequest, value: str) -> bool:
        """Whether `value` is a day on which slips may have been opened."""
        try:
            return EARLIEST_EVENT_AT.date() <= date.fromisoformat(value) <= timezone.now().date() + timedelta(days=1)
        except ValueError:
            return False


class PlayerFilter(admin.SimpleListFilter):
    """Filter by the player to whose page a link leads; the list offers only to end it."""

    title = "player"
    parameter_name = "player__id__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        player = self._player(request, self.value() or "")
        return [(str(player.pk), str(player))] if player else []

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.filter(player=self.value()) if self.value() else queryset

    def accepts(self, request: HttpRequest, value: str) -> bool:
        """Whether `value` is the key of a player whom the member of staff sees."""
        return self._player(request, value) is not None

    def _player(self, request: HttpRequest, value: str) -> Player | None:
        """The player with this key, if the member of staff sees them; read once in a request."""
        known: dict[int, Player | None] = request.__dict__.setdefault("_filter_players", {})
        key = key_of(value)
        if key is None:
            return None
        if key not in known:
            seen = in_casino_of(staff_of(request), Player.objects.all(), lookup="casino")
            known[key] = seen.filter(pk=key).first()
        return known[key]


class PlayerSearch(_Base):
    """Mixed into an admin before Django's: its search box finds the rows of the players that match.

    `player_lookup` leads from a row to its player. A list with many rows of each player sets `lists_one_player`: if the
    search finds several players, it offers them in place of their rows.
    """

    player_lookup: ClassVar[str] = "player"
    lists_one_player: ClassVar[bool] = False
    players_looked_up: ClassVar[int] = MATCHED_PLAYERS_MAX
    search_fields = ("player",)  # Django shows the search box only if this is not empty.
    search_help_text = "Card number or name."

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> "tuple[QuerySet[Any], bool]":
        if not search_term:
            return queryset, False
        every = in_casino_of(staff_of(request), Player.objects.all(), lookup="casino")
        players = first_matching(every, search_term, most=self.players_looked_up)
        if len(players) >= self.players_looked_up and request.method == "GET":
            messages.warning(request, many_match(search_term, len(players)))
        if self.lists_one_player and len(players) > 1:
            if request.method == "GET":
                messages.info(request, self._offer(players))
            players = []
        return queryset.filter(self.search_condition(search_term, players)), False

    def _offer(self, players: Sequence[int]) -> SafeString:
        """Links to the rows of each of `players`."""
        found = Player.objects.filter(pk__in=players).order_by("sort_name", "card_number")
        name = f"{self.player_lookup}__id__exact"
        shown = ((list_url(self.model, **{name: one.pk}), name_and_card(one)) for one in found)
        links = format_html_join(", ", '<a href="{}">{}</a>', shown)
        return format_html("Choose a player: {}.", links)

    def search_condition(self, text: str, players: Sequence[int]) -> Q:
        """The condition for the rows that `text` finds; `players` are the keys of the players that match it."""
        return Q(**{f"{self.player_lookup}__in": players})
