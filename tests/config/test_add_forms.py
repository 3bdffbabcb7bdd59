"""Every form of the console that adds a row adds one, however often it is sent."""

from functools import partial
from typing import Any, Final
from uuid import uuid4

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from tests.concurrency import together
from tests.config.matrix.house import TwoCasinos
from tests.config.matrix.posts import post_of
from tests.config.test_permission_matrix import TABLE
from tests.console import BACKEND, fields_in, registered, said
from tests.emptying import ModuleDb

FORMS: Final = {q.address: q for q, cells in TABLE.items() if q.address.endswith("_add") and "done" in cells}
# Forms that are known again by their id; a rate is known by the instant at which it begins.
WITH_ID: Final = FORMS.keys() - {"admin:loyalty_earningrate_add"}
MODELS: Final[dict[str, type[Model]]] = {
    f"admin:{model._meta.app_label}_{model._meta.model_name}_add": model for model in registered()
}


def _browser(house: TwoCasinos, column: str = "root") -> Client:
    client = Client()
    client.force_login(house.staff[column], backend=BACKEND)
    return client


def _filled_in(house: TwoCasinos, address: str, client: Client) -> dict[str, Any]:
    """What a browser sends from a new page after a person has filled it in."""
    hidden = fields_in(client.get(reverse(address)))
    return {**post_of(house, FORMS[address], house.staff["root"]), "request_id": hidden.get("request_id", [])}


def _rows(address: str) -> int:
    return MODELS[address]._base_manager.count()


@pytest.mark.parametrize("address", FORMS)
@pytest.mark.usefixtures("db")
class TestFormSentTwice:
    def test_adds_one_row_and_is_answered_alike(self, house: TwoCasinos, address: str) -> None:
        client, before = _browser(house), _rows(address)
        sent = _filled_in(house, address, client)

        first, second = (client.post(reverse(address), sent) for _ in range(2))

        assert _rows(address) == before + 1
        assert first.status_code == second.status_code == 302
        assert first.headers["Location"] == second.headers["Location"]
        assert said(second)[-1].endswith("nothing was added again.") == (address in WITH_ID)


@pytest.mark.usefixtures("db")
class TestUnofferedFields:
    def test_of_a_popup_change_nothing_for_a_form_that_adds(self, house: TwoCasinos) -> None:
        address, client = "admin:core_player_add", _browser(house)
        sent = _filled_in(house, address, client) | {"_popup": "1", "_to_field": "status"}
        before = _rows(address)

        answers = [client.post(reverse(address), sent) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [302, 302]
        assert _rows(address) == before + 1

    @pytest.mark.parametrize("whose", ["own", "other"])
    def test_that_save_a_row_as_new_add_none(self, house: TwoCasinos, whose: str) -> None:
        address, client, row = "admin:core_player_add", _browser(house, "pits"), house.rows(whose).newcomer
        url = reverse("admin:core_player_change", args=[row.pk])
        filled_in: dict[str, Any] = {**post_of(house, FORMS[address], house.staff["pits"])}
        sent = fields_in(client.get(url)) | filled_in | {"_saveasnew": "1"}
        before = _rows(address)

        answers = [client.post(url, sent) for _ in range(2)]

        assert {answer.status_code for answer in answers} <= {200, 302}
        assert _rows(address) == before


@pytest.mark.parametrize("address", sorted(WITH_ID))
@pytest.mark.usefixtures("db")
class TestIdOfAForm:
    def test_adds_nothing_with_other_contents_until_it_is_sent_again(self, house: TwoCasinos, address: str) -> None:
        client, before = _browser(house), _rows(address)
        sent = _filled_in(house, address, client)
        client.post(reverse(address), sent)

        refused = client.post(reverse(address), sent | {"another": "field"})

        assert "This form was sent before with other contents" in refused.text
        assert fields_in(refused)["request_id"] != sent["request_id"]
        assert _rows(address) == before + 1

    def test_adds_nothing_for_somebody_else(self, house: TwoCasinos, address: str) -> None:
        client, other = _browser(house), _browser(house, "oper")
        sent = _filled_in(house, address, client)
        client.post(reverse(address), sent)
        before = _rows(address)

        answer = other.post(reverse(address), sent)

        assert answer.status_code in {200, 403}
        assert _rows(address) == before

    @pytest.mark.parametrize("request_id", ["", "forged"])
    def test_adds_nothing_without_an_id(self, house: TwoCasinos, address: str, request_id: str) -> None:
        client, before = _browser(house), _rows(address)

        refused = client.post(reverse(address), _filled_in(house, address, client) | {"request_id": request_id})

        assert "could not be recognised" in refused.text
        assert _rows(address) == before


class TestTwoPostsAtOnce:
    @pytest.mark.parametrize("address", FORMS)
    def test_of_one_form_add_one_row(self, house: TwoCasinos, module_db: ModuleDb, address: str) -> None:
        with module_db():
            before = _rows(address)

            assert _post_at_once(house, address, {}, {}) == [302, 302]
            assert _rows(address) == before + 1

    @pytest.mark.parametrize("address", sorted(WITH_ID))
    def test_would_answer_one_with_an_error_without_the_id(
        self, house: TwoCasinos, module_db: ModuleDb, address: str
    ) -> None:
        with module_db():
            assert 200 in _post_at_once(house, address, *({"request_id": uuid4()} for _ in range(2)))


def _post_at_once(house: TwoCasinos, address: str, *others: dict[str, Any]) -> list[int]:
    """Send one form by two browsers at once, each with `others` in place of some fields; the answers' statuses."""
    clients = [_browser(house) for _ in others]
    sent = _filled_in(house, address, clients[0])
    posts = [partial(client.post, reverse(address), sent | own) for client, own in zip(clients, others, strict=True)]
    answers: list[Any] = together(posts)
    return [answer.status_code for answer in answers]
