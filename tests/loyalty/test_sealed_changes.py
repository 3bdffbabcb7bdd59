"""The owner of the tables tampers with the change log; verification names the first bad change."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from core import correlation
from core.changes.author import acting
from core.invariants import NAMED_ROWS
from core.macs import mac_of
from core.models import Change, Player, RequestOrigin, SecondFactor, SignInEvent, User
from core.origins import record_command
from loyalty.models import SealedChange
from loyalty.proof.breaks import BreakKind
from loyalty.proof.changes import ChangesAltered, changes_without_request
from loyalty.services import add_earning_rate
from tests.commands import run
from tests.console import send_form, signed_in
from tests.databases import connect
from tests.factories import StaffFactory
from tests.floor import Floor
from tests.loyalty.attacking import Book, found, is_clean, sql
from tests.loyalty.rows import account_of
from tests.second_factors import with_app
from tests.tampering import take_the_guards_off

AGES_AGO = datetime(2026, 11, 1, tzinfo=UTC)
ALTERED, MISSING = BreakKind.CHANGE_ALTERED, BreakKind.CHANGE_MISSING

# For each column, another value; a row that moves to another chain may be missed there first.
ALTERATIONS = {
    "recorded_at": "recorded_at + interval '1 microsecond'",
    "action": "'DELETE'",
    "old": "'null'",
    "new": "NULL",
    "casino_id": "casino_id + 1",
    "concerns": "ARRAY['another']",
    "actor_id": "coalesce(actor_id, 0) + 1",
    "correlation_id": "gen_random_uuid()",
    "database_role": "'somebody'",
    "table_name": "'core_pit'",
    "row_id": "row_id + 1000",
    "change_hash": "sha256(change_hash)",
    "previous_hash": "sha256(previous_hash)",
}
HASHES = "previous_hash, change_hash"
EMPTIED = "UPDATE core_change SET new = 'null' WHERE id ="
REHASH = """
    UPDATE core_change AS change SET change_hash = core_hash_change(change) WHERE id = {1};
    UPDATE core_change AS change SET previous_hash = before.change_hash FROM core_change AS before
    WHERE before.id = {1} AND change.id = {2};
    UPDATE core_change AS change SET change_hash = core_hash_change(change) WHERE id = {2};
"""
FORGED = """
    INSERT INTO core_change (recorded_at, table_name, row_id, action, new, concerns, database_role, {columns})
    SELECT recorded_at, table_name, {row}, action, new, concerns, database_role, {hashes} FROM core_change
    WHERE id = {{1}}
