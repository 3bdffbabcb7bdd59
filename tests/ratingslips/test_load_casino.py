"""Setting a casino up from its files: all of it or nothing, and every mistake named by file and line."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models import Value
from django.db.models.functions import Concat
from django.test.utils import CaptureQueriesContext
from structlog.testing import capture_logs

from core.models import Casino, Player
from loyalty.models import CompType, EarningRate, PlayerLoyalty, Tier
from ratingslips.imports import casino as loading
from ratingslips.imports import casino_rows
from ratingslips.imports.casino_files import MAX_PROBLEMS, CannotLoad, CasinoFiles
from ratingslips.models import GameValues, GamingTable, Pit
from tests.casino_files import CasinoFolder, event, write_events
from tests.commands import PIT_DAY, Ran, run
from tests.refusals import everything

MAX_STATEMENTS = 33


@pytest.fixture
def files(tmp_path: Path) -> CasinoFolder:
    return CasinoFolder(folder=tmp_path)


def _load(files: CasinoFolder, *options: str) -> Ran:
    return run("load_casino", files.write(), "--code", "harbour", *options)


@pytest.mark.django_db
class TestLoadCasino:
    def test_sets_up_players_games_pits_and_tables(self, files: CasinoFolder) -> None:
        ran = _load(files, "--name", "Harbour Casino")

        casino = Casino.objects.get()
        assert (ran.code, casino.name, casino.time_zone) == (0, "Harbour Casino", "America/Los_Angeles")
        assert list(Player.objects.order_by("card_number").values_list("first_name", "status")) == [
            ("José", "ACTIVE"),
            ("Mara", "ACTIVE"),
            ("Ben", "BARRED"),
        ]
        values = GameValues.objects.get(game__code="blackjack")
        assert str(values) == "70 decisions per hour at 0.75 % from the beginning"
        assert Pit.objects.get().name == "Pit 1"
        assert list(GamingTable.objects.values_list("name", "pit__name", "game__code", "seats")) == [
            ("BL-01", "Pit 1", "blackjack", 7),
            ("BL-02", "Pit 1", "blackjack", 5),
        ]

    def test_gives_it_a_programme_with_the_default_rules(self, files: CasinoFolder) -> None:
        _load(files)

        assert list(Tier.objects.values_list("name", "threshold_points", "multiplier")) == [
            ("Bronze", 0, Decimal(1)),
            ("Silver", 1_000, Decimal("1.25")),
            ("Gold", 5_000, Decimal("1.5")),
            ("Platinum", 20_000, Decimal(2)),
        ]
        rate = EarningRate.objects.get()
        assert (rate.points_per_unit, rate.effective_from) == (Decimal(10), datetime(1970, 1, 1, tzinfo=UTC))
        assert list(CompType.objects.filter(is_active=True, point_value="0.01").values_list("code", flat=True)) == [
            *("discretionary", "food", "retail", "room", "show")
        ]

    def test_opens_an_account_for_every_player(self, files: CasinoFolder) -> None:
        _load(files)

        assert PlayerLoyalty.objects.filter(tier__name="Bronze", balance=0).count() == 3

    def test_changes_nothing_when_run_twice_and_says_so(self, files: CasinoFolder) -> None:
        first = _load(files)
        before = list(Player.objects.values())

        second = _load(files)

        assert "players: 3 new, 0 changed, 0 unchanged" in first.out
        assert second.out.strip().endswith("nothing to change, all rows exist already.")
        assert list(Player.objects.values()) == before
        assert PlayerLoyalty.objects.count() == 3

    def test_adds_what_is_new_overwrites_what_differs_and_removes_nothing(self, files: CasinoFolder) -> None:
        _load(files)
        files.players[1:] = ["100001,Mara,Ueda,BARRED", "100003,Li,Wang,ACTIVE"]
        files.tables[1] = "Pit 2,BL-01,blackjack,6"

        ran = _load(files, "--overwrite")

        assert "players: 1 new, 1 changed, 0 unchanged" in ran.out
        assert dict(Player.objects.values_list("card_number", "status")) == {
            "100000": "ACTIVE",
            "100001": "BARRED",
            "100002": "BARRED",
            "100003": "ACTIVE",
        }
        assert PlayerLoyalty.objects.count() == 4
        table = GamingTable.objects.get(name="BL-01")
        assert (table.pit.name, table.seats) == ("Pit 2", 6)

    @pytest.mark.parametrize("options", [["--overwrite"], ["--overwrite", "--dry-run"]])
    def test_moves_no_table_with_a_live_slip(self, files: CasinoFolder, tmp_path: Path, options: list[str]) -> None:
        _load(files)
        opened = event("S1", "19:00:00", "OPEN", player_card="100000", table="BL-01", seat="1", average_bet="25")
        run("import_rating_events", write_events(tmp_path / "events.csv", opened), "--casino", "harbour")
        files.tables[1] = "Pit 2,BL-01,blackjack,6"
        before = everything()

        ran = _load(files, *options)

        assert (ran.code, everything()) == (1, before)
        assert "BL-01 stays in Pit 1: it has 1 live slip. Close or move it first." in ran.error

    def test_reads_the_limits_of_a_bet_from_the_file(self, files: CasinoFolder) -> None:
        files.tables = ["pit,table,game,seats,minimum_bet,maximum_bet", "Pit 1,BL-01,blackjack,7,25,5000.00"]
        _load(files)
        files.tables = ["pit,table,game,seats,maximum_bet", "Pit 1,BL-01,blackjack,7,"]
        _load(files, "--overwrite")

        assert GamingTable.objects.get().bet_limits == "from 25"

    @pytest.mark.parametrize(
        ("limits", "words"),
        [("50,25", "the minimum bet is above"), ("0,25", "minimum_bet “0”"), ("1.000,", "minimum_bet “1.000”")],
    )
    def test_refuses_limits_of_a_bet_that_are_none(self, files: CasinoFolder, limits: str, words: str) -> None:
        files.tables = ["pit,table,game,seats,minimum_bet,maximum_bet", f"Pit 1,BL-01,blackjack,7,{limits}"]

        ran = _load(files)

        assert ran.code == 1
        assert f"tables.csv line 2: {words}" in ran.error

    def test_leaves_what_differs_as_it_is_and_names_it(self, files: CasinoFolder) -> None:
        _load(files)
        Player.objects.update(card_number=Concat("card_number", Value("a")))
        files.players[1:] = ["100000A,Joe,Nguyễn,INACTIVE", "100002A,Ben,Castillo,ACTIVE"]
        files.games[1] = "blackjack,Blackjack,80,0.75,7"
        files.tables[1] = "Pit 2,BL-01,blackjack,6"

        with capture_logs() as log:
            ran = _load(files)

        told = [line.strip() for line in ran.out.splitlines() if "→" in line]
        assert told == [
            "left as it is: player 100000a: first name José → Joe",
            "changed: player 100000a: status ACTIVE → INACTIVE",
            "left as it is: player 100002a: status BARRED → ACTIVE",
            "left as it is: values of game blackjack: decisions per hour 70.00 → 80",
            "left as it is: table BL-01: pit Pit 1 → Pit 2",
            "left as it is: table BL-01: seats 7 → 6",
        ]
        assert list(Player.objects.order_by("pk").values_list("first_name", "status")) == [
            ("José", "INACTIVE"),
            ("Mara", "ACTIVE"),
            ("Ben", "BARRED"),
        ]
        changed = [line for line in log if line["event"] == "ratingslips.casino_row_changed"]
        assert [(line["origin"], line["kind"], line["old"], line["new"]) for line in changed] == [
            ("load_casino", "player", "ACTIVE", "INACTIVE")
        ]

    @pytest.mark.parametrize("old", Player.Status)
    @pytest.mark.parametrize("new", Player.Status)
    @pytest.mark.parametrize("options", [(), ("--overwrite",)])
    def test_takes_a_stricter_status_alone(
        self, files: CasinoFolder, old: Player.Status, new: Player.Status, options: tuple[str, ...]
    ) -> None:
        files.players[1:] = [f"100000,José,Nguyễn,{old}"]
        _load(files)
        files.players[1:] = [f"100000,José,Nguyễn,{new}"]

        _load(files, *options)

        stricter = ["ACTIVE", "INACTIVE", "BARRED"]
        assert Player.objects.get().status == max(old, new, key=stricter.index)

    def test_does_not_reopen_a_table(self, files: CasinoFolder) -> None:
        _load(files)
        GamingTable.objects.update(is_active=False)

        _load(files, "--overwrite")

        assert not GamingTable.objects.filter(is_active=True).exists()

    def test_says_in_a_dry_run_what_it_would_do(self, files: CasinoFolder) -> None:
        new = _load(files, "--dry-run")
        assert not Casino.objects.exists()
        real = _load(files)
        files.players[1:] = ["100000,José,Nguyễn,BARRED", "100003,Li,Wang,ACTIVE"]
        before = everything()

        ran = _load(files, "--dry-run", "--overwrite")

        assert everything() == before
        assert new.out == f"A dry run: nothing is written.\n{real.out}"
        assert "players: 1 new, 1 changed, 0 unchanged" in ran.out
        assert "changed: player 100000: status ACTIVE → BARRED" in ran.out

    def test_takes_the_zone_and_the_name_that_it_is_given(self, files: CasinoFolder) -> None:
        _load(files, "--name", "Harbour Casino", "--time-zone", "Europe/Paris")

        _load(files)
        _load(files, "--name", "Harbour Two")

        casino = Casino.objects.get()
        assert (casino.name, casino.time_zone) == ("Harbour Two", "Europe/Paris")

    def test_names_the_defaults_that_a_new_casino_gets(self, files: CasinoFolder) -> None:
        new, known = _load(files, "--name", "Harbour Casino"), _load(files, "--overwrite")

        assert "  taken by default: --time-zone\n" in new.out
        assert "by default" not in known.out

    def test_takes_no_default_in_production(self, files: CasinoFolder, settings: Any) -> None:
        settings.IS_PRODUCTION = True
        zone = ("--time-zone", "Europe/Paris")

        refused = [_load(files, *zone), _load(files, "--name", "Harbour"), _load(files)]
        loaded = [_load(files, "--name", "Harbour", *zone), _load(files)]

        assert {(ran.code, ran.error) for ran in refused} == {
            (2, "The new casino harbour needs --name and --time-zone.")
        }
        assert [ran.code for ran in loaded] == [0, 0]

    def test_keeps_the_zone_of_a_casino_that_has_slips(self, files: CasinoFolder, tmp_path: Path) -> None:
        _load(files)
        opened = event("S1", "19:00:00", "OPEN", player_card="100000", table="BL-01", seat="1", average_bet="25.00")
        run("import_rating_events", write_events(tmp_path / "events.csv", opened), "--casino", "harbour")

        ran = _load(files, "--time-zone", "Europe/Paris")

        assert (ran.code, "its time zone stays America/Los_Angeles" in ran.error) == (1, True)
        assert Casino.objects.get().time_zone == "America/Los_Angeles"

    def test_keeps_few_players_in_memory_and_loads_them_all(
        self, files: CasinoFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(casino_rows, "BATCH_ROWS", 2)
        monkeypatch.setattr(loading, "BATCH_ROWS", 2)
        _load(files)
        files.players[1:] = [f"{number},Ana,Lopez,BARRED" for number in range(99998, 100003)]

        ran = _load(files)

        assert "players: 2 new, 2 changed, 1 unchanged" in ran.out
        assert ran.out.count("changed: player 10000") == 2
        assert PlayerLoyalty.objects.count() == Player.objects.count() == 5

    def test_keeps_two_casinos_apart(self, files: CasinoFolder) -> None:
        _load(files)

        ran = run("load_casino", files.write(), "--code", "island")

        assert "players: 3 new" in ran.out
        assert Player.objects.filter(card_number="100000").count() == 2

    def test_reads_a_file_with_a_byte_order_mark(self, files: CasinoFolder) -> None:
        folder = files.write(encoding="utf-8-sig")

        assert run("load_casino", folder, "--code", "harbour").code == 0

    def test_takes_few_statements_however_many_rows(self) -> None:
        with CaptureQueriesContext(connection) as statements:
            run("load_casino", PIT_DAY, "--code", "harbour")

        assert Player.objects.count() == 533
        assert len(statements) <= MAX_STATEMENTS


def _spoil(kind: str, line: int, text: str) -> Callable[[CasinoFolder], None]:
    def spoil(files: CasinoFolder) -> None:
        getattr(files, kind)[line - 1 :] = [text]

    return spoil


@pytest.mark.django_db
class TestLoadCasinoRefusals:
    @pytest.mark.parametrize(
        ("spoil", "words"),
        [
            (
                _spoil("players", 3, "100000,Mara,Ueda,ACTIVE"),
                "players.csv line 3: card_number “100000” is already on line 2",
            ),
            (
                _spoil("players", 2, "100000,José,Nguyễn,GONE"),
                "players.csv line 2: status “GONE”: use ACTIVE, INACTIVE, BARRED.",
            ),
            (_spoil("players", 3, "100000A,A,B,ACTIVE\n100000a,A,B,ACTIVE"), "“100000a” is already on line 3"),
            (_spoil("tables", 3, "Pit 1,bl-01,blackjack,7"), "tables.csv line 3: table “bl-01” is already on line 2"),
            (_spoil("tables", 3, "pit  1,BL-02,blackjack,7"), "line 3: pit “pit  1” is “Pit 1” on line 2: write it"),
            (_spoil("tables", 3, "Ｐit\u00a01,BL-02,blackjack,7"), "is “Pit 1” on line 2: write it alike."),
            (
                _spoil("tables", 3, "Pit 1,BL-02,BlackJack,7"),
                "“BlackJack” is “blackjack” in games.csv: write it",
            ),
            (
                _spoil("games", 3, "BlackJack,Other,70,0.75,7"),
                "line 3: code “BlackJack” is already on line 2",
            ),
            (_spoil("players", 2, "10 00,José,Nguyễn,ACTIVE"), "players.csv line 2: card_number “10 00”"),
            (_spoil("players", 2, "100000,,Nguyễn,ACTIVE"), "players.csv line 2: first_name “”"),
            (_spoil("players", 2, "100000,José,ACTIVE"), "players.csv line 2: status “”"),
            (_spoil("players", 2, '"100000,José,Nguyễn,ACTIVE'), "players.csv line 2: The line is not CSV"),
            (
                _spoil("players", 2, "100000,Jo\0sé,Nguyễn,ACTIVE"),
                "players.csv line 2: The line has a control character",
            ),
            (_spoil("players", 2, f"100000,{'é' * 3000},N,ACTIVE"), "players.csv line 2: The line is longer than"),
            (
                _spoil("players", 1, "card_number,first_name,status"),
                "players.csv: the header (line 1) lacks the column",
            ),
            (
                _spoil("players", 2, "100000,Jo\u202esé,Nguyễn,ACTIVE"),
                "line 2: first_name “Jo\u202esé” holds characters",
            ),
            (_spoil("players", 2, "100000,José,\ufe0f\u2800\ufe0f,ACTIVE"), "holds characters that cannot be shown"),
            (_spoil("tables", 3, "Pit\u31641,BL-02,blackjack,7"), "tables.csv line 3: pit “Pit\u31641” holds"),
            (_spoil("games", 2, "blackjack,Blackjack,fast,0.75,7"), "games.csv line 2: decisions_per_hour “fast”"),
            (_spoil("games", 2, "blackjack,Blackjack,NaN,0.75,7"), "games.csv line 2: decisions_per_hour “NaN”"),
            (_spoil("games", 2, "blackjack,Blackjack,1_0,1,7"), "games.csv line 2: decisions_per_hour “1_0”"),
            (_spoil("games", 2, "blackjack,Blackjack,70,١,7"), "games.csv line 2: house_edge_percent “١”"),
            (_spoil("games", 2, "blackjack,Blackjack,70,-1,7"), "games.csv line 2: house_edge_percent “-1”"),
            (_spoil("games", 2, "blackjack,Blackjack,70,0.7512,7"), "games.csv line 2: house_edge_percent “0.7512”"),
            (_spoil("games", 2, "blackjack,Blackjack,70,0.75,21"), "games.csv line 2: seats “21”"),
            (_spoil("tables", 3, "Pit 1,BL-02,poker,7"), "tables.csv line 3: there is no game “poker” in games.csv"),
            (_spoil("tables", 3, ",BL-02,blackjack,7"), "tables.csv line 3: the pit must have a name"),
            (_spoil("tables", 3, "Pit 1,BL-02,blackjack,0"), "tables.csv line 3: seats “0”"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_name_the_file_and_the_line(
        self, files: CasinoFolder, spoil: Callable[[CasinoFolder], None], words: str
    ) -> None:
        spoil(files)

        ran = _load(files)

        assert ran.code == 1
        assert words in ran.error
        assert not Casino.objects.exists()

    def test_cut_long_values(self, files: CasinoFolder) -> None:
        long = "9" * 500
        files.games[1:] = [f"{long}," * 4 + long] * 2
        files.tables[1:] = [f"{long}," * 3 + long]
        files.players[1:] = [f"{long}," * 3 + long] * 2

        ran = _load(files)

        assert ran.error.count("9" * 40 + "…”") == 13
        assert "9" * 41 not in ran.error

    @pytest.mark.parametrize(
        ("kind", "line", "words"),
        [
            ("tables", "pit 1,BL-01,blackjack,7", "tables.csv: pit “pit 1” is recorded as “Pit 1”: write it so."),
            ("tables", "Pit 1,bl-01,blackjack,7", "tables.csv: table “bl-01” is recorded as “BL-01”: write it so."),
            ("games", "Blackjack,Blackjack,70,0.75,7", "games.csv: game “Blackjack” is recorded as “blackjack”"),
        ],
    )
    def test_add_no_row_that_is_recorded_in_another_spelling(
        self, files: CasinoFolder, kind: str, line: str, words: str
    ) -> None:
        _load(files)
        setattr(files, kind, [getattr(files, kind)[0], line])
        files.tables = [row.replace(",blackjack,", f",{files.games[1].split(',')[0]},") for row in files.tables]
        before = everything()

        ran = _load(files)

        assert (ran.code, everything()) == (1, before)
        assert words in ran.error

    def test_name_the_casino_whose_code_differs_only_in_case(self, files: CasinoFolder) -> None:
        _load(files)

        ran = run("load_casino", files.write(), "--code", "Harbour")

        assert (ran.code, "give its code as --code harbour" in ran.error) == (1, True)
        assert Casino.objects.count() == 1

    def test_refuse_a_file_that_cannot_be_read_twice(self, files: CasinoFolder) -> None:
        folder = files.write()
        (folder / "players.csv").unlink()
        os.mkfifo(folder / "players.csv")

        ran = run("load_casino", folder, "--code", "harbour")

        assert (ran.code, "players.csv is not a file that can be read twice" in ran.error) == (1, True)

    def test_refuse_players_that_were_changed_since_they_were_checked(self, files: CasinoFolder) -> None:
        checked = CasinoFiles.read(files.write())
        files.players[2] = "100000,Mara,Ueda,ACTIVE"
        files.write()

        with pytest.raises(CannotLoad, match=r"players\.csv line 3: card_number “100000” is already on line 2"):
            list(checked.players())

    def test_list_everything_that_is_wrong_up_to_a_limit(self, files: CasinoFolder) -> None:
        files.games[1] = "blackjack,Blackjack,fast,0.75,7"
        files.players[1:] = [f"{number},A,B,GONE" for number in range(MAX_PROBLEMS + 5)]

        ran = _load(files)

        lines = ran.error.splitlines()
        assert lines[0] == f"Nothing was loaded. {MAX_PROBLEMS + 6} problems:"
        assert lines[1].startswith("games.csv line 2")
        assert len(lines) == 1 + MAX_PROBLEMS + 1
        assert lines[-1] == "… and 6 more."

    def test_name_a_file_that_is_missing_or_empty(self, files: CasinoFolder) -> None:
        folder = files.write()
        (folder / "games.csv").unlink()
        (folder / "tables.csv").write_text("")

        ran = run("load_casino", folder, "--code", "harbour")

        assert ran.code == 1
        assert "games.csv cannot be read: No such file or directory." in ran.error
        assert "tables.csv is empty" in ran.error

    def test_name_the_line_that_is_not_utf_8(self, files: CasinoFolder) -> None:
        folder = files.write()
        players = folder / "players.csv"
        players.write_bytes(players.read_bytes().replace("José".encode(), "José".encode("latin-1")))

        ran = run("load_casino", folder, "--code", "harbour")

        assert (ran.code, "players.csv line 2: The line is not UTF-8" in ran.error) == (1, True)

    def test_leave_an_existing_casino_as_it_was(self, files: CasinoFolder) -> None:
        _load(files)
        files.players[1:] = ["100000,José,Nguyễn,BARRED", "100001,Mara,Ueda,GONE"]

        ran = _load(files)

        assert ran.code == 1
        assert Player.objects.get(card_number="100000").status == "ACTIVE"

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (["--code", "two words"], "letters, numbers, underscores or hyphens"),
            (["--code", "harbour", "--time-zone", "Mars/Olympus"], "is not an IANA time zone"),
            (["--code", "harbour", "--name", " "], "The name must have"),
        ],
    )
    def test_call_wrong_options_wrong_use(self, files: CasinoFolder, options: list[str], words: str) -> None:
        ran = run("load_casino", files.write(), *options)

        assert (ran.code, words in ran.error) == (2, True)

    def test_call_a_folder_that_is_none_wrong_use(self, tmp_path: Path) -> None:
        ran = run("load_casino", tmp_path / "nowhere", "--code", "harbour")

        assert (ran.code, ran.error) == (2, f"{tmp_path / 'nowhere'} is not a folder.")
