"""Every reader of slips and entries says what counts after a correction or a void, and what it was before."""

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from core.console.links import page_url
from core.models import Player
from core.roles import AUDITOR, PIT_SUPERVISOR
from loyalty.models import CompType, LedgerEntry
from loyalty.services import balance_at
from ratingslips.admin.players.visits import read_visits
from ratingslips.admin.trace.story import story_of
from ratingslips.figures import report_on, todays_figures
from ratingslips.imports.totals import totals_of
from ratingslips.models import RatingSlip, SlipCorrection
from tests.commands import run
from tests.console import address, html_of, shown_in, signed_in
from tests.factories import StaffFactory
from tests.floor import Floor
from tests.loyalty.postings import adjust, award, redeem, reverse
from tests.loyalty.rows import account_of
from tests.ratingslips.corrections import REASON, closed, correct, current_play, last_at, spent, void


def _corrected(floor: Floor) -> RatingSlip:
    slip = closed(floor)
    correct(floor, slip, last_at(slip, 200))
    return slip


def _void(floor: Floor) -> RatingSlip:
    slip = closed(floor)
    void(floor, slip)
    return slip


def _partly_collected(floor: Floor) -> RatingSlip:
    slip = spent(500)(floor)
    correct(floor, slip, last_at(slip, 50))
    return slip


def _void_and_partly_collected(floor: Floor) -> RatingSlip:
    slip = spent(500)(floor)
    void(floor, slip)
    return slip


# By what was done: visits (slips, theo, points) and ADT; completions; slips and points in the report; totals of a file;
# balance and lifetime points; points in the list; the entries of the slip; the trace of its closing.
CASES: dict[str, tuple[Callable[[Floor], RatingSlip], dict[str, Any]]] = {
    "credited": (
        closed,
        {
            "visits": ([(1, "57.75", 578)], "57.75"),
            "completions": 1,
            "report": (1, 0, 0, ()),
            "totals": (1, 578, "57.75"),
            "balance": (578, 578),
            "list": ["Closed", "57.75", "578"],
            "entries": [("Gameplay", "+578")],
            "trace": ["closed, theo 57.75"],
        },
    ),
    "corrected": (
        _corrected,
        {
            "visits": ([(1, "84.00", 840)], "84.00"),
            "completions": 1,
            "report": (1, 0, 0, ()),
            "totals": (1, 840, "84.00"),
            "balance": (840, 840),
            "list": ["Closed", "84.00", "840"],
            "entries": [("Gameplay", "+578"), ("Adjustment", "+262")],
            "trace": ["closed, theo 57.75", f"corrected (“{REASON}”): theo 57.75 → 84.00, points 578 → 840"],
        },
    ),
    "void": (
        _void,
        {
            "visits": ([], "None"),
            "completions": 0,
            "report": (0, 0, 0, ()),
            "totals": (0, 0, "0.00"),
            "balance": (0, 0),
            "list": ["Void", "0.00", "0"],
            "entries": [("Gameplay", "+578"), ("Adjustment", "−578")],
            "trace": ["closed, theo 57.75", f"voided (“{REASON}”): theo 57.75 → 0.00, points 578 → 0"],
        },
    ),
    "partly collected": (
        _partly_collected,
        {
            "visits": ([(1, "44.63", 446)], "44.63"),
            "completions": 1,
            "report": (1, 1, 54, ()),
            "totals": (1, 446, "44.63"),
            "balance": (0, 500),
            "list": ["Closed", "44.63", "446 54 points uncollected"],
            "entries": [("Gameplay", "+578"), ("Adjustment", "−78")],
            "trace": [
                "closed, theo 57.75",
                f"corrected (“{REASON}”): theo 57.75 → 44.63, points 578 → 446, 54 points uncollected",
            ],
        },
    ),
    "void and partly collected": (
        _void_and_partly_collected,
        {
            "visits": ([], "None"),
            "completions": 0,
            "report": (0, 1, 500, ()),
            "totals": (0, 0, "0.00"),
            "balance": (0, 500),
            "list": ["Void", "0.00", "0 500 points uncollected"],
            "entries": [("Gameplay", "+578"), ("Adjustment", "−78")],
            "trace": [
                "closed, theo 57.75",
                f"voided (“{REASON}”): theo 57.75 → 0.00, points 578 → 0, 500 points uncollected",
            ],
        },
    ),
}


