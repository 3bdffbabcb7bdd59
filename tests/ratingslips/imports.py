"""Import a visit from a file: its lines, the output of the command, the rows afterwards, and a failing service."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from core.models import Casino
from core.roles import system_account
from loyalty.services import pause_program
from ratingslips import services
from tests.casino_files import CasinoFolder, event, write_events
from tests.commands import Ran, run

VISIT = (
    event("S1", "19:00:00", "OPEN", player_card="100000", table="BL-01", seat="1", average_bet="25.00"),
    event("S1", "19:10:00", "BET", player_card="100000", average_bet="50.00"),
    event("S1", "19:20:00", "PAUSE", player_card="100000"),
    event("S1", "19:30:00", "RESUME", player_card="100000"),
    event("S1", "19:40:00", "MOVE", player_card="100000", table="BL-02", seat="3"),
    event("S1", "20:00:00", "CLOSE", player_card="100000", buy_in="500.00", chips_out="120.00"),
)
OPEN_S1 = VISIT[0]
VISIT_S2 = (
    event("S2", "19:30:00", "OPEN", player_card="100001", table="BL-01", seat="2", average_bet="25.00"),
    event("S2", "20:30:00", "CLOSE", chips_out="10.00"),
)


def load_three_files(folder: Path) -> Casino:
    """The casino of the three files: José and Mara may play, Ben is barred."""
    folder.mkdir()
    assert run("load_casino", CasinoFolder(folder=folder).write(), "--code", "harbour").code == 0
    return Casino.objects.get()


def import_lines(file: Path, *lines: str, options: tuple[object, ...] = ()) -> Ran:
    """Import a file of these lines into the casino of the three files."""
    return run("import_rating_events", write_events(file, *lines), "--casino", "harbour", *options)


def import_json(file: Path, *lines: str) -> dict[str, Any]:
    """The same, and what the command says of it as one object."""
    found: dict[str, Any] = json.loads(import_lines(file, *lines, options=("--json",)).out)
    return found


def pause_programme(casino: Casino) -> None:
    """Let the system pause the programme, so that a close leaves its points owed."""
    pauser = system_account()
    pauser.is_superuser = True
    pauser.save()
    pause_program(program=casino.loyalty_program, reason="Month-end freeze", actor=pauser, at=timezone.now())


def interrupt_at(monkeypatch: pytest.MonkeyPatch, slip_number: str, *, by: signal.Signals = signal.SIGINT) -> None:
    """Interrupt the import by a signal before it records this slip, once."""
    record_play = services.record_play
    is_first = iter([True])

    def interrupted(**arguments: Any) -> Any:
        if arguments["slip_number"] == slip_number and next(is_first, False):
            signal.raise_signal(by)
        return record_play(**arguments)

    monkeypatch.setattr(services, "record_play", interrupted)
