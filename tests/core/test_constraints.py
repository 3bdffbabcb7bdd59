"""What PostgreSQL itself refuses about casinos, staff and players."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection
from django.db.models import Model

from core.alike import refuse_alike
from core.cards.models import Namesake, StaffCard
from core.factors.models import RecoveryCode, SecondFactor
from core.models import (
    Casino,
    CommandOperation,
    JobRun,
    Lease,
    Player,
    ReasonCode,
    ReplayCount,
    RequestOrigin,
    SentForm,
    User,
)
from core.sign_in_log import SignInEvent
from tests.constraints import NAN, Violation, inserted, refused_by, table_of
from tests.databases import as_owner
from tests.floor import Floor


def _player(floor: Floor, **changes: str) -> Player:
    attributes = {"card_number": "1001", "first_name": "José", "last_name": "Nguyễn"} | changes
    return Player(casino=floor.casino, **attributes)


VIOLATIONS = (
    Violation("core_casino_has_code", lambda _: inserted(Casino(code="", name="Nameless", time_zone="UTC"))),
    Violation(
        "core_casino_longest_play_within_limits", lambda _: inserted(Casino(code="never", longest_play_hours=169))
    ),
    Violation("core_casino_backdating_within_limits", lambda _: inserted(Casino(code="never", backdating_minutes=721))),
    Violation(
        "core_casino_cash_thresholds_in_order", lambda _: inserted(Casino(code="x", cash_watch_amount=Decimal(20_000)))
    ),
    Violation(
        "core_casino_cash_thresholds_in_order", lambda _: inserted(Casino(code="x", cash_watch_amount=Decimal(0)))
    ),
    Violation(
        "core_casino_cash_is_finite",
        lambda _: inserted(Casino(code="x", cash_report_amount=NAN)),  # type: ignore[misc]
    ),
    Violation(
        "core_casino_confirmed_award_points_check", lambda _: inserted(Casino(code="x", confirmed_award_points=-1))
    ),
    Violation("core_factor_has_name", lambda floor: inserted(_app(floor, name=""))),
    Violation("core_factor_is_app_or_key", lambda floor: inserted(_app(floor, kind="KEY"))),
    Violation("core_factor_is_app_or_key", lambda floor: inserted(_app(floor, credential_id=b"1"))),
    Violation("core_factor_counter_not_negative", lambda floor: inserted(_app(floor, counter=-1))),
    Violation("core_factor_name_unique_to_person", lambda floor: _two(_app(floor, name=name) for name in ("A", "a"))),
    Violation(
        "core_secondfactor_credential_id_key",
        lambda floor: _two(_app(floor, kind="KEY", credential_id=b"1", name=name) for name in ("A", "B")),
    ),
    Violation("core_recovery_code_has_digest", lambda floor: inserted(RecoveryCode(user=floor.boss, digest=""))),
    Violation(
        "core_recovery_code_unique_to_person",
        lambda floor: _two(RecoveryCode(user=floor.boss, digest="d") for _ in range(2)),
    ),
    Violation("core_reason_code_is_plain", lambda floor: inserted(_code(floor, code="wrong bet"))),
    Violation("core_reason_code_has_label", lambda floor: inserted(_code(floor, label=""))),
    Violation("core_reason_code_has_label", lambda floor: inserted(_code(floor, label=" \t"))),
    Violation("core_reason_code_for_an_operation", lambda floor: inserted(_code(floor, operations=[]))),
    Violation("core_reason_code_for_an_operation", lambda floor: inserted(_code(floor, operations=["nonsense"]))),
    Violation("core_reason_code_for_an_operation", lambda floor: inserted(_code(floor, operations=["award", None]))),
    Violation("core_reason_code_for_an_operation", lambda floor: inserted(_code(floor, operations=[["award"]]))),
    Violation("core_reason_code_unique_in_casino", lambda floor: _two(_code(floor) for _ in range(2))),
    Violation("core_player_has_card", lambda floor: inserted(_player(floor, card_number=""))),
    Violation("core_player_status_known", lambda floor: inserted(_player(floor, status="ASLEEP"))),
    Violation(
        "core_player_card_unique_in_casino",
        lambda floor: inserted(_player(floor, card_number=floor.player(card_number="Vip-1").card_number.upper())),
    ),
    Violation("core_casino_code_key", lambda floor: inserted(Casino(code=floor.casino.code, name="Copy"))),
    Violation("core_replays_one_row_a_day", lambda floor: _two_counts_of_one_day(floor)),
    Violation(
        "core_origin_is_a_person_or_a_command",
        lambda _: inserted(_origin(method="POST", origin="/console/", actor=None)),
    ),
    Violation("core_origin_says_where", lambda floor: inserted(_origin(method="POST", origin="", actor=floor.boss))),
    Violation("core_sign_in_kind_known", lambda floor: inserted(_sign_in(kind="GUESSED", staff=floor.boss))),
    Violation("core_sign_in_of_staff_or_of_no_name", lambda _: inserted(_sign_in(kind="WRONG"))),
    Violation("core_sign_in_of_staff_or_of_no_name", lambda _: inserted(_sign_in(kind="SIGNED_IN", name_group=1))),
    Violation("core_sign_in_of_staff_or_of_no_name", lambda _: inserted(_sign_in(kind="WRONG", name_group=4096))),
    Violation(
        "core_sign_in_of_staff_or_of_no_name",
        lambda floor: inserted(_sign_in(kind="WRONG", staff=floor.boss, name_group=1)),
    ),
    Violation(
        "core_sign_in_lock_lifted_by_somebody", lambda floor: inserted(_sign_in(kind="LIFTED", staff=floor.boss))
    ),
    Violation(
        "core_sentform_fingerprint_is_sha256",
        lambda floor: inserted(SentForm(pk=uuid4(), actor=floor.boss, correlation_id=uuid4(), fingerprint="0")),
    ),
    Violation("core_lease_has_name", lambda floor: inserted(_lease(floor, name=""))),
    Violation(
        "core_job_has_command",
        lambda floor: inserted(JobRun(command="", succeeded_at=floor.now, correlation_id=uuid4())),
    ),
    Violation(
        "core_command_operation_one_row",
        lambda floor: [inserted(_operation_of_a_command(times)) for times in (1, 2)],
    ),
    Violation("core_staff_subject_of_one_person", lambda floor: _subject_of_two(floor)),
    Violation("core_staff_card_of_one_person", lambda floor: _two_staff_of_one_player(floor)),
    Violation("core_staff_card_withdrawal_is_whole", lambda floor: inserted(_card(floor, withdrawn_at=floor.now))),
    Violation("core_staff_card_by_somebody_else", lambda floor: inserted(_card(floor, declared_by=floor.boss))),
    Violation("core_namesake_noticed_once", lambda floor: _noticed_twice(floor)),
    Violation("core_namesake_decision_is_whole", lambda floor: inserted(_decided(floor, decided_by=None))),
    Violation("core_namesake_decision_is_whole", lambda floor: inserted(_decided(floor, decision="PERHAPS"))),
    Violation("core_namesake_by_somebody_else", lambda floor: inserted(_decided(floor, decided_by=floor.boss))),
)


def _app(floor: Floor, **fields: Any) -> SecondFactor:
    return SecondFactor(user=floor.boss, **{"kind": "APP", "name": "My phone", "secret": b"s"} | fields)


def _code(floor: Floor, **fields: Any) -> ReasonCode:
    usual = {"casino": floor.casino, "code": "BIRTHDAY", "label": "Birthday", "operations": ["award"]}
    return ReasonCode(**(usual | fields))


def _two(rows: Iterable[Model]) -> None:
    for row in rows:
        inserted(row)


def _origin(**fields: Any) -> RequestOrigin:
    return RequestOrigin(correlation_id=uuid4(), **fields)


def _sign_in(**fields: Any) -> SignInEvent:
    return SignInEvent(correlation_id=uuid4(), **fields)


def _lease(floor: Floor, *, name: str) -> Lease:
    return Lease(name=name, held_by="Process 1", correlation_id=uuid4(), taken_at=floor.now, renewed_at=floor.now)


def _card(floor: Floor, **fields: Any) -> StaffCard:
    usual = {"casino": floor.casino, "staff": floor.boss, "player": floor.player(), "declared_at": floor.now}
    return StaffCard(**(usual | fields))


def _subject_of_two(floor: Floor) -> None:
    User.objects.filter(pk__in=[floor.boss.pk, floor.supervisor.pk]).update(provider_subject="3f2a")


def _two_staff_of_one_player(floor: Floor) -> None:
    player = floor.player()
    for staff in (floor.boss, floor.supervisor):
        inserted(_card(floor, staff=staff, player=player))


def _namesake(floor: Floor, **fields: Any) -> Namesake:
    usual = {"staff": floor.boss, "player": floor.player(), "names": "a = a", "noticed_at": floor.now}
    return Namesake(**(usual | fields))


def _decided(floor: Floor, **fields: Any) -> Namesake:
    how = {"decision": "OWN_CARD", "decided_by": floor.supervisor, "decided_at": floor.now, "correlation_id": uuid4()}
    return _namesake(floor, **(how | fields))


def _noticed_twice(floor: Floor) -> None:
    player = floor.player()
    for _ in range(2):
        inserted(_namesake(floor, player=player))


def _two_counts_of_one_day(floor: Floor) -> None:
    for replays in (1, 2):
        inserted(
            ReplayCount(
                casino=floor.casino,
                gaming_day=date(2026, 11, 14),
                operation="ratingslips.complete",
                replays=replays,
            )
        )


def _operation_of_a_command(times: int) -> CommandOperation:
    return CommandOperation(
        command="checkpoint", operation="loyalty.take_checkpoint", outcome="DONE", attempt=1, times=times
    )


class TestCoreConstraints:
    @table_of(*VIOLATIONS)
    def test_refuse_what_breaks_them(self, floor: Floor, violation: Violation) -> None:
        with refused_by(violation.constraint):
            violation.attempt(floor)

    def test_let_a_whole_player_in(self, floor: Floor) -> None:
        inserted(_player(floor))

        assert Player.objects.filter(card_number="1001").exists()


class TestRefuseAlike:
    def test_names_what_differs_only_in_case(self, floor: Floor) -> None:
        statement = refuse_alike(table="core_player", column="card_number", what="Card numbers")
        with as_owner(), connection.cursor() as cursor:
            cursor.execute(statement)
            cursor.execute("DROP INDEX core_player_card_unique_in_casino")
            for card in ("AB-1", "ab-1", "AB-2"):
                inserted(_player(floor, card_number=card))

            with pytest.raises(DatabaseError, match=f"{floor.casino.code}: (AB-1 and ab-1|ab-1 and AB-1). Nothing was"):
                cursor.execute(statement)