def _read(floor: Floor, slip: RatingSlip) -> dict[str, Any]:
    """What every reader says of the only slip of the casino."""
    staff = StaffFactory.create(casino=floor.casino)
    auditor, day = signed_in(staff, AUDITOR), floor.casino.gaming_day_at(floor.now)
    visits = read_visits(slip.player, now=floor.now)
    [figures] = todays_figures(casinos=[floor.casino], at=floor.now)
    report = report_on(casino=floor.casino, first_day=day, last_day=day, at=floor.now)
    totals = totals_of([slip.pk])
    balance = balance_at(account=account_of(slip.player), at=timezone.now())
    [row] = shown_in(auditor.get(address(RatingSlip, "changelist")))
    found = shown_in(auditor.get(address(LedgerEntry, "changelist"), {"q": slip.slip_number}))
    assert all(slip.slip_number in cell for cell in (" ".join(cells) for cells in found))
    story = story_of(slip.correlation_id, staff=staff)
    assert story is not None
    told = [event.words.removeprefix(f"{slip}: ") for event in story.events]
    posted = sorted((int(cells[0].removeprefix("#")), cells[3].split()[0], cells[4]) for cells in found)
    return {
        "visits": ([(one.slips, str(one.theo), one.points) for one in visits.days], str(visits.average_daily_theo)),
        "completions": figures.completions,
        "report": (report.completions, report.uncollected_slips, report.uncollected_points, report.drifting),
        "totals": (totals.entries, totals.points, str(totals.theo)),
        "balance": (balance.balance, balance.lifetime_points),
        "list": [row[1].split()[0], row[-2], row[-1]],
        "entries": [(kind, points) for _, kind, points in posted],
        "trace": [words for words in told if words.startswith(("closed", "corrected", "voided"))],
    }


class TestReaders:
    @pytest.mark.parametrize("case", CASES)
    @pytest.mark.shows(46)
    def test_say_what_counts_and_what_was_before(self, floor: Floor, case: str) -> None:
        make, expected = CASES[case]

        slip = make(floor)

        assert _read(floor, RatingSlip.objects.get(pk=slip.pk)) == expected


@pytest.fixture
def auditor(floor: Floor) -> Client:
    return signed_in(StaffFactory.create(casino=floor.casino), AUDITOR)


class TestEntryPages:
    @pytest.mark.parametrize(
        ("make", "sums"),
        [
            (_corrected, ["84.00 × 10 × 1 = 840 → <strong>840</strong>", "840 less entries so far 578 =", "+262"]),
            (
                _partly_collected,
                ["446 less entries so far 578 =", "−132", "−78", "54 more points were to be taken back"],
            ),
            (
                _void,
                ["0.00 × 10 × 1 = 0 → <strong>0</strong>", "0 less entries so far 578 =", "−578", "Void: it"],
            ),
        ],
    )
    def test_write_out_an_adjustment_and_name_it_on_its_entry(
        self, floor: Floor, auditor: Client, make: Callable[[Floor], RatingSlip], sums: list[str]
    ) -> None:
        slip = make(floor)
        first = LedgerEntry.objects.get(kind="GAMEPLAY")
        adjustment = LedgerEntry.objects.get(adjusts=first)

        page, page_of_first, page_of_slip, page_of_player = (
            html_of(auditor.get(page_url(one)))
            for one in (adjustment, first, RatingSlip.objects.get(pk=slip.pk), slip.player)
        )

        assert [words for words in sums if words not in page] == []
        named = [f'<a href="{page_url(adjustment)}">#{adjustment.pk}</a>', REASON, floor.supervisor.display_name]
        assert [words for words in named for html in (page_of_first, page_of_slip) if words not in html] == []
        entered = f'Entered first</td><td><span class="hint">by {floor.boss.display_name}</span>'
        correction = address(RatingSlip, "correct", slip.pk)
        page_of_correction = html_of(signed_in(floor.supervisor, PIT_SUPERVISOR).get(correction))
        is_void = RatingSlip.objects.get().is_void
        pages = [page_of_first, page_of_slip, *([] if is_void else [page_of_correction])]
        assert [entered in html for html in pages] == [True] * len(pages)
        assert f'<a href="{page_url(slip)}">{REASON}</a>' in page_of_player
        kept = SlipCorrection.objects.get(entry=adjustment)
        change = f"{REASON} {kept.points_before} → {kept.points_after:,} points"
        assert change in re.sub("<[^>]+>", "", page_of_player)
        uncollected = page_of_player.partition("<dt>Uncollected</dt>")[2].partition("</div>")[0]
        assert (">54<" in uncollected, bool(uncollected)) == (make is _partly_collected,) * 2
        # The play that counted for the first entry: both bets of it, as they were entered.
        assert ("26.2500" in page_of_first, "57.75" in page_of_first) == (True, True)


