"""Loading a casino while another load, or a page of the console, is at work on the same rows."""

from pathlib import Path
from typing import Any

import pytest

from core.models import Casino, Player, User
from core.querysets import LockingQuerySet
from core.roles import system_account
from ratingslips.imports import casino as loading
from ratingslips.imports.casino import LoadedCasino, load_casino
from ratingslips.imports.casino_files import CannotLoad
from ratingslips.models import GamingTable, Pit
from tests.casino_files import CasinoFolder
from tests.concurrency import (
    Elsewhere,
    held,
    held_before_commit,
    in_turn,
    made_to_wait,
    replace_locks,
    wait_until_blocked,
)
from tests.factories import PitFactory, StaffFactory
from tests.floor import give_rights
from tests.loyalty.test_concurrency import without_locks


@pytest.fixture
def folder(transactional_db: None, tmp_path: Path) -> Path:
    return CasinoFolder(folder=tmp_path).write()


@pytest.fixture
def actor(folder: Path) -> User:
    return system_account()


def _load(folder: Path, actor: User, *, name: str | None = None) -> LoadedCasino:
    return load_casino(folder=folder, code="harbour", actor=actor, at=actor.date_joined, name=name, overwrite=True)


def _rename_everybody() -> None:
    Player.objects.update(last_name="Changed")


class TestTwoLoadsAtOnce:
    def test_come_one_after_the_other(self, folder: Path, actor: User) -> None:
        first, second = in_turn(lambda: _load(folder, actor), lambda: _load(folder, actor))

        assert not first.result().is_unchanged
        assert second.result().is_unchanged

    @pytest.mark.shows(39)
    def test_would_both_add_the_casino_without_the_lock(
        self, folder: Path, actor: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with held_before_commit(lambda: _load(folder, actor)) as first:
            # Another lock than the first one's, which keeps nobody out.
            monkeypatch.setattr(loading, "LOAD_LOCK", loading.LOAD_LOCK + 1)
            second = Elsewhere(lambda: _load(folder, actor))
            wait_until_blocked(second.backend, by=first.backend)

        assert "core_casino_code_key" in str(second.outcome())


class TestLoadBesideThePages:
    def test_waits_for_a_row_that_is_being_changed(self, folder: Path, actor: User) -> None:
        _load(folder, actor)

        loading_again = made_to_wait(lambda: _load(folder, actor), by=_rename_everybody)

        assert loading_again.result().rows["players"].changed == 3

    def test_keeps_a_time_zone_that_is_being_changed(self, folder: Path, actor: User) -> None:
        _load(folder, actor)

        renaming = made_to_wait(
            lambda: _load(folder, actor, name="Renamed"), by=lambda: Casino.objects.update(time_zone="Asia/Macau")
        )

        assert renaming.result().casino.name == "Renamed"
        assert Casino.objects.get().time_zone == "Asia/Macau"
        assert not Player.objects.filter(last_name="Changed").exists()

    @pytest.mark.shows(39)
    def test_would_undo_a_change_of_time_zone_without_the_lock(
        self, folder: Path, actor: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = _load(folder, actor).casino.time_zone
        without_locks(monkeypatch)

        renaming = made_to_wait(
            lambda: _load(folder, actor, name="Renamed"), by=lambda: Casino.objects.update(time_zone="Asia/Macau")
        )

        assert renaming.result().casino.name == "Renamed"
        assert Casino.objects.get().time_zone == before

    @pytest.mark.shows(39)
    def test_would_believe_what_is_no_longer_so_without_the_lock(
        self, folder: Path, actor: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _load(folder, actor)
        without_locks(monkeypatch)

        with held(_rename_everybody):
            loaded = Elsewhere(lambda: _load(folder, actor)).result()

        assert loaded.is_unchanged
        assert Player.objects.filter(last_name="Changed").count() == 3


class TestLoadDuringAMoveOfATable:
    """Somebody moves a table out of the only pit of the person who loads, and whose file has it in that pit."""

    @pytest.fixture
    def loader(self, folder: Path, actor: User) -> User:
        casino = _load(folder, actor).casino
        loader: User = StaffFactory.create(casino=casino)
        give_rights((loader, Pit.objects.get(), ["operate_pit"]))
        return loader

    def _outcome(self, folder: Path, loader: User) -> object:
        there, tables = PitFactory.create(casino=loader.casino, name="Pit 2"), GamingTable.objects.filter(name="BL-01")
        return made_to_wait(lambda: _load(folder, loader), by=lambda: tables.update(pit=there)).outcome()

    def test_is_refused_by_the_pit_where_it_is_by_then(self, folder: Path, loader: User) -> None:
        outcome = self._outcome(folder, loader)

        assert isinstance(outcome, CannotLoad)
        assert "Pit 2" in str(outcome)
        assert GamingTable.objects.get(name="BL-01").pit.name == "Pit 2"

    @pytest.mark.shows(39)
    def test_would_move_it_back_without_the_first_lock(
        self, folder: Path, loader: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        locked = LockingQuerySet.locked
        judged: list[Any] = []

        def lock_later(rows: Any, **how: Any) -> Any:
            """Lock a table not when the right to change it is judged, but only when it is written."""
            if rows.model is GamingTable and not judged:
                judged.append(rows)
                return rows.order_by("pk")
            return locked(rows, **how)

        replace_locks(monkeypatch, lock_later)
        self._outcome(folder, loader)

        assert GamingTable.objects.get(name="BL-01").pit.name == "Pit 1"