"""

# What is done to three changes of one player that no checkpoint sealed, and which of them is named.
UNSEALED = [
    ("DELETE FROM core_change WHERE id = {0}", MISSING, 1),
    ("DELETE FROM core_change WHERE id = {1}", MISSING, 2),
    ("UPDATE core_change SET previous_hash = NULL, change_hash = NULL WHERE id = {1}", ALTERED, 1),
    (f"{EMPTIED} {{0}}; UPDATE core_change AS change SET change_hash = core_hash_change(change)", MISSING, 1),
    (FORGED.format(columns="actor_id", row="row_id + 1000", hashes="1"), ALTERED, None),
    (FORGED.format(columns=HASHES, row="row_id", hashes=HASHES), ALTERED, None),
]
# The same after a checkpoint.
SEALED = [
    ("DELETE FROM core_change WHERE id = {2}", MISSING, 2),
    ("DELETE FROM core_change WHERE id IN ({0}, {1}, {2})", MISSING, 0),
    (f"{EMPTIED} {{2}}; UPDATE core_change AS change SET change_hash = core_hash_change(change)", ALTERED, 2),
    ("UPDATE core_change SET actor_id = 1 WHERE id = {1};" + REHASH, ALTERED, 1),
]


def _book(floor: Floor) -> Book:
    """Two accounts without entries."""
    return Book(floor=floor, account=account_of(floor.player()), other=account_of(floor.player()))


@pytest.fixture
def book(floor: Floor) -> Book:
    """Two players in a log that is whole."""
    return _book(floor)


@pytest.fixture
def changed(book: Book) -> list[int]:
    """Three changes of one player, oldest first."""
    for name in ("Łukasz ✨", "'; --"):
        Player.objects.filter(pk=book.account.player_id).update(last_name=name)
    log = Change.objects.filter(table_name="core_player", row_id=book.account.player_id).order_by("pk")
    return [*log.values_list("pk", flat=True)]


def _named(changes: list[int], statement: str) -> tuple[BreakKind, int | None]:
    """What is found after a statement, which is undone: the kind, and the number of the change of the three."""
    with transaction.atomic():
        sql(statement.format(*changes))
        broken = found()
        transaction.set_rollback(True)
    return broken.kind, changes.index(broken.change_id) if broken.change_id in changes else None


@pytest.mark.shows(35)
class TestChangeLog:
    def test_is_tried_in_every_column(self) -> None:
        assert {*ALTERATIONS, "id"} == {field.attname for field in Change._meta.concrete_fields}

    def test_names_the_change_that_was_altered(self, book: Book, changed: list[int]) -> None:
        assert is_clean()
        take_the_guards_off()

        found_at = {
            column: _named(changed, f"UPDATE core_change SET {column} = {value} WHERE id = {{1}}")
            for column, value in ALTERATIONS.items()
        }

        moved = {column: found_at.pop(column) for column in ("table_name", "row_id")}
        assert {*found_at.values()} == {(ALTERED, 1)}
        assert {kind for kind, _ in moved.values()} <= {ALTERED, MISSING}

    def test_names_what_does_not_fit_before_it_is_sealed(self, book: Book, changed: list[int]) -> None:
        take_the_guards_off()

        assert [_named(changed, statement) for statement, _, _ in UNSEALED] == [(kind, at) for _, kind, at in UNSEALED]

    def test_names_what_was_rewritten_after_it_was_sealed(self, book: Book, changed: list[int]) -> None:
        book.seal()
        assert is_clean()
        take_the_guards_off()

        assert [_named(changed, statement) for statement, _, _ in SEALED] == [(kind, at) for _, kind, at in SEALED]

    def test_is_sealed_once(self, book: Book, changed: list[int]) -> None:
        first = book.seal()
        Player.objects.filter(pk=book.other.player_id).update(last_name="Later")
        second = book.seal()

        assert (first.log_changes, second.log_changes) == (Change.objects.count() - 1, 1)
        assert SealedChange.objects.filter(checkpoint=second).get().change_id == Change.objects.latest("pk").pk
        assert is_clean()

    def test_is_not_sealed_where_a_change_was_altered(self, book: Book, changed: list[int]) -> None:
        take_the_guards_off()
        sql("UPDATE core_change SET actor_id = 1 WHERE id = %s", changed[0])

        with pytest.raises(ChangesAltered, match=f"Change {changed[0]} .* Nothing was sealed"):
            book.seal()

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE loyalty_sealedchange SET change_hash = sha256(change_hash) WHERE change_id = {0}",
            "DELETE FROM loyalty_sealedchange WHERE change_id = {0}",
            "UPDATE loyalty_checkpoint SET log_changes = NULL, log_root = NULL",
        ],
    )
    def test_was_sealed_as_the_checkpoint_signed(self, book: Book, changed: list[int], statement: str) -> None:
        book.seal()
        take_the_guards_off()
        sql(statement.format(*changed))

        assert (found().kind, found().checkpoint) == (BreakKind.CHECKPOINT_ALTERED, 1)

    def test_may_have_changes_from_before_there_were_hashes(self, book: Book, changed: list[int]) -> None:
        take_the_guards_off()
        sql("UPDATE core_change SET previous_hash = NULL, change_hash = NULL")
        assert is_clean()
        book.seal()
        assert is_clean()

        sql("UPDATE core_change SET actor_id = 1 WHERE id = %s", changed[0])

        assert (found().kind, found().change_id) == (ALTERED, changed[0])


class TestLateCommit:
    def test_of_an_earlier_change_is_in_the_next_checkpoint(self, committed_floor: Floor) -> None:
        late = _book(committed_floor)

        with connect() as other:
            with other.transaction():
                other.execute("UPDATE core_player SET last_name = 'Slow' WHERE id = %s", [late.account.player_id])
                Player.objects.filter(pk=late.other.player_id).update(last_name="Quick")
                late.take()
            second = late.take()

        assert second.log_changes == 1
        assert SealedChange.objects.get(checkpoint=second).change_id < Change.objects.latest("pk").pk


class TestChangesWithoutRequest:
    def test_are_those_made_past_the_console(self, book: Book) -> None:
        player, boss = book.account.player_id, book.floor.boss
        client = signed_in(StaffFactory.create(casino=book.floor.casino, is_superuser=True))
        book.seal()
        send_form(client, "/console/ratingslips/pit/add/", {"casino": book.floor.casino.pk, "name": "High Limit"})
        with correlation.bound(), acting(boss.pk):
            record_command("rebuild_balances", actor=boss)
            Player.objects.filter(pk=book.other.player_id).update(status="BARRED")
        with correlation.bound() as command:
            record_command("load_casino")
            Player.objects.filter(pk=book.other.player_id).update(status="ACTIVE")
        request = RequestOrigin.objects.get(method="POST")
        what = {"actor": boss, "method": "POST", "origin": "/"}
        old = RequestOrigin(correlation_id=uuid4(), at=AGES_AGO, **what)
        old.mac = mac_of(old.claims())
        old.save(force_insert=True)
        forged = RequestOrigin.objects.create(correlation_id=uuid4(), mac=request.mac, **what)
        unknown = [(boss.pk, of) for of in (uuid4(), command, *(one.correlation_id for one in (request, old, forged)))]
        claims = ((None, None), *unknown)
        for number, (actor, claimed) in enumerate(claims):
            comment = f"\n/* actor={actor or ''} correlation_id={claimed or ''} */"
            by_hand = f"UPDATE core_player SET first_name = '{number}' WHERE id = {player}{comment}"
            connection.connection.execute(by_hand)  # past Django, which names the author itself

        found_now, found_later = (changes_without_request(book.seal().number) for _ in range(2))

        log = Change.objects.filter(table_name="core_player", row_id=player, action="UPDATE").order_by("pk")
        named = tuple(f"change {change.pk} of core_player {player}" for change in log)
        assert (found_now.rows, found_now.first) == (len(named), named[:NAMED_ROWS])
        assert [(change.actor_id, change.correlation_id) for change in log] == [*claims]
        assert found_later.holds

    def test_are_not_new_hashes_of_the_password_that_signs_in(self, book: Book) -> None:
        boss, other = book.floor.boss, book.floor.supervisor
        book.seal()
        User.objects.filter(pk=boss.pk).update(password=MD5PasswordHasher().encode("right", "salt"))
        weakened = Change.objects.latest("pk")
        with correlation.bound() as correlation_id, acting(other.pk):
            SignInEvent.objects.create(kind="SIGNED_IN", staff=other, correlation_id=correlation_id)
            User.objects.filter(pk=other.pk).update(password="a hash of somebody's password")

        Client().post(reverse("admin:login"), {"username": boss.username, "password": "right"})

        assert Change.objects.filter(table_name="core_user", row_id=boss.pk, pk__gt=weakened.pk + 1).exists()
        assert changes_without_request(book.seal().number).first == (
            f"change {weakened.pk} of core_user {boss.pk}",
            f"change {weakened.pk + 1} of core_user {other.pk}",
        )

    def test_are_in_a_shell_those_that_no_service_made(self, book: Book) -> None:
        floor = book.floor
        floor.supervisor.user_permissions.add(Permission.objects.get(codename="add_earningrate"))
        book.seal()
        begins = {"effective_from": floor.now + timedelta(days=1), "at": floor.now}

        add_earning_rate(program=floor.program, points_per_unit=Decimal(9), actor=floor.supervisor, **begins)
        Player.objects.filter(pk=book.other.player_id).update(status="BARRED")

        assert changes_without_request(book.seal().number).first == (
            f"change {Change.objects.latest('pk').pk} of core_player {book.other.player_id}",
        )

    def test_are_no_recovery_codes_that_somebody_signs_in_with(self, book: Book) -> None:
        boss, client = book.floor.boss, Client()
        codes = with_app(boss)
        boss.set_password("right")
        boss.save(update_fields=["password"])
        book.seal()
        client.post(reverse("admin:login"), {"username": boss.username, "password": "right"})
        client.post(reverse("factors:second_step"), {"code": codes[0]})
        deleted = Change.objects.latest("pk")

        SecondFactor.objects.create(user=boss, kind="APP", name="Of somebody else", secret=b"")

        assert (deleted.table_name, deleted.action) == ("core_recoverycode", "DELETE")
        factor = Change.objects.latest("pk")
        assert changes_without_request(book.seal().number).first == (
            f"change {factor.pk} of core_secondfactor {factor.row_id}",
        )

    def test_are_named_by_the_command(self, committed_floor: Floor) -> None:
        player = committed_floor.player()
        run("checkpoint")
        Player.objects.filter(pk=player.pk).update(status="BARRED")

        ran = run("checkpoint", "--json")

        named = f"change {Change.objects.latest('pk').pk} of core_player {player.pk}"
        assert ran.progress.startswith(
            f"1 change of the change log came with no request or command of the author: {named}."
        )
        assert (ran.code, ran.out.count("\n")) == (0, 1)
