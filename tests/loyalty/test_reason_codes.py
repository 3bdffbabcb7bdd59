"""Reason codes of awards and pauses, and where they are shown."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from core.console.links import page_url
from core.idempotency import IdempotencyConflict
from core.models import Player, ReasonCode
from core.reasons.codes import InvalidReasonCode
from core.reasons.defaults import add_default_codes
from loyalty.admin import audit
from loyalty.models import LedgerEntry, LoyaltyProgram, ProgramPause
from loyalty.services import InvalidReason, pause_program, resume_program
from tests.console import address, html_of, shown_in
from tests.floor import Floor
from tests.invariants import broken_invariants
from tests.loyalty.postings import REASON, award
from tests.loyalty.rows import account_of
from tests.loyalty.test_admin_accounts import award_url, typed
from tests.loyalty.test_ledger_export import auditor_of, exported
from tests.refusals import refused

LABEL = "Service recovery"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _codes(floor: Floor) -> None:
    add_default_codes(floor.casino.pk)


def change(floor: Floor, code: str, **fields: Any) -> None:
    ReasonCode.objects.filter(casino=floor.casino, code=code).update(**fields)


class TestAward:
    @pytest.mark.parametrize("text", ["", "no", REASON])
    def test_keeps_the_code_and_a_text(self, floor: Floor, player: Player, text: str) -> None:
        award(floor, player, reason=text, reason_code="SERVICE_RECOVERY")

        entry = LedgerEntry.objects.get()
        assert (entry.reason_code, entry.reason) == ("SERVICE_RECOVERY", text or LABEL)
        assert broken_invariants() == {}

    @pytest.mark.parametrize(
        "fields", [{"is_active": False}, {"operations": ["redeem"]}, {"text_required": True}, {"label": "Other label"}]
    )
    def test_is_replayed_whatever_became_of_the_code(
        self, floor: Floor, player: Player, fields: dict[str, Any]
    ) -> None:
        first = award(floor, player, reason="", reason_code="SERVICE_RECOVERY")
        change(floor, "SERVICE_RECOVERY", **fields)

        again = award(floor, player, reason=" ", reason_code="SERVICE_RECOVERY")

        assert (again.entry_id, again.replayed) == (first.entry_id, True)

    @pytest.mark.parametrize("code", [None, "EVENT"])
    def test_is_another_one_with_another_code(self, floor: Floor, player: Player, code: str | None) -> None:
        first = award(floor, player, reason_code="SERVICE_RECOVERY")

        assert award(floor, player, reason_code=code).entry_id != first.entry_id

    def test_with_a_reward_id_conflicts_with_another_code(self, floor: Floor, player: Player) -> None:
        award(floor, player, reward_id="R-1", reason_code="EVENT")

        with pytest.raises(IdempotencyConflict) as conflict:
            award(floor, player, reward_id="R-1", reason_code="GOODWILL")
        assert conflict.value.fields == ("reason_code",)

    @pytest.mark.parametrize(
        ("code", "text", "refusal"),
        [
            ("EVENT", REASON, InvalidReasonCode),
            ("WRONG_BET", REASON, InvalidReasonCode),
            ("OTHER", "no", InvalidReason),
        ],
    )
    def test_refuses_a_code_that_may_not_be_chosen(
        self, floor: Floor, player: Player, code: str, text: str, refusal: type[InvalidReason]
    ) -> None:
        change(floor, "EVENT", is_active=False)

        with refused(refusal):
            award(floor, player, reason=text, reason_code=code)
        assert not LedgerEntry.objects.exists()


class TestAwardPage:
    @pytest.fixture
    def send(self, floor: Floor, supervisor: Client, player: Player) -> Callable[..., Any]:
        account = account_of(player)
        return lambda **fields: supervisor.post(award_url(account), typed(floor, account, **fields))

    def test_asks_for_a_code_and_keeps_it(self, send: Callable[..., Any]) -> None:
        send(reason_code="SERVICE_RECOVERY", reason="")

        assert LedgerEntry.objects.get().reason_code == "SERVICE_RECOVERY"

    @pytest.mark.parametrize(
        ("code", "reason", "marked"),
        [("", REASON, "reason_code"), ("OTHER", "no", "reason"), ("EVENT", REASON, "reason_code")],
    )
    def test_marks_what_is_missing_and_keeps_what_was_typed(
        self, floor: Floor, send: Callable[..., Any], code: str, reason: str, marked: str
    ) -> None:
        change(floor, "EVENT", is_active=False)

        form = send(reason_code=code, reason=reason).context["form"]

        assert list(form.errors) == [marked]
        assert (form["reason"].value(), form["points"].value()) == (reason, "100")
        assert not LedgerEntry.objects.exists()


class TestLedger:
    def test_shows_the_code_in_every_place(self, floor: Floor, player: Player) -> None:
        entry = LedgerEntry.objects.get(pk=award(floor, player, reason_code="SERVICE_RECOVERY").entry_id)
        auditor = auditor_of(floor)

        [row] = shown_in(auditor.get(address(LedgerEntry, "changelist")))
        hinted = f'{REASON} <span class="hint">SERVICE_RECOVERY</span>'
        pages = {
            page_url(entry): f"{LABEL} (SERVICE_RECOVERY): {REASON}",
            page_url(account_of(player)): hinted,
            page_url(player): hinted,
            reverse("trace:story", args=[entry.correlation_id]): f"“{REASON}” (SERVICE_RECOVERY)",
        }

        assert row[8] == f"{REASON} SERVICE_RECOVERY"
        for url, words in pages.items():
            assert words in auditor.get(url).content.decode(), url

    @pytest.mark.parametrize("others", [{}, {"kind": "MANUAL_BONUS"}, {"tier_change": "on"}, {"account": "{account}"}])
    def test_is_narrowed_by_code(self, floor: Floor, player: Player, others: dict[str, str]) -> None:
        first = award(floor, player, points=1_500, reason_code="EVENT").entry_id
        award(floor, player, reason_code="SERVICE_RECOVERY")
        award(floor, floor.player())
        asked = {name: value.format(account=account_of(player).pk) for name, value in others.items()}

        page = auditor_of(floor).get(address(LedgerEntry, "changelist"), asked | {"reason_code": "EVENT"})

        assert [row[0] for row in shown_in(page)] == [f"#{first}"]

    def test_finds_a_code_at_once_however_many_entries_have_none(
        self, floor: Floor, player: Player, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(audit, "LOOKED_AT_OF_CASINO", 1)
        first = award(floor, player, reason_code="EVENT").entry_id
        for points in range(1, 4):
            award(floor, player, points=points)

        page = auditor_of(floor).get(address(LedgerEntry, "changelist"), {"reason_code": "EVENT"})

        assert [row[0] for row in shown_in(page)] == [f"#{first}"]

    def test_offers_the_codes_of_the_own_casino(self, floor: Floor) -> None:
        change(floor, "EVENT", is_active=False)

        form = auditor_of(floor).get(address(LedgerEntry, "changelist")).context["form"]

        offered = dict(form.fields["reason_code"].choices)
        assert offered["EVENT"] == "Event or promotion (EVENT)"
        assert len(offered) == ReasonCode.objects.filter(casino=floor.casino).count() + 1


class TestPauseAndResume:
    def test_ask_for_a_code_each_and_keep_them(self, floor: Floor, supervisor: Client) -> None:
        pause, resume = (address(LoyaltyProgram, verb, floor.program.pk) for verb in ("pause", "resume"))
        refused = [supervisor.post(url, {"reason": REASON}) for url in (pause, resume)]
        supervisor.post(pause, {"reason_code": "CLOSING"})
        supervisor.post(resume, {"reason_code": "OTHER", "reason": REASON})

        kept = ProgramPause.objects.get()
        assert [list(page.context["form"].errors) for page in refused] == [["reason_code"]] * 2
        assert (kept.reason, kept.reason_code) == ("Closing of the month", "CLOSING")
        assert (kept.resume_reason, kept.resume_reason_code) == (REASON, "OTHER")
        page = html_of(supervisor.get(page_url(floor.program)))
        story = html_of(auditor_of(floor).get(reverse("trace:story", args=[kept.resume_correlation_id])))
        assert f'<td>{REASON} <span class="hint">OTHER</span></td>' in page
        assert f"resumed “{REASON}” (OTHER)" in story

    @pytest.mark.parametrize("given", [{"reason": "no"}, {"reason_code": "CLOSING"}])
    def test_refuse_a_reason_that_may_not_be_given(self, floor: Floor, given: dict[str, Any]) -> None:
        pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason=REASON)

        with refused(InvalidReasonCode if "reason_code" in given else InvalidReason):
            resume_program(program=floor.program, actor=floor.supervisor, **given)
        assert LoyaltyProgram.objects.get().is_paused


@pytest.mark.django_db(transaction=True)
class TestExport:
    def test_has_a_column_for_the_code(self, floor: Floor) -> None:
        award(floor, floor.player(), reason_code="EVENT", reason="")
        award(floor, floor.player())

        rows = exported(auditor_of(floor), "?reason_code=EVENT")

        assert [(row["Reason"], row["Reason code"]) for row in rows] == [("Event or promotion", "EVENT")]
