"""A combination of settings that would betray the product is refused before it serves anyone."""

from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.checks import CheckMessage, registry
from django.db import connections
from guardian.shortcuts import assign_perm

from config.database.checks import check_second_factors
from core import checks
from core.roles import AUDITOR, LOYALTY_SUPERVISOR, OPERATOR, PIT_SUPERVISOR
from core.timeouts import MAX_SLOW_CLIENT_SECONDS
from loyalty.services.awards import MAX_AWARD_POINTS
from tests.floor import Floor
from tests.second_factors import require_of

PRODUCTION = {
    "ENVIRONMENT": "production",
    "IS_PRODUCTION": True,
    "HAS_OWN_DATABASE": True,
    "ALLOWED_HOSTS": ["ratings.example"],
    "DEBUG": False,
    "SECRET_KEY": "made by a test",
}


def _ids(messages: list[CheckMessage]) -> list[str | None]:
    return [message.id for message in messages]


class TestCheckDatabaseIsPostgresql:
    def test_is_content_with_postgresql(self) -> None:
        assert checks.check_database_is_postgresql() == []

    def test_refuses_any_other(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(checks, "connections", {"default": SimpleNamespace(vendor="sqlite")})

        messages = checks.check_database_is_postgresql()

        assert _ids(messages) == ["core.E001"]
        assert "sqlite, not PostgreSQL" in messages[0].msg


class TestCheckPostgresqlVersion:
    @pytest.mark.django_db
    def test_is_content_with_the_one_that_runs(self) -> None:
        assert checks.check_postgresql_version(databases=["default"]) == []

    def test_asks_nothing_where_no_database_is_named(self) -> None:
        assert checks.check_postgresql_version(databases=None) == []

    @pytest.mark.django_db
    def test_refuses_an_older_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        connections["default"].ensure_connection()
        monkeypatch.setattr(checks, "MINIMUM_POSTGRESQL_MAJOR", 1000)

        assert _ids(checks.check_postgresql_version(databases=["default"])) == ["core.E002"]


class TestCheckSecondFactors:
    def test_names_powerful_roles_until_they_need_one(self, floor: Floor) -> None:
        guide, greeter = (Group.objects.create(name=name) for name in ("Tour guide", "Greeter"))
        assign_perm("award", guide, floor.program)
        assign_perm("operate_pit", greeter, floor.pit)
        required = [LOYALTY_SUPERVISOR, OPERATOR, guide.name]
        floor.casino.confirmed_award_points = 0
        floor.casino.save()

        found = []
        for roles in (required, [*required, AUDITOR, PIT_SUPERVISOR]):
            require_of(floor.casino, *roles)
            found.append([(one.id, one.msg) for one in check_second_factors(databases=["default"])])

        name = floor.casino.name
        assert found == [[("core.W012", f"“{name}” requires no second factor of: Auditor, Pit supervisor.")], []]

    @pytest.mark.parametrize(
        ("limit", "is_warned_of"), [(None, True), (MAX_AWARD_POINTS, True), (MAX_AWARD_POINTS - 1, False)]
    )
    def test_warns_where_no_award_asks_again(self, floor: Floor, limit: int | None, is_warned_of: bool) -> None:
        floor.casino.confirmed_award_points = limit
        floor.casino.save()

        assert _ids(check_second_factors(databases=["default"])) == ["core.W012", *["core.W013"] * is_warned_of]
        assert check_second_factors(databases=None) == []


class TestCheckTrustedAddresses:
    @pytest.mark.parametrize(
        ("setting", "warning"),
        [("CORRELATION_ID_CALLERS", "W001"), ("PROXY_ADDRESSES", "W006"), ("MONITORING_ADDRESSES", "W014")],
    )
    @pytest.mark.parametrize(
        ("trusted", "is_warned_of"),
        [
            ([], False),
            (["192.0.2.7", "10.0.0.0/8", "172.16.0.0/12", "2001:db8::/32", "fd00::/8"], False),
            (["192.0.2.7", "0.0.0.0/0"], True),
            (["::/0"], True),
            (["8000::/1"], True),
            (["0.0.0.0/1", "128.0.0.0/1"], True),
            (["0.0.0.0/1"], True),
            (["10.0.0.0/7"], True),
            ([f"{number}.0.0.0/9" for number in range(11, 127)], True),
            ([f"{number}.{number}.0.0/16" for number in (20, 30)], True),
        ],
    )
    def test_warns_where_many_strangers_are_trusted(
        self, settings: Any, setting: str, warning: str, trusted: list[str], is_warned_of: bool
    ) -> None:
        setattr(settings, setting, [ip_network(network) for network in trusted])

        found = [message for message in checks.check_trusted_addresses() if message.id == f"core.{warning}"]

        assert [message.msg.startswith(setting) for message in found] == [True] * is_warned_of

    @pytest.mark.parametrize(
        ("is_behind_proxy", "proxies", "is_warned_of"),
        [
            (True, ["10.0.0.0/8"], True),
            (False, ["10.0.0.0/8"], False),
            (True, ["127.0.0.0/8", "::1", "10.1.2.0/24"], False),
            (True, ["126.0.0.0/7"], True),
            (True, ["10.1.2.0/24", "192.168.7.9"], True),
            (True, ["fd00::/64"], True),
        ],
    )
    def test_warns_where_a_tablet_may_be_taken_for_the_proxy(
        self, settings: Any, is_behind_proxy: bool, proxies: list[str], is_warned_of: bool
    ) -> None:
        settings.BEHIND_PROXY = is_behind_proxy
        settings.PROXY_ADDRESSES = [ip_network(network) for network in proxies]

        assert _ids(checks.check_trusted_addresses()) == ["core.W006"] * is_warned_of


class TestCheckSessionLimits:
    @pytest.mark.parametrize(
        ("hours", "minutes", "expected"),
        [
            (12, 10, []),
            (13, 10, ["core.W002"]),
            (0, 10, ["core.W002"]),
            (12, 0, ["core.W003"]),
            (12, 720, ["core.W003"]),
            (1, 59, []),
        ],
    )
    def test_warns_of_sessions_that_stay_open(
        self, settings: Any, hours: int, minutes: int, expected: list[str]
    ) -> None:
        settings.SESSION_COOKIE_AGE, settings.IDLE_LOCK_MINUTES = hours * 60 * 60, minutes

        messages = registry.registry.run_checks(include_deployment_checks=True)

        assert [found for found in _ids(messages) if found in {"core.W002", "core.W003"}] == expected


class TestCheckProductionIsWhole:
    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({}, []),
            ({"ENVIRONMENT": "staging"}, ["core.E003"]),
            ({"HAS_OWN_DATABASE": False}, ["core.E004"]),
            ({"ALLOWED_HOSTS": []}, ["core.E005"]),
            ({"DEBUG": True}, ["core.E006"]),
            ({"SECRET_KEY": ""}, ["core.E007"]),
            (
                {"DEBUG": True, "ALLOWED_HOSTS": [], "HAS_OWN_DATABASE": False},
                ["core.E004", "core.E005", "core.E006"],
            ),
            ({"ENVIRONMENT": "development", "IS_PRODUCTION": False, "HAS_OWN_DATABASE": False}, []),
        ],
    )
    def test_names_each_thing_that_is_wrong(self, settings: Any, changes: dict[str, Any], expected: list[str]) -> None:
        for name, value in (PRODUCTION | changes).items():
            setattr(settings, name, value)

        assert _ids(checks.check_production_settings()) == expected


