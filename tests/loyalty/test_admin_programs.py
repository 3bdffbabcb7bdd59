"""The programme's pages: pausing and resuming with the right to, grants, and no change past the services."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from structlog.testing import capture_logs

from core.models import User
from core.roles import AUDITOR, LOYALTY_SUPERVISOR
from loyalty.models import EarningRate, LoyaltyProgram, PlayerLoyalty, ProgramPause, Tier
from tests.console import address, html_of, said, send_form, signed_in
from tests.factories import StaffFactory
from tests.floor import Floor

REASON = "Tier migration tonight"


class TestPauseAndResume:
    def test_pauses_with_a_reason(self, floor: Floor, supervisor: Client) -> None:
        answer = supervisor.post(address(LoyaltyProgram, "pause", floor.program.pk), {"reason": REASON})

        program = LoyaltyProgram.objects.get()
        assert (program.is_paused, program.paused_by, program.pause_reason) == (True, floor.supervisor, REASON)
        assert said(answer) == ["Harbour Rewards: paused."]

    def test_keeps_the_pause_on_its_page_and_in_the_trace(self, floor: Floor, supervisor: Client) -> None:
        supervisor.post(address(LoyaltyProgram, "pause", floor.program.pk), {"reason": REASON})
        supervisor.post(address(LoyaltyProgram, "resume", floor.program.pk), {"reason": REASON})
        auditor = signed_in(StaffFactory.create(casino=floor.casino), AUDITOR)

        page = html_of(auditor.get(address(LoyaltyProgram, "change", floor.program.pk)))
        pause = ProgramPause.objects.get()
        traces = {
            key: reverse("trace:story", args=[key]) for key in (pause.correlation_id, pause.resume_correlation_id)
        }

        assert REASON in page
        assert len(traces) == 2
        for url in traces.values():
            story = html_of(auditor.get(url))
            assert url in page
            assert "Harbour Rewards paused" in story
            assert "Harbour Rewards resumed" in story

    def test_asks_for_the_reason_again_where_it_says_too_little(self, floor: Floor, supervisor: Client) -> None:
        page = supervisor.post(address(LoyaltyProgram, "pause", floor.program.pk), {"reason": "because"})

        assert "reason" in page.context["form"].errors
        assert not LoyaltyProgram.objects.get().is_paused

    def test_resumes_after_asking(self, floor: Floor, supervisor: Client) -> None:
        supervisor.post(address(LoyaltyProgram, "pause", floor.program.pk), {"reason": REASON})
        resume = address(LoyaltyProgram, "resume", floor.program.pk)

        asked = supervisor.get(resume)
        still_paused = LoyaltyProgram.objects.get().is_paused
        answer = supervisor.post(resume, {"reason": REASON})

        assert (asked.status_code, still_paused, LoyaltyProgram.objects.get().is_paused) == (200, True, False)
        assert said(answer)[-1] == "Harbour Rewards: resumed."

    def test_says_that_it_is_paused_already(self, floor: Floor, supervisor: Client) -> None:
        pause = address(LoyaltyProgram, "pause", floor.program.pk)
        supervisor.post(pause, {"reason": REASON})

        page = supervisor.post(pause, {"reason": REASON})

        assert "already paused" in page.context["form"].non_field_errors()[0]

    def test_is_offered_and_open_only_to_who_may(self, floor: Floor) -> None:
        client = signed_in(floor.boss, LOYALTY_SUPERVISOR)
        pause = address(LoyaltyProgram, "pause", floor.program.pk)

        page = client.get(address(LoyaltyProgram, "change", floor.program.pk))
        posted = client.post(pause, {"reason": REASON})

        assert pause not in page.content.decode()
        assert client.get(pause).status_code == 403
        assert "do not hold the permission" in posted.context["form"].non_field_errors()[0]
        assert not LoyaltyProgram.objects.get().is_paused

    def test_cannot_be_done_by_changing_the_programme(self, floor: Floor, root: Client) -> None:
        typed = {"name": "New name", "pause_reason": REASON, "paused_by": floor.boss.pk, "paused_at_0": "2026-01-01"}

        send_form(root, address(LoyaltyProgram, "change", floor.program.pk), typed)

        program = LoyaltyProgram.objects.get()
        assert (program.name, program.is_paused) == ("New name", False)


class TestGrants:
    def pages(self, floor: Floor, user: User) -> list[str]:
        return [
            address(LoyaltyProgram, "permissions", floor.program.pk),
            address(LoyaltyProgram, "permissions_manage_user", floor.program.pk, user.pk),
        ]

    def test_let_the_grantee_award_at_once(self, floor: Floor, root: Client) -> None:
        account = PlayerLoyalty.objects.get(player=floor.player())
        client = signed_in(floor.boss, LOYALTY_SUPERVISOR)
        award = address(PlayerLoyalty, "award", account.pk)
        before = client.get(award).status_code

        with capture_logs() as lines:
            send_form(root, self.pages(floor, floor.boss)[1], {"permissions": ["award"]})

        assert (before, client.get(award).status_code) == (403, 200)
        [line] = [line for line in lines if line["event"] == "console.permissions_set"]
        assert (line["user"], line["held"]) == (str(floor.boss.pk), ["award"])


class TestEarningRate:
    def _typed(self, floor: Floor, *, days: int) -> dict[str, object]:
        begins = {"effective_from_0": f"{floor.now + timedelta(days=days):%Y-%m-%d}", "effective_from_1": "00:00"}
        return begins | {"program": floor.program.pk, "points_per_unit": "12"}

    def test_is_added_and_never_changed(self, floor: Floor, root: Client) -> None:
        typed = self._typed(floor, days=1)

        answers = [send_form(root, address(EarningRate, "add"), typed) for _ in range(2)]
        rate = EarningRate.objects.latest("effective_from")
        posted = send_form(root, address(EarningRate, "change", rate.pk), typed | {"points_per_unit": "99"})

        assert EarningRate.objects.count() == 2
        assert [answer.status_code for answer in answers] == [302, 302]
        assert posted.status_code == 403
        assert EarningRate.objects.latest("effective_from").points_per_unit == 12

    def test_is_not_added_where_another_was_in_force(self, floor: Floor, root: Client) -> None:
        page = send_form(root, address(EarningRate, "add"), self._typed(floor, days=-1))

        assert "what was rated by “10 points per unit from" in page.context["form"].errors["effective_from"][0]
        assert EarningRate.objects.count() == 1

    @pytest.mark.parametrize("page", ["add", "changelist", "program"])
    def test_is_shown_with_those_to_come(self, floor: Floor, root: Client, page: str) -> None:
        send_form(root, address(EarningRate, "add"), self._typed(floor, days=2))
        send_form(root, address(EarningRate, "add"), self._typed(floor, days=1) | {"points_per_unit": "11"})

        url = address(LoyaltyProgram, "change", floor.program.pk) if page == "program" else address(EarningRate, page)
        html = html_of(root.get(url))

        assert [html.count(f">{state}</span>") for state in ("Coming", "In force", "Past")] == [2, 1, 0]


class TestTiers:
    @pytest.mark.parametrize("page", ["changelist", "change"])
    def test_say_that_they_stay(self, floor: Floor, supervisor: Client, page: str) -> None:
        keys = [floor.program.tiers.get(name="Gold").pk] if page == "change" else []

        assert "Tiers stay as they were set up" in html_of(supervisor.get(address(Tier, page, *keys)))
