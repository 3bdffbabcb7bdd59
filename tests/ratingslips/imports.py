"""Import a visit from a file: its lines, the output of the command, the rows afterwards, and a failing service."""

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from core.models import Casino, Player
from core.roles import system_account
from loyalty.models import LedgerEntry, LoyaltyProgram
from loyalty.services import pause_program
from ratingslips import services
from ratingslips.models import PlaySegment, RatingSlip
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


def everything() -> list[Any]:
    """Every row that an import could write or change."""
    return [
        list(model._default_manager.order_by("pk").values())
        for model in (RatingSlip, PlaySegment, LedgerEntry, Player, LoyaltyProgram)
    ]


def pause_programme(casino: Casino) -> None:
    """Let the system pause the programme, so that a close leaves its points owed."""
    pauser = system_account()
    pauser.is_superuser = True
    pauser.save()
    pause_program(program=casino.loyalty_program, reason="Month-end freeze", actor=pauser, at=timezone.now())


def fail_once(
    monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException, *, after: bool, number: int = 1
) -> None:
    """Let a service fail at its call of this `number`, before it did anything or after it did all."""
    service = getattr(services, name)
    calls = count(1)

    def failing(**arguments: Any) -> Any:
        fails = next(calls) == number
        if fails and not after:
            raise error
        result = service(**arguments)
        if fails:
            raise error
        return result

    monkeypatch.setattr(services, name, failing)
