"""The home page says when the ledger was last verified, whatever came of it, and what to run where it never was."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from core.roles import AUDITOR, PIT_BOSS
from tests.console import address, signed_in
from tests.constraints import inserted
from tests.floor import Floor
from tests.loyalty.rows import checkpoint_row, verification_row

HOME = "/console/"
BREAK = {
    "kind": "changed",
    "what": "its contents do not match its hash",
    "account_id": 5,
    "seq": 3,
    "entry_id": 17,
    "checkpoint": None,
}


def _verified(floor: Floor, *, hours_ago: float = 2, **changes: Any) -> Any:
    at = timezone.now() - timedelta(hours=hours_ago)
    return inserted(verification_row(floor, **({"started_at": at, "ended_at": at} | changes)))


def _home(client: Client) -> str:
    return " ".join(client.get(HOME).content.decode().split())


class TestProofOnTheHomePage:
    def test_says_which_command_to_run_where_nobody_ever_did(self, floor: Floor, supervisor: Client) -> None:
        html = _home(supervisor)

        assert "The ledger was never verified. Ask the operators to run “manage.py verify_ledger”" in html
        assert "Nothing is sealed yet: “manage.py checkpoint” does it." in html
        assert "Nothing needs attention." in html

    def test_says_its_age_and_its_count(self, floor: Floor, supervisor: Client, root: Client) -> None:
        _verified(floor)
        inserted(checkpoint_row(floor, number=12, entries=1_200, taken_at=timezone.now() - timedelta(hours=5)))

        html, of_all = _home(supervisor), _home(root)

        assert "Last verified 2 h 00 min ago." in html
        assert "sealed the ledger 5 h 00 min ago." in html
        assert "Nothing needs attention." in html
        assert "Last verified 2 h 00 min ago: 1,234 entries of 3 accounts." in of_all
        assert "sealed 1,200 entries 5 h 00 min ago." in of_all

    @pytest.mark.parametrize(("hours", "is_old"), [(25.9, False), (26.1, True)])
    def test_turns_red_with_age(self, floor: Floor, supervisor: Client, hours: float, is_old: bool) -> None:
        _verified(floor, hours_ago=hours)

        html = _home(supervisor)

        assert ("The ledger was last verified 1 d 2 h ago</h3>" in html) == is_old
        assert ("Nothing needs attention." in html) == (not is_old)

    @pytest.mark.parametrize(
        ("days", "title"),
        [(7, ""), (9, "The whole ledger was last verified 9 d"), (None, "The whole ledger was never")],
    )
    def test_turns_red_where_only_what_is_new_was_verified(
        self, floor: Floor, supervisor: Client, days: int | None, title: str
    ) -> None:
        if days:
            _verified(floor, hours_ago=24 * days)
        _verified(floor, scope="SINCE", about=3)

        html = _home(supervisor)

        assert title in html
        assert ("Nothing needs attention." in html) == (title == "")
        assert "Last verified 2 h 00 min ago" in html
        assert "It read what is new since checkpoint 3; the whole ledger was" in html

    def test_turns_red_at_an_age_that_the_house_sets(self, floor: Floor, supervisor: Client, settings: Any) -> None:
        settings.VERIFICATION_MAX_AGE_HOURS = 1
        _verified(floor, hours_ago=2)

        assert "The ledger was last verified 2 h 00 min ago</h3>" in _home(supervisor)

    def test_names_what_is_broken_and_leads_there(self, floor: Floor, supervisor: Client) -> None:
        broken = _verified(floor, is_clean=False, first_break=BREAK)

        html = _home(supervisor)

        assert "The ledger is broken: changed</h3>" in html
        assert "Entry 17, number 3 of account 5: its contents do not match its hash." in html
        assert address(type(broken), "change", broken.pk) in html

    @pytest.mark.parametrize(
        ("then", "is_broken"),
        [
            ({"scope": "FULL"}, False),
            ({"scope": "SINCE", "about": 3}, True),
            ({"scope": "ACCOUNT", "about": 9}, True),
        ],
    )
    def test_stays_red_until_the_whole_ledger_is_clean(
        self, floor: Floor, supervisor: Client, then: dict[str, Any], is_broken: bool
    ) -> None:
        _verified(floor, is_clean=False, first_break=BREAK, scope="ACCOUNT", about=5)
        _verified(floor, **then)

        assert ("The ledger is broken" in _home(supervisor)) == is_broken

    def test_takes_one_account_for_no_verification_of_the_ledger(self, floor: Floor, supervisor: Client) -> None:
        _verified(floor, scope="ACCOUNT", about=9)

        assert "The ledger was never verified." in _home(supervisor)

    @pytest.mark.parametrize(("role", "sees_it"), [(AUDITOR, True), (PIT_BOSS, False)])
    def test_is_for_who_looks_after_the_programme(self, floor: Floor, role: str, sees_it: bool) -> None:
        assert ("Proof of the ledger" in _home(signed_in(floor.boss, role))) == sees_it
