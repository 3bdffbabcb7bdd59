"""Requests for another casino's rows by their keys, in an address or a form, show nothing and change nothing."""

from typing import Any, Final
from urllib.parse import urlencode

from tests.config.matrix.asking import Asking
from tests.config.matrix.house import ELSEWHERE, TwoCasinos
from tests.config.matrix.table import Question
from tests.config.test_fuzz_forms import FORMS, filled_in
from tests.config.test_fuzz_queries import names_by_address
from tests.fuzz import encoded

# Who may see and do the most of all who work in one casino.
OPERATOR: Final = "oper@"
# What prefills a form, beside what `names_by_address` says of lists and pages.
PREFILLED: Final = {
    "admin:core_player_add": "casino",
    "admin:core_user_add": "casino player",
    "admin:core_user_change": "casino player",
    "admin:loyalty_earningrate_add": "program",
    "admin:ratingslips_gamesettings_add": "casino",
    "admin:ratingslips_gamingtable_add": "casino pit game",
    "admin:ratingslips_pit_add": "casino",
    "admin:ratingslips_ratingslip_open": "player table seat",
    "floor:seat": "player q",
}
_FIELDS: Final = {"player", "table", "pit", "game", "casino", "program", "user", "slip", "to", "_selected_action"}


def keys_of_other(house: TwoCasinos) -> dict[str, Any]:
    """The other casino's rows, by what a parameter or a field calls them."""
    rows, floor = house.other, house.other.floor
    return {
        "player": rows.closed.player_id,
        "table": floor.table.pk,
        "pit": floor.pit.pk,
        "game": floor.table.game_id,
        "casino": floor.casino.pk,
        "program": floor.program.pk,
        "user": rows.of_model["core.user"].pk,
        "staff": floor.supervisor.pk,
        "actor": floor.supervisor.pk,
        "account": rows.of_model["loyalty.playerloyalty"].pk,
        "tier": rows.of_model["loyalty.tier"].pk,
        "slip": rows.owed.pk,
    }


def texts_of_other(house: TwoCasinos) -> list[str]:
    """What a search would find of the other casino, if it looked there; none has the mark."""
    slip = house.other.closed
    slip.refresh_from_db()
    numbers = (slip.player.card_number, slip.slip_number, slip.correlation_id, slip.pk)
    return [f"#{slip.ledger_entry_id}", *map(str, numbers)]


def value_of(name: str, keys: dict[str, Any]) -> Any:
    """What a parameter would be, if it led to the other casino: `pit__id__exact` leads to its pit."""
    path = [part for part in name.split("__") if part in keys]
    return keys[path[-1]] if path else None


def questions(house: TwoCasinos) -> list[tuple[str, str]]:
    """Addresses and query strings that lead to the other casino's rows."""
    keys, texts = keys_of_other(house), texts_of_other(house)
    names = names_by_address() | {address: text.split() for address, text in PREFILLED.items()}
    found = []
    for address, parameters in names.items():
        for name in parameters:
            if name in {"q", "term"}:
                found += [(address, urlencode({name: text})) for text in texts]
            elif (value := value_of(name, keys)) is not None:
                found.append((address, urlencode({name: value})))
    return found


class TestOtherCasino:
    def test_is_not_told_of_to_who_asks_for_its_rows(self, house: TwoCasinos, asking: Asking) -> None:
        asked = questions(house)

        told = []
        for address, query in asked:
            answer = asking.get_or_post(f"{asking.url_of(address).partition('?')[0]}?{query}", None, column=OPERATOR)
            if answer.status_code == 200 and not answer.streaming and ELSEWHERE in answer.content.decode():
                told.append(f"{address}?{query}")

        assert told == []
        assert len(asked) > 80

    def test_is_told_of_to_who_works_in_all(self, house: TwoCasinos, asking: Asking) -> None:
        url = asking.url_of("admin:ratingslips_ratingslip_changelist")

        answer = asking.get_or_post(f"{url}?pit__id__exact={house.other.floor.pit.pk}", None, column="root")

        assert ELSEWHERE in answer.content.decode()

    def test_lends_no_row_to_a_form_of_one_s_own(self, house: TwoCasinos, asking: Asking) -> None:
        keys = keys_of_other(house)
        table = house.other.floor.table.pk
        forged = keys | {"to": f"{table}:6", "_selected_action": house.other.open.pk}

        wrong = []
        for question in (one for one in FORMS if one.whose == "own"):
            for field in self._fields_of(house, question):
                name = field.rpartition("-")[2]
                good = [pair for pair in filled_in(house, question, OPERATOR) if pair[0] != field]
                url = asking.url(question)
                answer = asking.send(url, encoded([*good, (field, str(forged[name]))]), column=OPERATOR)
                is_own = field == "casino"  # The form has no such field: the casino is that of the staff.
                if answer.has_changed_elsewhere or (answer.has_changed and not is_own) or answer.broken:
                    wrong.append(f"{question} with {field}")

        assert wrong == []

    def _fields_of(self, house: TwoCasinos, question: Question) -> list[str]:
        names = {name for name, _ in filled_in(house, question, OPERATOR)}
        if question.action and question.action != "move":  # The others read the chosen rows alone.
            names &= {"_selected_action"}
        return sorted(name for name in names if name.rpartition("-")[2] in _FIELDS)