class TestCheckPasswordsAreLimited:
    @pytest.mark.parametrize(("at_once", "expected"), [(1, []), (3, []), (0, ["core.W010"]), (4, ["core.W010"])])
    def test_warns_where_passwords_may_take_most_threads(
        self, settings: Any, at_once: int, expected: list[str]
    ) -> None:
        settings.PASSWORDS_AT_ONCE = at_once

        assert _ids(checks.check_passwords_are_limited()) == expected


class TestCheckWaitsAreLimited:
    @pytest.mark.parametrize(
        ("name", "most"),
        [
            ("lock_timeout", checks.MAX_LOCK_TIMEOUT_SECONDS),
            ("statement_timeout", checks.MAX_STATEMENT_TIMEOUT_SECONDS),
            ("idle_in_transaction_session_timeout", checks.MAX_IDLE_IN_TRANSACTION_SECONDS),
            ("SLOW_REQUEST_SECONDS", checks.MAX_SLOW_REQUEST_SECONDS),
            ("SLOW_CLIENT_SECONDS", MAX_SLOW_CLIENT_SECONDS),
        ],
    )
    def test_warns_of_none_and_of_a_long_one(self, settings: Any, name: str, most: int) -> None:
        found = []
        for seconds in (0, 1, most, most + 1):
            if name.isupper():
                setattr(settings, name, seconds)
            else:
                settings.DATABASE_TIMEOUTS_SECONDS = settings.DATABASE_TIMEOUTS_SECONDS | {name: seconds}
            found.append(_ids(checks.check_waits_are_limited()))

        assert found == [["core.W004"], [], [], ["core.W004"]]


class TestCheckHostsAreNamed:
    @pytest.mark.parametrize(
        ("hosts", "expected"),
        [
            (["console.example", ".floor.example"], []),
            (["console.example", "*"], ["core.W005"]),
            (["console.example", ".com"], ["core.W005"]),
        ],
    )
    def test_warns_where_every_host_is_allowed(self, settings: Any, hosts: list[str], expected: list[str]) -> None:
        settings.ALLOWED_HOSTS = hosts

        assert _ids(checks.check_hosts_are_named()) == expected


class TestCheckOriginsAreNamed:
    @pytest.mark.parametrize(
        ("origins", "expected"),
        [
            ([], []),
            (["https://console.example", "https://other.example:8443"], []),
            (["https://*.example"], ["core.W017"]),
            (["https://console.example", "http://console.example"], ["core.W017"]),
        ],
    )
    def test_warns_of_forms_from_strangers(self, settings: Any, origins: list[str], expected: list[str]) -> None:
        settings.CSRF_TRUSTED_ORIGINS = origins

        assert _ids(checks.check_origins_are_named()) == expected


class TestRegistration:
    def test_is_done_for_every_check(self) -> None:
        registered = registry.registry.get_checks(include_deployment_checks=True)

        assert {
            checks.check_database_is_postgresql,
            checks.check_postgresql_version,
            checks.check_production_settings,
            checks.check_passwords_are_limited,
            checks.check_waits_are_limited,
            checks.check_hosts_are_named,
            checks.check_origins_are_named,
            checks.check_provider_asks,
        } <= set(registered)
