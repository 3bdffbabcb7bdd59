"""Lines of one moment, whose order the file alone tells: each is applied once, and none is put behind another."""

from pathlib import Path

import pytest
from django.db.models import Sum

from core.models import Casino
from ratingslips.models import MoneyRow, PlaySegment, RatingSlip
from tests.casino_files import event
from tests.emptying import ModuleDb
from tests.ratingslips.imports import (
    OPEN_S1,
    VISIT,
    import_json,
    import_lines,
    load_three_files,
)
from tests.refusals import everything

ONE_MOMENT = (
    OPEN_S1,
    *(event("S1", "19:00:00", "BET", average_bet=bet) for bet in ("10.00", "20.00", "10.00")),
    *(event("S1", "19:00:00", kind) for kind in ("PAUSE", "RESUME", "PAUSE")),
    *(event("S1", "19:00:00", "MOVE", table="BL-01", seat=seat) for seat in ("4", "3", "4")),
)


@pytest.fixture(scope="module")
def loaded(module_db: ModuleDb, tmp_path_factory: pytest.TempPathFactory) -> Casino:
    """The casino of the three files, for all tests of this module."""
    with module_db():
        return load_three_files(tmp_path_factory.mktemp("files") / "casino")


@pytest.fixture
def casino(db: None, loaded: Casino) -> Casino:
    return loaded


def _story() -> list[tuple[str, int, int]]:
    segments = PlaySegment.objects.order_by("seq")
    return [(segment.started_as, int(segment.average_bet), segment.seat) for segment in segments]


WHOLE_STORY = [
    ("OPENED", 25, 1),
    ("BET_CHANGED", 10, 1),
    ("BET_CHANGED", 20, 1),
    ("BET_CHANGED", 10, 1),
    ("RESUMED", 10, 1),
    ("MOVED", 10, 4),
    ("MOVED", 10, 3),
    ("MOVED", 10, 4),
]


class TestLinesOfOneMoment:
    def test_are_all_applied_by_a_first_import(self, casino: Casino, file: Path) -> None:
        told = import_json(file, *ONE_MOMENT)

        assert (told["applied"], told["already_imported"], told["rejects"]) == (len(ONE_MOMENT), 0, {})
        assert _story() == WHOLE_STORY
        assert RatingSlip.objects.get().status == "PAUSED"

    def test_all_stand_for_a_second_import(self, casino: Casino, file: Path) -> None:
        import_lines(file, *ONE_MOMENT)
        before = everything()

        told = import_json(file, *ONE_MOMENT)

        assert (told["applied"], told["already_imported"], told["rejects"]) == (0, len(ONE_MOMENT), {})
        assert everything() == before

    @pytest.mark.parametrize("done", range(1, len(ONE_MOMENT)))
    def test_go_on_where_an_import_was_killed(self, casino: Casino, file: Path, done: int) -> None:
        import_lines(file, *ONE_MOMENT[:done])

        told = import_json(file, *ONE_MOMENT)

        assert (told["already_imported"], told["applied"]) == (done, len(ONE_MOMENT) - done)
        assert _story() == WHOLE_STORY

    def test_record_no_bet_that_is_as_before(self, casino: Casino, file: Path) -> None:
        lines = [*VISIT[:2], VISIT[1], *VISIT[2:]]

        told = import_json(file, *lines)
        again = import_json(file, *lines)

        assert (told["applied"] + told["already_imported"], told["points"]) == (7, 197)
        assert (again["applied"], again["already_imported"]) == (0, 7)
        assert [start for start, _, _ in _story()].count("BET_CHANGED") == 1

    @pytest.mark.parametrize("line", VISIT, ids=["OPEN", "BET", "PAUSE", "RESUME", "MOVE", "CLOSE"])
    def test_are_recorded_once_if_the_file_repeats_them(self, casino: Casino, file: Path, line: str) -> None:
        lines = [*VISIT, line]

        told, again = import_json(file, *lines), import_json(file, *lines)

        assert (told["applied"], told["already_imported"], told["rejects"]) == (6, 1, {})
        assert (again["applied"], again["already_imported"], again["rejects"]) == (0, 7, {})

    @pytest.mark.parametrize(
        ("line", "was", "now", "words"),
        [
            (VISIT[0], "25.00", "250.00", "average bet 25.00; this line: 250.00"),
            (VISIT[0], "100000", "100001", "card 100000; this line: 100001"),
            (VISIT[-1], "120.00", "1200.00", "chips out 120.00; this line: 1200.00"),
        ],
    )
    def test_name_what_another_line_of_the_file_says(
        self, casino: Casino, file: Path, line: str, was: str, now: str, words: str
    ) -> None:
        assert was in line
        lines = [*VISIT, line.replace(was, now)]

        told, again = import_json(file, *lines), import_json(file, *lines)

        assert f"Line {VISIT.index(line) + 2}: " in told["rejects"]["8"]
        for each in (told, again):
            assert list(each["rejects"]) == ["8"]
            assert each["rejects"]["8"].startswith("RECORDED_OTHERWISE: ")
            assert words in each["rejects"]["8"]

    def test_are_refused_with_the_line_that_they_repeat(self, casino: Casino, file: Path) -> None:
        told = import_json(file, *VISIT[:2], VISIT[3], VISIT[3], *VISIT[4:])

        assert list(told["rejects"]) == ["4", "5"]
        assert {because.partition(":")[0] for because in told["rejects"].values()} == {"SLIP_NOT_PAUSED"}

    def test_are_two_sums_of_money_if_the_file_repeats_one(self, casino: Casino, file: Path) -> None:
        lines = [OPEN_S1, *[event("S1", "19:05:00", "BUY_IN", buy_in="100.00")] * 2]

        told, again = import_json(file, *lines), import_json(file, *lines)

        assert (told["applied"], again["already_imported"]) == (3, 3)
        assert MoneyRow.objects.aggregate(sum=Sum("amount"))["sum"] == 200

    def test_are_not_another_players(self, casino: Casino, file: Path) -> None:
        import_lines(file, *VISIT)

        told = import_json(file, event("S1", "19:10:00", "BET", player_card="100001", average_bet="50.00"))

        assert told["rejects"]["2"].startswith("OTHER_PLAYERS_SLIP:")


class TestARefusedLineThatOthersOfItsMomentOvertook:
    LINES = (
        OPEN_S1,
        event("S1", "19:00:00", "MOVE", table="BL-01", seat="1"),
        event("S1", "19:00:00", "PAUSE"),
        event("S1", "19:00:00", "RESUME"),
        event("S1", "19:00:00", "PAUSE"),
        event("S1", "19:00:00", "RESUME"),
    )

    def test_is_not_put_behind_them_by_a_second_import(self, casino: Casino, file: Path) -> None:
        first = import_json(file, *self.LINES)
        before = everything()

        told = import_json(file, *self.LINES)

        assert (first["applied"], first["rejected_lines"]) == (5, 1)
        assert (told["applied"], told["already_imported"], told["rejected_lines"]) == (0, 5, 1)
        assert everything() == before

    def test_is_told_that_it_is_too_late(self, casino: Casino, file: Path) -> None:
        pause = event("S1", "19:10:00", "PAUSE")
        import_lines(file, OPEN_S1, VISIT[1], pause)

        told = import_json(file, OPEN_S1, VISIT[1], event("S1", "19:10:00", "BET", average_bet="30.00"), pause)

        assert list(told["rejects"]) == ["4"]
        assert told["rejects"]["4"].startswith(
            "INVALID_TIME: Events of slip S1 at 2026-11-14T19:10:00-08:00 come after"
        )
