"""From where a request or a command came: one row, before anything happens, with nothing of a player in it."""

import uuid
from ipaddress import ip_network
from typing import Any

import pytest
from django.test import Client

from core import correlation, origins
from core.commands import ProjectCommand
from core.models import Player, RequestOrigin
from core.origins import record_request
from core.roles import LOYALTY_SUPERVISOR
from ratingslips.models import RatingSlip
from tests.commands import run
from tests.console import address, signed_in
from tests.constraints import refused_by_trigger
from tests.floor import Floor
from tests.statements import statements_of

GIVEN = uuid.UUID("0b0d9a4e-7c1f-4a56-9d57-6a3c9d5c2f11")
SLIPS = "/console/ratingslips/ratingslip/"


@pytest.fixture
def client(floor: Floor) -> Client:
    """The supervisor's browser."""
    return signed_in(floor.supervisor, LOYALTY_SUPERVISOR)


class TestOriginMiddleware:
    def test_keeps_who_sent_what_from_where(self, floor: Floor, client: Client) -> None:
        answer = client.post(SLIPS, {}, REMOTE_ADDR="192.0.2.7")

        [origin] = RequestOrigin.objects.all()
        assert (origin.actor, origin.client_address) == (floor.supervisor, "192.0.2.7")
        assert str(origin.correlation_id) == answer.headers["X-Correlation-ID"]
        assert (origin.method, origin.origin) == ("POST", SLIPS)

    @pytest.mark.parametrize(
        ("forwarded", "kept"), [("192.0.2.7, 203.0.113.9", None), ("203.0.113.9, 192.0.2.7", GIVEN)]
    )
    def test_keeps_the_id_of_a_trusted_caller_behind_a_proxy(
        self, settings: Any, client: Client, forwarded: str, kept: uuid.UUID | None
    ) -> None:
        settings.BEHIND_PROXY, settings.CORRELATION_ID_CALLERS = True, [ip_network("192.0.2.7")]

        client.post(SLIPS, {}, headers={"X-Correlation-ID": str(GIVEN), "X-Forwarded-For": forwarded})

        assert RequestOrigin.objects.get().outside_correlation_id == kept

    def test_keeps_nothing_of_what_was_typed(self, player: Player, client: Client) -> None:
        client.post(f"{SLIPS}?q={player.card_number}", {"q": player.last_name})

        [kept] = RequestOrigin.objects.values()
        told = " ".join(map(str, kept.values()))
        assert not [word for word in (player.card_number, player.last_name) if word in told]

    def test_takes_one_statement(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        with_origin = statements_of(lambda: client.post(SLIPS, {}))
        monkeypatch.setattr(origins, "record_request", lambda **_: None)
        without = statements_of(lambda: client.post(SLIPS, {}))

        assert len(with_origin) == len(without) + 1

    @pytest.mark.parametrize("method", ["get", "head", "options"])
    def test_keeps_nothing_of_a_request_that_only_reads(self, client: Client, method: str) -> None:
        getattr(client, method)(SLIPS)

        assert not RequestOrigin.objects.exists()

    def test_keeps_nothing_of_who_is_not_signed_in(self, floor: Floor) -> None:
        Client().post(SLIPS, {})

        assert not RequestOrigin.objects.exists()

    def test_keeps_a_request_that_is_refused(self, floor: Floor, client: Client) -> None:
        answer = client.post(address(Player, "add"), {"card_number": ""})

        assert answer.status_code == 200
        assert RequestOrigin.objects.get().origin == address(Player, "add")

    @pytest.mark.parametrize(
        ("behind_proxy", "forwarded", "kept"),
        [
            (False, "203.0.113.9", "192.0.2.7"),
            (True, "198.51.100.1, 203.0.113.9", "203.0.113.9"),
            (True, "", None),
            (True, "not an address", None),
        ],
    )
    def test_believes_only_the_last_hop_of_our_own_proxy(
        self, settings: Any, client: Client, behind_proxy: bool, forwarded: str, kept: str | None
    ) -> None:
        settings.BEHIND_PROXY, settings.PROXY_ADDRESSES = behind_proxy, [ip_network("192.0.2.0/29")]

        client.post(SLIPS, {}, headers={"X-Forwarded-For": forwarded}, REMOTE_ADDR="192.0.2.7")

        assert RequestOrigin.objects.get().client_address == kept

    @pytest.mark.parametrize(
        ("sender", "kept", "is_secure"),
        [
            ("127.0.0.1", "203.0.113.9", True),
            ("::ffff:127.0.0.1", "203.0.113.9", True),
            ("", "203.0.113.9", True),
            ("198.51.100.1", "198.51.100.1", False),
            ("2001:db8::1", "2001:db8::1", False),
        ],
    )
    def test_believes_no_header_of_who_is_not_our_proxy(
        self, settings: Any, client: Client, sender: str, kept: str, is_secure: bool
    ) -> None:
        settings.BEHIND_PROXY, settings.SECURE_PROXY_SSL_HEADER = True, ("HTTP_X_FORWARDED_PROTO", "https")

        headers = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
        answer = client.post(SLIPS, {}, headers=headers, REMOTE_ADDR=sender)

        assert RequestOrigin.objects.get().client_address == kept
        assert answer.wsgi_request.is_secure() == is_secure

    def test_takes_a_path_that_no_text_can_hold(self, floor: Floor, client: Client) -> None:
        client.post(address(Player, "change", "\0"), {})

        assert RequestOrigin.objects.get().origin == address(Player, "change", 1).replace(
            "1", "\N{REPLACEMENT CHARACTER}"
        )

    def test_takes_a_long_path_and_an_unknown_method(self, floor: Floor) -> None:
        with correlation.bound():
            record_request(actor=floor.boss, method="VERSION-CONTROL", path="/" + "x" * 500, client_address=None)

        origin = RequestOrigin.objects.get()
        assert (origin.method, len(origin.origin), origin.client_address) == ("VERSION-CO", 200, None)


class TestOriginOfACommand:
    def test_is_one_row_under_the_id_of_the_run(self, floor: Floor) -> None:
        slip = floor.played_slip()

        ran = run("recover_slip_loyalty", "--slip", slip.slip_number)

        [origin] = RequestOrigin.objects.all()
        assert ran.code == 1
        assert (origin.method, origin.origin, origin.actor) == ("COMMAND", "recover_slip_loyalty", None)

    def test_names_the_person_for_whom_it_acts(self, floor: Floor) -> None:
        run("rebuild_balances", "--by", floor.boss.username, "--reason", "Differs since the restore")

        [origin] = RequestOrigin.objects.all()
        assert (origin.method, origin.origin, origin.actor) == ("COMMAND", "rebuild_balances", floor.boss)

    def test_is_not_kept_for_a_report(self, floor: Floor) -> None:
        run("report")

        assert not RequestOrigin.objects.exists()
        assert ProjectCommand.may_change


class TestRequestOrigin:
    def test_is_for_ever(self, floor: Floor) -> None:
        with correlation.bound():
            record_request(actor=floor.boss, method="POST", path="/console/", client_address="192.0.2.7")

        with refused_by_trigger("UPDATE of core_requestorigin is refused"):
            RequestOrigin.objects.update(origin="/elsewhere/")
        with refused_by_trigger("DELETE of core_requestorigin is refused"):
            RequestOrigin.objects.all().delete()

    def test_leads_from_a_slip_to_the_request_that_closed_it(self, floor: Floor, client: Client) -> None:
        slip = floor.played_slip()
        body = {"action": "complete", "_selected_action": [str(slip.pk)], "confirmed": "yes"}

        client.post(address(RatingSlip, "changelist"), body | {f"{slip.pk}-buy_in": "", f"{slip.pk}-chips_out": ""})

        slip.refresh_from_db()
        assert slip.is_closed
        assert RequestOrigin.objects.get().correlation_id == slip.correlation_id
