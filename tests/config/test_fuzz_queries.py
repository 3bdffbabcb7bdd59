"""Every query string gets an answer, and nothing is written."""

import re
from typing import Any, Final
from urllib.parse import quote

import pytest
from django.core.handlers import wsgi
from django.http import QueryDict
from django.urls import resolve
from hypothesis import example, given
from hypothesis import strategies as st

from tests.config.matrix.asking import CALM, Asking, addresses
from tests.console import registered
from tests.fuzz import Pair, encoded, fuzz_settings, pairs, values

_LEDGER: Final = (
    "kind comp_type staff first_day last_day least_points most_points tier_change account recovered before after q"
)
_FLOOR: Final = "q part pit player average_bet buy_in chips_out strike do expected_version to quick"
OURS: Final = ("core.", "loyalty.", "ratingslips.")
# What Django's pages of a model read.
OF_A_FORM: Final = ["p", "_changelist_filters", "_popup", "_to_field"]
# What an address reads from its query string. Lists of the admin read more: see `_names_of_list`.
NAMES: Final = {
    "admin:loyalty_ledgerentry_changelist": f"{_LEDGER} account__id__exact kind__exact",
    "admin:core_change_changelist": "whom what who of_no_casino first_day last_day of before after",
    "admin:loyalty_loyaltyprogram_pause": "reason",
    "admin:loyalty_ledgerentry_reverse": "reason reason_code token",
    "admin:loyalty_playerloyalty_adjust": "direction points reason reason_code adjustment_id token",
    "admin:loyalty_comptype_month": "month by before after",
    "admin:loyalty_comptype_month_export": "month by before after",
    "admin:loyalty_playerloyalty_redeem": "comp_type value points outlet reason_code reason",
    "admin:loyalty_playerloyalty_award": "points reason reward_id token",
    "admin:loyalty_playerloyalty_change": "_changelist_filters _popup _to_field",
    "admin:login": "next",
    "admin:ratingslips_ratingslip_open": "player",
    "admin:ratingslips_ratingslip_correct": "floor",
    "admin:ratingslips_ratingslip_preview": "floor",
    "admin:auth_user_password_change": "_popup",
    "admin:core_user_add": "casino username groups",
    "admin:ratingslips_gamingtable_add": "casino pit game name seats",
    "desk:player": "before",
    "desk:cash": "day casino",
    "floor:home": _FLOOR,
    "floor:pit": _FLOOR,
    "floor:seat": _FLOOR,
    "floor:slip": _FLOOR,
    "floor:wrong_player": _FLOOR,
    "trace:search": "q",
}


def _names_of_list(page: Any) -> list[str]:
    """What a list of the admin reads: its own parameters, its filters, and looking up by any path of fields."""
    names = ["q", "p", "o", "all", "e", "_facets", "_popup", "_to_field", "_changelist_filters", "pk__in", "id__gt"]
    for one in page.list_filter:
        field = one[0] if isinstance(one, tuple) else one
        if isinstance(field, str):
            names += [
                field,
                f"{field}__exact",
                f"{field}__id__exact",
                f"{field}__isnull",
                f"{field}__gte",
                f"{field}__in",
            ]
        else:
            names.append(field.parameter_name)
    return [*names, "casino__id__exact", "player__last_name__regex", "password__startswith", "table__pit__casino"]


def names_by_address() -> dict[str, list[str]]:
    """Every address that reads something from its query string, with what it reads."""
    lists = {
        f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist": _names_of_list(page)
        for model, page in registered().items()
    }
    forms = {name: OF_A_FORM for name, _ in addresses() if re.fullmatch(r"admin:\w+_(add|change|history)", name)}
    known: dict[str, list[str]] = lists | forms
    for name, names in NAMES.items():
        known[name] = [*forms.get(name, []), *names.split()]
    return known


@st.composite
def queries(draw: st.DrawFn) -> tuple[str, list[Pair]]:
    """An address and a query string for it."""
    by_address = names_by_address()
    address = draw(st.sampled_from(sorted(by_address)))
    return address, draw(pairs(by_address[address], "1", "2", "CLOSED", "players", "map", "core", "user", "player"))


class TestQueryString:
    @fuzz_settings
    @given(query=queries(), column=st.sampled_from(["root", "pits", "audit", "anon"]))
    def test_is_answered_and_writes_nothing(self, asking: Asking, query: tuple[str, list[Pair]], column: str) -> None:
        address, sent = query

        answer = asking.send(asking.url_of(address).partition("?")[0] + "?" + encoded(sent), column=column)

        assert answer.status in CALM
        assert not answer.has_changed


class TestNames:
    def test_are_those_that_the_pages_read(self, asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
        read: set[str] = set()

        class Recording(QueryDict):
            """A query string that records which names are asked for."""

            def __getitem__(self, key: str) -> Any:
                read.add(key)
                return super().__getitem__(key)

            def __contains__(self, key: object) -> bool:
                read.add(str(key))
                return super().__contains__(key)

            def getlist(self, key: str, default: Any = None) -> list[Any]:
                read.add(key)
                return super().getlist(key, default)

        monkeypatch.setattr(wsgi, "QueryDict", Recording)
        unknown = {}
        for address in sorted({name for name, _ in addresses()}):
            path = asking.url_of(address).partition("?")[0]
            if not resolve(path).func.__module__.startswith(OURS):
                continue
            read.clear()
            asking.send(path, column="root")
            if names := read - set(names_by_address().get(address, ())):
                unknown[address] = names

        assert unknown == {}


class TestPath:
    def test_is_answered_whatever_key_an_address_names(self, asking: Asking) -> None:
        with_keys = [name for name, pattern in addresses() if "<" in pattern]

        answers = {
            (name, key): asking.send(asking.url_of(name, key=key), post, column="root").status
            for name in with_keys
            for key, post in (("a%00b", None), ("%00", "a=1"), ("9" * 19, None))
        }

        assert {asked: status for asked, status in answers.items() if status not in {*CALM, 301}} == {}

    @fuzz_settings
    @given(
        address=st.sampled_from(sorted(name for name, pattern in addresses() if "<" in pattern)),
        key=values("1", "own").filter(bool),  # without a key, the address is that of a row that exists
        post=st.sampled_from([None, "a=1"]),
    )
    @example(address="admin:core_player_change", key="\0", post="a=1")
    def test_is_answered_whatever_is_given_as_a_key(
        self, asking: Asking, address: str, key: str, post: str | None
    ) -> None:
        path = asking.url_of(address, key=quote(key, safe="", errors="surrogatepass"))

        answer = asking.send(path, post, column="root")

        assert answer.status in {*CALM, 301}
        assert not answer.has_changed
