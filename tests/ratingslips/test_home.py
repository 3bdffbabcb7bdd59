"""The home page: what needs attention first, who may do something about it, and the figures of the day."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from guardian.shortcuts import assign_perm, remove_perm

from core.models import Player
from loyalty.models import LoyaltyProgram, PlayerLoyalty
from loyalty.services import pause_program
from ratingslips.models import DriftCheck, RatingSlip
from ratingslips.services import complete_rating_slip, pause_rating_slip
from tests.console import address, inline_code_in, said, statements_for
from tests.factories import PitFactory, TableFactory
from tests.floor import Floor
from tests.tampering import misstate

HOME = "/console/"
LONG = "Featherstonehaugh-" * 5 + "Cholmondely"  # 101 signs, one too many
REASON = "Tier migration tonight"


def owe(floor: Floor, *, seats: range = range(1, 2), table: Any = None) -> list[RatingSlip]:
    """Slips that closed while the programme was paused, 20 minutes ago."""
    slips = [floor.open_slip(seat=seat, table=table or floor.table) for seat in seats]
    return [floor.owed_slip(slip, at=floor.ago(minutes=20)) for slip in slips]


def begin_the_gaming_day(floor: Floor, *, at: datetime) -> None:
    """Have all that a test does be of one gaming day, whatever the hour is."""
    floor.casino.gaming_day_starts_at = at.astimezone(floor.casino.zone).time()
    floor.casino.save()


def html_of(client: Client) -> str:
    page = client.get(HOME)
    assert page.status_code == 200
    return page.content.decode()


class TestHome:
    def test_says_that_nothing_needs_attention(self, floor: Floor, supervisor: Client) -> None:
        floor.open_slip()

        page = supervisor.get(HOME)

        assert "Nothing needs attention." in page.content.decode()
        assert page.context["needs_attention"] is False
        assert inline_code_in(page) == []

    def test_is_where_the_console_begins(self) -> None:
        assert reverse("admin:index") == reverse("desk:home") == HOME

    def test_lists_what_is_owed_with_its_age(self, floor: Floor, supervisor: Client) -> None:
        [slip] = owe(floor)

        html = html_of(supervisor)

        assert "1 slip is owed points" in html
        assert f">{slip.slip_number}</a>" in html
        assert "20 min" in html
        assert "Pay 1 slip now" in html
        assert "Nothing needs attention" not in html

    def test_lists_what_is_overdue_and_leads_to_the_slip(self, floor: Floor, supervisor: Client) -> None:
        long = floor.open_slip(at=floor.ago(hours=9))
        late = floor.open_slip(seat=2, at=floor.ago(hours=5))
        away = floor.open_slip(seat=3, at=floor.ago(hours=1))
        pause_rating_slip(slip=away, actor=floor.boss, at=floor.ago(minutes=31))
        back = floor.open_slip(seat=4, at=floor.ago(hours=1))
        pause_rating_slip(slip=back, actor=floor.boss, at=floor.ago(minutes=29))

        page = supervisor.get(HOME)

        found = [(one.slip.pk, one.warning) for one in page.context["overdue"]]
        assert [key for key, _ in found] == [long.pk, late.pk, away.pk]
        assert [warning for _, warning in found[:2]] == ["Over 8 h", "Over 4 h"]
        assert "Paused 31 min" in page.content.decode()
        assert reverse("floor:slip", args=[long.pk]) in page.content.decode()

    def test_says_who_paused_the_programme_since_when_and_why(self, floor: Floor, supervisor: Client) -> None:
        floor.supervisor.first_name, floor.supervisor.last_name = "Ruth", "Okonkwo"
        floor.supervisor.save()
        pause_program(program=floor.program, reason=REASON, actor=floor.supervisor, at=floor.ago(minutes=65))

        html = html_of(supervisor)

        assert "Harbour Rewards is paused" in html
        assert "By Ruth Okonkwo since" in html
        assert "for 1 h 05 min: “Tier migration tonight”" in html
        assert address(LoyaltyProgram, "resume", floor.program.pk) in html

    def test_offers_to_resume_only_to_who_may(self, floor: Floor, auditor: Client) -> None:
        pause_program(program=floor.program, reason=REASON, actor=floor.supervisor, at=floor.now)

        html = html_of(auditor)

        assert "is paused" in html
        assert address(LoyaltyProgram, "resume", floor.program.pk) not in html

    def test_shows_an_auditor_what_is_owed_without_a_button(self, floor: Floor, auditor: Client) -> None:
        owe(floor)

        html = html_of(auditor)

        assert "1 slip is owed points" in html
        assert "not pay it" in html
        assert 'name="slip"' not in html
        assert 'value="all"' not in html

    def test_offers_to_pay_only_in_pits_where_one_may(self, floor: Floor, supervisor: Client) -> None:
        [here] = owe(floor)
        elsewhere = TableFactory.create(
            casino=floor.casino, pit=PitFactory.create(casino=floor.casino), game=floor.table.game
        )
        assign_perm("ratingslips.operate_pit", floor.boss, elsewhere.pit)
        [there] = owe(floor, table=elsewhere)

        owed = supervisor.get(HOME).context["owed"]

        assert (owed.count, owed.payable) == (2, [str(here.pk)])
        assert {one.slip.pk: one.may_pay for one in owed.shown} == {here.pk: True, there.pk: False}

    def test_of_a_pit_boss_is_short(self, floor: Floor, boss: Client) -> None:
        owe(floor)
        mine = floor.open_slip(seat=2, at=floor.ago(hours=5))
        other = TableFactory.create(
            casino=floor.casino, pit=PitFactory.create(casino=floor.casino), game=floor.table.game
        )
        assign_perm("ratingslips.operate_pit", floor.boss, other.pit)
        floor.open_slip(table=other, at=floor.ago(hours=5))
        remove_perm("ratingslips.operate_pit", floor.boss, other.pit)

        page = boss.get(HOME)

        html = page.content.decode()
        assert [one.slip.pk for one in page.context["overdue"]] == [mine.pk]
        assert reverse("floor:home") in html
        assert "owed points" not in html
        assert "Today against the targets" not in html

    def test_of_a_pit_boss_says_that_nothing_needs_attention(self, boss: Client) -> None:
        assert "No slip in your pits is overdue." in html_of(boss)

    def test_knows_nothing_of_other_casinos(self, floor: Floor, supervisor: Client) -> None:
        other = Floor.build()
        owe(other)
        other.open_slip(seat=2, at=other.ago(hours=9))
        pause_program(program=other.program, reason=REASON, actor=other.supervisor, at=other.now)

        page = supervisor.get(HOME)

        assert page.context["needs_attention"] is False
        assert [card.casino for card in page.context["scorecards"]] == [floor.casino]

    def test_shows_a_superuser_every_casino(self, floor: Floor, root: Client) -> None:
        other = Floor.build()
        slips = {owe(floor)[0].pk, owe(other)[0].pk}

        page = root.get(HOME)

        assert {one.slip.pk for one in page.context["owed"].shown} == slips
        assert {card.casino for card in page.context["scorecards"]} == {floor.casino, other.casino}

    def test_takes_as_many_statements_for_much_as_for_little(self, floor: Floor, supervisor: Client) -> None:
        owe(floor)
        floor.open_slip(seat=2, at=floor.ago(hours=5))
        few = statements_for(supervisor, HOME)
        owe(floor, seats=range(3, 8))
        second = TableFactory.create(casino=floor.casino, pit=floor.pit, game=floor.table.game)
        for seat in range(1, 8):
            floor.open_slip(table=second, seat=seat, at=floor.ago(hours=5))

        many = statements_for(supervisor, HOME)

        assert few == many
        assert len(many) <= 24

    def test_takes_as_many_statements_for_many_casinos_as_for_one(self, floor: Floor, root: Client) -> None:
        owe(floor)
        one = statements_for(root, HOME)
        for _ in range(3):
            owe(Floor.build())

        assert statements_for(root, HOME) == one

    def test_never_adds_up_the_ledger(self, floor: Floor, supervisor: Client) -> None:
        statements = statements_for(supervisor, HOME)

        assert [sql for sql in statements if "SUM(points)" in sql] == []

    def test_keeps_names_of_a_hundred_signs(self, floor: Floor, supervisor: Client) -> None:
        slip = floor.open_slip(at=floor.ago(hours=5))
        Player.objects.filter(pk=slip.player_id).update(last_name=LONG[:100], first_name="<b>" + "x" * 97)

        html = html_of(supervisor)

        assert f"{LONG[:100]}, &lt;b&gt;{'x' * 97}" in html


class TestFigures:
    def test_stand_beside_their_targets_and_say_how_they_are_counted(self, floor: Floor, supervisor: Client) -> None:
        begin_the_gaming_day(floor, at=floor.ago(hours=12))
        owe(floor)
        done = floor.open_slip(seat=2)
        complete_rating_slip(slip=done, actor=floor.boss, at=floor.ago(minutes=1))

        [card] = supervisor.get(HOME).context["scorecards"]

        told = {row.name: (row.value, row.of, row.is_met) for row in card.rows}
        assert told["Completions"] == ("50.000 %", "1 of 2 closed slips", False)
        assert told["Recoveries"] == ("0.000 %", "0 of 2 closed slips", True)
        assert told["Replays"] == ("0.000 %", "0 to 2 requests", True)
        assert told["Drift"] == ("–", "not checked yet", None)
        assert all(row.counted_as for row in card.rows)

    def test_judge_nothing_where_nothing_happened(self, floor: Floor, supervisor: Client) -> None:
        [card] = supervisor.get(HOME).context["scorecards"]

        assert [row.is_met for row in card.rows] == [None] * 4
        assert "Nothing to judge yet" in html_of(supervisor)


class TestDriftCheck:
    def check(self, client: Client, floor: Floor) -> Any:
        return client.post(reverse("desk:check_drift"), {"casino": floor.casino.pk})

    def test_is_kept_with_its_age(self, floor: Floor, supervisor: Client) -> None:
        answer = self.check(supervisor, floor)

        check = DriftCheck.objects.get()
        assert (check.accounts, check.checked_by, check.casino) == (0, floor.supervisor, floor.casino)
        assert said(answer) == ["Harbour Casino: every account is what its entries add up to."]
        assert "Last checked 0 min ago" in html_of(supervisor)

    def test_puts_what_it_found_first(self, floor: Floor, supervisor: Client) -> None:
        account = PlayerLoyalty.objects.get(player=floor.player())
        misstate(PlayerLoyalty.objects.filter(pk=account.pk), balance=F("balance") + 5)

        answer = self.check(supervisor, floor)

        html = html_of(supervisor)
        assert said(answer) == ["Harbour Casino: 1 account is not what its entries add up to."]
        assert "1 account is not what its entries add up to" in html
        assert address(PlayerLoyalty, "change", account.pk) in html

    def test_says_its_age_and_does_not_check_by_itself(self, floor: Floor, supervisor: Client) -> None:
        self.check(supervisor, floor)
        DriftCheck.objects.update(checked_at=timezone.now() - timedelta(hours=26))
        account = PlayerLoyalty.objects.get(player=floor.player())
        misstate(PlayerLoyalty.objects.filter(pk=account.pk), balance=5)

        html = html_of(supervisor)

        assert "Last checked 1 d 2 h ago" in html
        assert "not what the entries add up to" not in html

    def test_is_run_once_a_minute_at_most(self, floor: Floor, supervisor: Client) -> None:
        self.check(supervisor, floor)

        again = self.check(supervisor, floor)

        assert "checked less than a minute ago" in said(again)[-1]
        DriftCheck.objects.update(checked_at=timezone.now() - timedelta(seconds=61))
        assert "every account" in said(self.check(supervisor, floor))[-1]

    def test_does_not_know_other_casinos(self, floor: Floor, supervisor: Client) -> None:
        answer = self.check(supervisor, Floor.build())

        assert "cannot be found" in said(answer)[0]
        assert not DriftCheck.objects.exists()
