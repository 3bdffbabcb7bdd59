"""The figures that the house is judged by, as they are counted and as they are printed."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from core.models import ReplayCount
from loyalty.models import PlayerLoyalty
from loyalty.services import manual_reward
from ratingslips.figures import CasinoReport, report_on, todays_figures
from ratingslips.services import complete_rating_slip, recover_slip_loyalty
from tests.commands import run
from tests.floor import Floor
from tests.tampering import misstate


def _report(floor: Floor) -> CasinoReport:
    day = floor.casino.gaming_day_at(floor.now)
    return report_on(casino=floor.casino, first_day=day - timedelta(days=1), last_day=day, at=floor.now)


def _close(floor: Floor, *, seat: int = 1) -> Any:
    slip = floor.played_slip(seat=seat)
    complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
    return slip


class TestReport:
    def test_counts_nothing_where_nothing_happened(self, floor: Floor) -> None:
        report = _report(floor)

        assert (report.completions, report.recovered, report.replays, report.owed, report.drifting) == (0, 0, 0, 0, ())
        assert (report.success_percent, report.recovery_percent, report.replay_percent) == (None, None, None)

    def test_counts_completions_and_those_settled_at_close(self, floor: Floor) -> None:
        for seat in (1, 2, 3):
            _close(floor, seat=seat)
        floor.owed_slip(seat=4)

        report = _report(floor)

        assert (report.completions, report.settled_at_close) == (4, 3)
        assert report.success_percent == Decimal(75)

    def test_counts_recoveries_but_not_as_settled_at_close(self, floor: Floor) -> None:
        _close(floor, seat=1)
        slip = floor.owed_slip(seat=2)
        recover_slip_loyalty(slip=slip, actor=floor.supervisor, at=floor.now)

        report = _report(floor)

        assert (report.settled_at_close, report.recovered, report.owed) == (1, 1, 0)
        assert report.recovery_percent == Decimal(50)

    def test_names_the_longest_owed_and_how_long(self, floor: Floor) -> None:
        floor.owed_slip(seat=1, at=floor.ago(minutes=5))
        oldest = floor.owed_slip(seat=2, at=floor.ago(minutes=20))

        report = _report(floor)

        assert (report.owed, report.oldest_owed) == (2, oldest)
        assert report.oldest_owed_for == timedelta(minutes=20)

    def test_counts_replays_of_completions_and_awards_against_all_of_them(self, floor: Floor) -> None:
        slip = _close(floor)
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
        for _ in range(3):
            manual_reward(
                player=slip.player, points=50, reason="Birthday of the player", actor=floor.supervisor, at=floor.now
            )

        report = _report(floor)

        assert (report.requests, report.replays) == (2, 3)
        assert report.replay_percent == Decimal(150)

    def test_leaves_other_days_and_casinos_out(self, floor: Floor) -> None:
        other = Floor.build()
        _close(other)
        other.owed_slip(seat=2)
        for seat, days in ((1, 2), (2, 4)):
            slip = floor.open_slip(seat=seat, at=floor.ago(days=5))
            complete_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(days=days))
        between = floor.casino.gaming_day_at(floor.ago(days=3))

        report = report_on(casino=floor.casino, first_day=between, last_day=between, at=floor.now)

        assert (report.completions, report.owed) == (0, 0)

    def test_counts_only_awards_and_replays_of_its_casino_and_days(self, floor: Floor) -> None:
        other = Floor.build()
        for house, at in ((other, other.now), (floor, floor.ago(days=4))):
            player = house.player()
            for _ in range(2):
                manual_reward(player=player, points=50, reason="Birthday of the player", actor=house.supervisor, at=at)

        report = _report(floor)

        assert ReplayCount.objects.count() == 2
        assert (report.requests, report.replays) == (0, 0)

    def test_finds_points_on_an_account_without_entries(self, floor: Floor) -> None:
        account = PlayerLoyalty.objects.get(player=floor.player())
        misstate(PlayerLoyalty.objects.filter(pk=account.pk), balance=5)

        assert _report(floor).drifting == (account.pk,)

    def test_finds_no_drift_in_what_the_services_did(self, floor: Floor) -> None:
        _close(floor)
        floor.player()

        assert _report(floor).drifting == ()

    def test_never_rounds_a_share_up_to_its_target(self, floor: Floor) -> None:
        report = CasinoReport(
            casino=floor.casino,
            first_day=floor.now.date(),
            last_day=floor.now.date(),
            completions=100_000,
            settled_at_close=99_999,
            recovered=0,
            withheld=0,
            requests=0,
            replays=0,
            owed=0,
            uncollected_slips=0,
            uncollected_points=0,
            oldest_owed=None,
            oldest_owed_for=None,
            drifting=(),
        )

        assert str(report.success_percent) == "99.999"


class TestTodaysFigures:
    def test_are_of_each_casinos_own_gaming_day(self, floor: Floor) -> None:
        noon = datetime(2026, 11, 14, 20, tzinfo=UTC)  # in Los Angeles; the morning of the 15th in Auckland
        other = Floor.build()
        other.casino.time_zone = "Pacific/Auckland"
        other.casino.save()
        for house in (floor, other):
            manual_reward(
                player=house.player(),
                points=50,
                reason="Birthday of the player",
                actor=house.supervisor,
                at=noon + timedelta(days=1) if house is floor else noon,
            )

        figures = todays_figures(casinos=[floor.casino, other.casino], at=noon)

        assert [each.first_day for each in figures] == [date(2026, 11, 14), date(2026, 11, 15)]
        assert [each.requests for each in figures] == [0, 1]


class TestReportCommand:
    def test_prints_each_figure_beside_its_target(self, floor: Floor) -> None:
        slip = floor.owed_slip(at=floor.ago(minutes=20))

        ran = run("report", "--casino", floor.casino.code, "--day", floor.casino.gaming_day_at(floor.ago(minutes=20)))

        lines = [line.split() for line in ran.out.splitlines()]
        assert ran.code == 0
        assert " ".join(lines[1]) == "completions 1 settled at close 0.000 % (target: more than 99.5 %)"
        assert " ".join(lines[2]) == "recoveries 0 of completions 0.000 % (target: less than 0.1 %)"
        assert " ".join(lines[3]) == "replays 0 of requests 0.000 % (target: less than 1 %)"
        assert " ".join(lines[4]).startswith(f"owed now 1 oldest: slip {slip.slip_number}, for 20 min")
        assert " ".join(lines[5]) == "withheld 0 of completions"
        assert " ".join(lines[6]) == "uncollected 0 points of 0 slips, now"
        assert " ".join(lines[7]) == "drift 0 accounts (target: 0)"

    def test_is_about_today_in_every_casino_by_default(self, floor: Floor) -> None:
        other = Floor.build()

        told = json.loads(run("report", "--json").out)["casinos"]

        today = str(floor.casino.gaming_day_at(timezone.now()))
        codes = sorted([floor.casino.code, other.casino.code])
        assert [(each["casino"], each["from"], each["to"]) for each in told] == [(code, today, today) for code in codes]

    def test_gives_the_figures_as_json(self, floor: Floor) -> None:
        _close(floor)
        day = floor.casino.gaming_day_at(floor.now)

        ran = run("report", "--from", day - timedelta(days=1), "--to", day, "--json")

        told = json.loads(ran.out)["casinos"][0]
        assert {name: told[name] for name in ("completions", "settled_at_close", "recoveries", "owed", "drift")} == {
            "completions": 1,
            "settled_at_close": 1,
            "recoveries": 0,
            "owed": 0,
            "drift": 0,
        }
        assert (told["success_percent"], told["oldest_owed_slip"]) == ("100.000", None)
        assert told["targets"]["success_percent_more_than"] == "99.5"

    def test_ends_with_1_where_an_account_drifts(self, floor: Floor) -> None:
        account = PlayerLoyalty.objects.get(player=floor.player())
        misstate(PlayerLoyalty.objects.filter(pk=account.pk), balance=5)

        ran = run("report")

        assert (ran.code, ran.error) == (1, "1 account is not what its ledger entries add up to.")
        assert f"1   account: {account.pk}" in ran.out

    @pytest.mark.django_db
    def test_says_that_there_is_no_casino_yet(self) -> None:
        ran = run("report")

        assert (ran.code, ran.out) == (0, "There is no casino yet: load one.\n")

    @pytest.mark.django_db
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--day", "yesterday"], "“yesterday” is not a day such as 2026-11-14"),
            (["--day", "0001-01-01"], "is not a day such as"),
            (["--day", "2026-11-14", "--from", "2026-11-14"], "Give --day, or --from and --to."),
            (["--from", "2026-11-14"], "A span needs both --from and --to."),
            (["--from", "2026-11-14", "--to", "2026-11-13"], "--to must be --from or later"),
            (["--from", "2026-01-01", "--to", "2028-01-01"], "at most 366 days"),
            (["--casino", "nowhere"], "There is no casino “nowhere”. Load one with load_casino."),
        ],
    )
    def test_calls_wrong_options_wrong_use(self, arguments: list[str], words: str) -> None:
        ran = run("report", *arguments)

        assert (ran.code, words in ran.error) == (2, True)

    def test_does_not_count_repeats_of_recovery_as_replays(self, floor: Floor) -> None:
        slip = _close(floor)
        recover_slip_loyalty(slip=slip, actor=floor.supervisor, at=floor.now)

        assert ReplayCount.objects.get().operation == "ratingslips.recover"
        assert _report(floor).replays == 0
