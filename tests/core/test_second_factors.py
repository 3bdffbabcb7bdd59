"""Adding, removing, resetting and checking second factors."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import override_settings
from django.utils import timezone
from structlog.testing import capture_logs

from core.errors import DomainError
from core.factors.codes import app_code, app_key_as_text, matching_step, normalised, step_at
from core.factors.models import RecoveryCode
from core.factors.proof import Proof, prove
from core.factors.services import (
    FACTORS_MAX,
    add_app,
    make_recovery_codes,
    must_have_second_factor,
    remove_factor,
    rename_factor,
    reset_second_factors,
)
from core.locks import lock_name
from core.models import User
from core.origins import Client
from core.roles import PIT_BOSS
from tests.commands import run
from tests.concurrency import in_turn, replace_locks
from tests.factories import StaffFactory
from tests.floor import Floor
from tests.replacing import replace
from tests.second_factors import APP_KEY, code_of_app, require_of, with_app


def proved(person: User, typed: str = "", *, was_proved: bool = False, **proof: Any) -> str:
    """“right”, or the code of the refusal."""
    try:
        prove(
            person=person,
            proof=Proof(typed=typed, **proof),
            client=Client(address="192.0.2.7"),
            at=timezone.now(),
            was_proved=lambda: was_proved,
            note_proved=lambda: None,
        )
    except DomainError as error:
        return error.code
    return "right"


class TestAppCode:
    @pytest.mark.parametrize(
        ("seconds", "code"), [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924")]
    )
    def test_is_that_of_rfc_6238(self, seconds: int, code: str) -> None:
        at = datetime.fromtimestamp(seconds, tz=UTC)

        assert app_code(APP_KEY, step=step_at(at)) == code
        assert matching_step(APP_KEY, code, at=at) == seconds // 30

    @pytest.mark.parametrize(("late", "is_right"), [(-60, False), (-30, True), (30, True), (60, False)])
    def test_may_be_half_a_minute_early_or_late(self, late: int, is_right: bool) -> None:
        at = datetime.fromtimestamp(1_234_567_890, tz=UTC)

        assert (matching_step(APP_KEY, "005924", at=at + timedelta(seconds=late)) is not None) is is_right

    @pytest.mark.parametrize("typed", ["005924", "005 924", " 005-924 ", "٠٠٥٩٢٤", "００５９２４", "OO5924"])
    def test_is_read_as_people_type_it(self, typed: str) -> None:
        assert normalised(typed) == "005924"

    def test_comes_from_a_key_that_can_be_typed(self) -> None:
        assert app_key_as_text(APP_KEY) == "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"


class TestProve:
    def test_lets_a_code_of_the_app_be_used_once(self, floor: Floor) -> None:
        with_app(floor.boss)

        assert [proved(floor.boss, code_of_app()), proved(floor.boss, code_of_app())] == [
            "right",
            "USED_SECOND_FACTOR",
        ]
        assert proved(floor.boss, code_of_app(steps=-1)) == "USED_SECOND_FACTOR"

    def test_lets_each_recovery_code_be_used_once(self, floor: Floor) -> None:
        first, second, *_ = with_app(floor.boss)

        answers = [proved(floor.boss, f" {first[:5].upper()}-{first[5:]}"), proved(floor.boss, first)]

        assert answers == ["right", "WRONG_SECOND_FACTOR"]
        assert proved(floor.supervisor, second) == "WRONG_SECOND_FACTOR"
        assert floor.boss.recovery_codes.count() == 9

    def test_passes_a_double_click_without_using_another_code(self, floor: Floor) -> None:
        with_app(floor.boss)

        assert proved(floor.boss, "000000", was_proved=True) == "right"

    @pytest.mark.parametrize("answer", ["{", "[]", "{}", '{"id": 7}', "null", '"' + "x" * 20_000 + '"'])
    def test_refuses_what_is_no_answer_of_a_security_key(self, floor: Floor, answer: str) -> None:
        with_app(floor.boss)
        state = {"challenge": "AAAA", "user_verification": None}

        assert proved(floor.boss, key_answer=answer, state=state, origin="https://a") == "WRONG_SECOND_FACTOR"

    def test_is_locked_by_five_wrong_codes(self, floor: Floor) -> None:
        with_app(floor.boss)

        answers = [proved(floor.boss, "000000") for _ in range(5)]

        assert answers == ["WRONG_SECOND_FACTOR"] * 4 + ["SIGN_IN_LOCKED"]
        assert proved(floor.boss, code_of_app()) == "SIGN_IN_LOCKED"

    def test_does_not_count_a_used_code_as_wrong(self, floor: Floor) -> None:
        with_app(floor.boss)

        answers = {proved(floor.boss, code_of_app(steps=-1)) for _ in range(6)}

        assert answers == {"USED_SECOND_FACTOR"}


class TestSecretAtRest:
    def test_is_in_no_column_of_the_database(self, floor: Floor) -> None:
        codes = with_app(floor.boss)
        with connection.cursor() as cursor:
            cursor.execute("SELECT core_secondfactor::text FROM core_secondfactor")
            kept = cursor.fetchone()[0]
            cursor.execute("SELECT string_agg(digest, ' ') FROM core_recoverycode")
            digests = cursor.fetchone()[0]

        assert APP_KEY.hex() not in kept
        assert "GEZDGNBV" not in kept
        assert [code for code in codes if code in digests] == []

    def test_is_read_with_a_former_secret_key(self, floor: Floor) -> None:
        with override_settings(SECRET_KEY="the key of last year"):
            first, *_ = with_app(floor.boss)

        assert proved(floor.boss, code_of_app()) == "WRONG_SECOND_FACTOR"
        with override_settings(SECRET_KEY_FALLBACKS=["the key of last year"]):
            assert [proved(floor.boss, code_of_app()), proved(floor.boss, first)] == ["right", "right"]


class TestOwnFactors:
    def test_come_with_recovery_codes_when_the_first_is_added(self, floor: Floor) -> None:
        codes = with_app(floor.boss)
        _add(floor.boss, "Tablet")

        assert len(set(codes)) == floor.boss.recovery_codes.count() == 10

    @pytest.mark.parametrize("is_used", [False, True])
    def test_are_added_once_when_the_form_is_sent_twice(self, floor: Floor, is_used: bool) -> None:
        codes = with_app(floor.boss)
        if is_used:
            proved(floor.boss, codes[0])
        again = with_app(floor.boss)

        assert again == ([] if is_used else codes)
        assert floor.boss.second_factors.count() == 1

    def test_have_different_names_and_a_limit(self, floor: Floor) -> None:
        for number in range(FACTORS_MAX):
            _add(floor.boss, f"App {number}")

        assert _refusal(lambda: _add(floor.boss, "One more")) == "TOO_MANY_SECOND_FACTORS"
        rename = partial(rename_factor, person=floor.boss, factor_id=floor.boss.second_factors.earliest("pk").pk)
        assert _refusal(lambda: rename(name="APP 1")) == "FACTOR_NAME_TAKEN"
        assert _refusal(lambda: rename(name="app 0")) == ""

    def test_are_nobody_elses(self, floor: Floor) -> None:
        with_app(floor.boss)
        factor = floor.boss.second_factors.get()

        assert _refusal(lambda: remove_factor(person=floor.supervisor, factor_id=factor.pk)) == "NOT_FOUND"
        assert _refusal(lambda: make_recovery_codes(person=floor.supervisor)) == "NOT_FOUND"
        rename = partial(rename_factor, person=floor.supervisor, factor_id=factor.pk, name="Mine")
        assert _refusal(rename) == "NOT_FOUND"

    def test_end_with_their_codes_unless_the_role_requires_one(self, floor: Floor) -> None:
        with_app(floor.boss)
        factor = floor.boss.second_factors.get()
        require_of(floor.casino, PIT_BOSS)
        floor.boss.groups.add(floor.casino.second_factor_roles.get())

        assert _refusal(lambda: remove_factor(person=floor.boss, factor_id=factor.pk)) == "SECOND_FACTOR_REQUIRED"
        floor.casino.second_factor_roles.clear()
        remove_factor(person=floor.boss, factor_id=factor.pk)
        assert not RecoveryCode.objects.filter(user=floor.boss).exists()


class TestMustHaveSecondFactor:
    def test_follows_the_setting_of_the_casino(self, floor: Floor) -> None:
        require_of(floor.casino, PIT_BOSS)
        role = floor.casino.second_factor_roles.get()
        member, elsewhere, superuser, head = (
            StaffFactory.create(casino=floor.casino),
            StaffFactory.create(),
            StaffFactory.create(casino=floor.casino, is_superuser=True),
            StaffFactory.create(casino=None, is_superuser=True),
        )
        for person in (member, elsewhere):
            person.groups.add(role)

        people = (member, elsewhere, superuser, head, floor.supervisor)
        assert [must_have_second_factor(person) for person in people] == [True, False, True, True, False]


class TestReset:
    def test_is_for_who_manages_the_person(self, floor: Floor, manager: User) -> None:
        with_app(floor.boss)
        with_app(manager)

        assert _refusal(lambda: reset_second_factors(person=manager, actor=manager)) == "NOT_PERMITTED"
        assert _refusal(lambda: reset_second_factors(person=floor.boss, actor=floor.supervisor)) == "NOT_PERMITTED"
        assert _refusal(lambda: reset_second_factors(person=floor.boss, actor=manager)) == "NOT_PERMITTED"
        newcomer = StaffFactory.create(casino=floor.casino)
        with_app(newcomer)
        with capture_logs() as lines:
            assert reset_second_factors(person=newcomer, actor=manager) == 1
        assert not newcomer.second_factors.exists()
        assert not newcomer.recovery_codes.exists()
        assert {"event": "core.second_factors_reset", "staff_id": newcomer.pk}.items() <= lines[-1].items()

    def test_of_ones_own_is_refused_to_a_superuser(self, db: None) -> None:
        root = StaffFactory.create(pk=1_000, casino=None, is_superuser=True)
        with_app(root)

        assert _refusal(lambda: reset_second_factors(person=User.objects.get(pk=1_000), actor=root)) == "NOT_PERMITTED"

    def test_is_done_by_the_operator_for_a_superuser(self, floor: Floor) -> None:
        root = StaffFactory.create(casino=None, is_superuser=True, username="root")
        with_app(root)

        result = run("reset_second_factor", "--username", "root")

        assert (result.code, result.out) == (0, "1 second factor of root removed.\n")
        assert not root.second_factors.exists()
        assert run("reset_second_factor", "--username", "nobody").code == 2


class TestOneCodeSentTwiceAtOnce:
    def test_is_used_by_one_of_two_requests(self, committed_floor: Floor) -> None:
        with_app(committed_floor.boss)
        call = partial(proved, committed_floor.boss, code_of_app())

        first, second = in_turn(call, call)

        assert (first.result(), second.result()) == ("right", "USED_SECOND_FACTOR")

    @pytest.mark.shows(39)
    def test_would_be_used_twice_without_locks(self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        with_app(committed_floor.boss)
        call = partial(proved, committed_floor.boss, code_of_app())
        replace(monkeypatch, lock_name, lambda *_: None)
        replace_locks(monkeypatch, lambda rows, **_: rows)

        first, second = in_turn(call, call)

        assert (first.result(), second.result()) == ("right", "right")


def _refusal(act: Callable[[], object]) -> str:
    """The code of the refusal; empty if there is none."""
    try:
        act()
    except DomainError as error:
        return error.code
    return ""


def _add(person: User, name: str) -> None:
    key, now = name.encode().ljust(20), timezone.now()
    add_app(person=person, name=name, key=key, code=app_code(key, step=step_at(now)), seed=key, at=now)


@pytest.fixture
def manager(floor: Floor) -> User:
    """Who manages staff, and holds nothing besides."""
    person: User = StaffFactory.create(casino=floor.casino)
    person.user_permissions.add(Permission.objects.get(codename="change_user"))
    return person