class TestFloorPage:
    def test_names_who_entered_first_and_who_moved_the_closing(self, floor: Floor) -> None:
        slip, [boss, supervisor] = closed(floor), [floor.boss.display_name, floor.supervisor.display_name]
        *before, last = current_play(slip)
        correct(floor, slip, [*before, replace(last, ended_at=floor.ago(minutes=5))])

        html = html_of(signed_in(floor.supervisor, PIT_SUPERVISOR).get(f"/console/floor/slips/{slip.pk}/"))

        assert f"Entered first by {boss}." in html
        assert f"by {supervisor}, correction 1, recorded " in html
        assert f'<s>Closed</s></td><td>{boss}, <span class="hint">superseded by correction 1' in html


def _put_everything_right(floor: Floor) -> dict[str, Player]:
    """Each kind of correction once, of different players."""
    raised, doubled, lowered = (closed(floor, floor.played_slip(seat=seat)) for seat in (1, 2, 3))
    given, changed, treated = (floor.player() for _ in range(3))
    correct(floor, raised, last_at(raised, 200))
    void(floor, doubled)
    redeem(floor, lowered.player, points=500)
    correct(floor, lowered, last_at(lowered, 50))
    reverse(floor, award(floor, given, at=floor.ago(minutes=30)).entry_id)
    adjust(floor, changed, points=70)
    award(floor, treated, at=floor.ago(minutes=30))
    dinner = CompType.objects.get()
    reverse(floor, redeem(floor, treated, points=100, comp_type=dinner, at=floor.ago(minutes=20)).entry_id)
    return {"raised": raised.player, "lowered": lowered.player, "given": given, "treated": treated}


class TestCommandsAndExports:
    def test_agree_after_everything_was_put_right(self, committed_floor: Floor) -> None:
        floor = committed_floor
        players = _put_everything_right(floor)
        auditor = signed_in(StaffFactory.create(casino=floor.casino), AUDITOR)

        balances = {
            (name, minutes): json.loads(
                run(
                    *("player_balance", "--json", "--casino", floor.casino.code, "--card", player.card_number),
                    *("--at", floor.ago(minutes=minutes).isoformat()),
                ).out
            )["balance"]
            for name, player in players.items()
            for minutes in (25, 10, 0)
        }
        report = run("report", "--casino", floor.casino.code)
        checks = [run("verify_ledger", "--full"), run("rebuild_balances", "--dry-run")]
        export: Any = auditor.post(address(LedgerEntry, "export"))
        rows = list(csv.DictReader(io.StringIO(b"".join(export.streaming_content).decode("utf-8-sig"))))
        home = html_of(auditor.get("/console/"))
        uncollected = shown_in(auditor.get(address(RatingSlip, "changelist"), {"owed": "uncollected"}))

        assert {name: [balances[name, minutes] for minutes in (25, 10, 0)] for name in players} == {
            "raised": [0, 0, 840],
            "lowered": [0, 0, 0],
            "given": [100, 100, 0],
            "treated": [100, 0, 100],
        }
        assert [(check.code, check.error) for check in checks] == [(0, "")] * 2
        assert report.code == 0
        assert [line.split()[:2] for line in report.out.splitlines()[1:]] == [
            ["completions", "2"],
            ["recoveries", "0"],
            ["replays", "0"],
            ["owed", "now"],
            ["withheld", "0"],
            ["uncollected", "54"],
            ["drift", "0"],
        ]
        numbers = {row["Entry"]: row for row in rows}
        assert [
            (row["Kind"], row["Points"], numbers[row["Reverses entry"] or row["Adjusts entry"]]["Kind"])
            for row in reversed(rows)
            if row["Reverses entry"] or row["Adjusts entry"]
        ] == [
            ("ADJUSTMENT", "262", "GAMEPLAY"),
            ("ADJUSTMENT", "-578", "GAMEPLAY"),
            ("ADJUSTMENT", "-78", "GAMEPLAY"),
            ("REVERSAL", "-100", "MANUAL_BONUS"),
            ("REVERSAL", "100", "REDEMPTION"),
        ]
        assert "1 slip has uncollected points" in home
        assert [row[-1] for row in uncollected] == ["446 54 points uncollected"]
