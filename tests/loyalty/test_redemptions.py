"""Points redeemed for comps: what is taken, who may, once for each request, and the slips that are printed."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from guardian.shortcuts import assign_perm, remove_perm

from core.errors import NotFound
from core.idempotency import IdempotencyConflict
from core.models import Player, ReasonCode, User
from core.permissions import NotPermitted, OwnPlay
from core.sent_forms.sending import FormAlreadyUsed
from loyalty.models import CompSlipPrint, CompType, LedgerEntry
from loyalty.services import (
    CompTypeNotActive,
    InsufficientBalance,
    InvalidReason,
    InvalidRedemption,
    PlayerNotActive,
    ProgramPaused,
    RedemptionReversed,
    pause_program,
    print_comp_slip,
)
from tests.factories import CompTypeFactory, ProgramFactory, StaffFactory
from tests.floor import Floor, declared
from tests.loyalty.postings import award, increment, redeem
from tests.loyalty.rows import account_of
from tests.refusals import logged, refused
from tests.statements import assert_at_most, statements_of

MOST_OF_A_REDEMPTION = 13
MOST_OF_A_PRINT = 10


@pytest.fixture
def player(floor: Floor) -> Player:
    """A player with 1,000 points, of the tier Silver."""
    player = floor.player()
    award(floor, player, points=1_000)
    return player


def _codes(floor: Floor) -> None:
    """A code without a text and one with, for redemptions; one that is not active, and one for awards."""
    for code, label, changes in (
        ("WISH", "A wish", {}),
        ("PROMISED", "Promised", {"text_required": True}),
        ("RETIRED", "Retired", {"is_active": False}),
        ("LATE", "Late", {"operations": ["award"]}),
    ):
        fields: dict[str, Any] = {"casino": floor.casino, "code": code, "label": label, "operations": ["redeem"]}
        ReasonCode.objects.create(**(fields | changes))


class TestRedeemPoints:
    @pytest.mark.parametrize(
        ("asked", "points", "value"),
        [
            ({"value": Decimal("5.00")}, 100, "5.00"),
            ({"value": Decimal("5.01")}, 101, "5.01"),
            ({"value": Decimal("0.01")}, 1, "0.01"),
            ({"points": 7}, 7, "0.35"),
            ({"points": 1_000}, 1_000, "50.00"),
        ],
    )
    @pytest.mark.shows(42)
    def test_takes_the_points_of_the_value_rounded_up(
        self, floor: Floor, player: Player, asked: dict[str, Any], points: int, value: str
    ) -> None:
        posting = redeem(floor, player, **asked | ({"value": None} if "points" in asked else {}))

        entry = LedgerEntry.objects.get(pk=posting.entry_id)
        assert (entry.kind, entry.points, entry.staff) == ("REDEMPTION", -points, floor.supervisor)
        assert (entry.comp_type.code, entry.inputs["calculation"]["value"]) == ("dinner", value)  # type: ignore[union-attr]
        assert account_of(player).balance == 1_000 - points

    def test_moves_neither_lifetime_points_nor_tier(self, floor: Floor, player: Player) -> None:
        redeem(floor, player, points=1_000)

        account = account_of(player)
        assert (account.balance, account.lifetime_points, account.tier.name) == (0, 1_000, "Silver")

    def test_keeps_the_value_of_a_point_of_its_moment(self, floor: Floor, player: Player) -> None:
        comp = CompTypeFactory.create(program=floor.program)
        first = redeem(floor, player, comp_type=comp)
        CompType.objects.filter(pk=comp.pk).update(point_value=Decimal("0.10"), label="Supper")

        second = redeem(floor, player, comp_type=comp)

        calculations = LedgerEntry.objects.filter(pk__in=[first.entry_id, second.entry_id]).order_by("pk")
        assert (first.points, second.points) == (-100, -50)
        assert [entry.inputs["calculation"]["point_value"] for entry in calculations] == ["0.0500", "0.1000"]
        assert [entry.reason for entry in calculations] == ["Dinner, Steakhouse", "Supper, Steakhouse"]

    def test_says_why_with_the_note(self, floor: Floor, player: Player) -> None:
        redeem(floor, player, outlet=" Café  Ж ", note="Anniversary ", points=1)

        entry = LedgerEntry.objects.latest("pk")
        assert entry.reason == "Dinner, Café  Ж: Anniversary"
        assert {"outlet": "Café  Ж", "note": "Anniversary", "points": 1}.items() <= entry.inputs["request"].items()

    @pytest.mark.parametrize(
        ("code", "note", "reason"),
        [("WISH", "", "Dinner, Steakhouse"), ("PROMISED", "By the host", "Dinner, Steakhouse: By the host")],
    )
    def test_keeps_code_and_text(self, floor: Floor, player: Player, code: str, note: str, reason: str) -> None:
        _codes(floor)

        redeem(floor, player, reason_code=code, note=note)

        entry = LedgerEntry.objects.latest("pk")
        assert (entry.reason_code, entry.reason) == (code, reason)
        assert entry.inputs["request"]["reason_code"] == code

    def test_logs_ids_and_nothing_personal(self, floor: Floor, player: Player) -> None:
        with logged() as lines:
            redeem(floor, player, note="For the anniversary", request_id=UUID(int=1))
            redeem(floor, player, note="For the anniversary", request_id=UUID(int=1))

        assert [line["event"] for line in lines] == ["loyalty.points_redeemed", "loyalty.redemption_replayed"]
        assert [line["points"] for line in lines] == [100, 100]
        assert "anniversary" not in str(lines)

    @pytest.mark.parametrize("paper", ["value", "points"])
    def test_sends_few_statements(self, floor: Floor, player: Player, paper: str) -> None:
        comp = CompTypeFactory.create(program=floor.program)
        asked: dict[str, Any] = {"points": 5, "comp_type": comp} if paper == "points" else {"comp_type": comp}

        assert_at_most(MOST_OF_A_REDEMPTION, statements_of(lambda: redeem(floor, player, **asked)))


class TestRefusedRedemption:
    @pytest.mark.parametrize(
        "asked",
        [
            {"value": None},
            {"points": 100, "value": Decimal(5)},
            *({"value": Decimal(value)} for value in ("0", "-1", "0.001", "1000000.01", "NaN", "Infinity")),
            {"value": 5.0},
            *({"outlet": outlet} for outlet in ("", " \u200b", "x" * 61, "Gr\u202eill", "two\nlines")),
            {"note": "x" * 301},
        ],
        ids=repr,
    )
    def test_says_what_is_allowed(self, floor: Floor, player: Player, asked: dict[str, Any]) -> None:
        comp = CompTypeFactory.create(program=floor.program)

        with refused(InvalidRedemption):
            redeem(floor, player, **asked, comp_type=comp)

    @pytest.mark.parametrize("points", [0, -1, 10**10 + 1, True, 1.5, "100"])
    def test_says_how_many_points_are_allowed(self, floor: Floor, player: Player, points: Any) -> None:
        comp = CompTypeFactory.create(program=floor.program)

        with refused(InvalidRedemption, "A redemption is 1 to "):
            redeem(floor, player, points=points, comp_type=comp)

    def test_is_with_characters_that_nobody_sees_in_the_note(self, floor: Floor, player: Player) -> None:
        comp = CompTypeFactory.create(program=floor.program)

        with refused(InvalidReason, "cannot be shown"):
            redeem(floor, player, note="a\x00b", comp_type=comp)

    @pytest.mark.parametrize(
        ("code", "note"), [("NONE_SUCH", ""), ("PROMISED", "short"), ("RETIRED", ""), ("LATE", "")]
    )
    def test_is_with_a_code_that_does_not_fit(self, floor: Floor, player: Player, code: str, note: str) -> None:
        comp = CompTypeFactory.create(program=floor.program)
        _codes(floor)

        with pytest.raises(InvalidReason):
            redeem(floor, player, reason_code=code, note=note, comp_type=comp)

        assert account_of(player).balance == 1_000

    def test_is_of_points_that_are_worth_nothing(self, floor: Floor, player: Player) -> None:
        comp = CompTypeFactory.create(program=floor.program, code="chip", point_value=Decimal("0.0033"))

        with refused(InvalidRedemption, "3 points are worth less than 0.01"):
            redeem(floor, player, points=3, comp_type=comp)

    def test_says_how_many_points_are_missing(self, floor: Floor, player: Player) -> None:
        comp = CompTypeFactory.create(program=floor.program)

        with refused(InsufficientBalance, "balance is 1,000 points; 1,001 cannot be taken from it: 1 point is missing"):
            redeem(floor, player, value=Decimal("50.01"), comp_type=comp)

    @pytest.mark.parametrize("status", ["BARRED", "INACTIVE"])
    def test_is_of_a_player_who_is_not_active(self, floor: Floor, player: Player, status: str) -> None:
        comp = CompTypeFactory.create(program=floor.program)
        Player.objects.filter(pk=player.pk).update(status=status)

        with refused(PlayerNotActive, f"{status.lower()}: nothing was redeemed"):
            redeem(floor, player, comp_type=comp)

    def test_is_of_an_account_of_ones_own(self, floor: Floor, player: Player) -> None:
        comp = CompTypeFactory.create(program=floor.program)
        declared(floor.supervisor, player)

        with refused(OwnPlay):
            redeem(floor, player, comp_type=comp)

    def test_is_by_staff_without_the_permission(self, floor: Floor, player: Player) -> None:
        comp = CompTypeFactory.create(program=floor.program)

        with refused(NotPermitted, "Can redeem points for comps"):
            redeem(floor, player, actor=floor.boss, comp_type=comp)

    def test_is_made_while_the_programme_is_paused(self, floor: Floor, player: Player) -> None:
        comp = CompTypeFactory.create(program=floor.program)
        pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Month-end freeze")

        with refused(ProgramPaused):
            redeem(floor, player, comp_type=comp)

    def test_is_for_a_type_that_is_not_active(self, floor: Floor, player: Player) -> None:
        comp = CompTypeFactory.create(program=floor.program, is_active=False)

        with refused(CompTypeNotActive, "“Dinner”"):
            redeem(floor, player, comp_type=comp)

    def test_is_for_a_type_of_another_casino(self, floor: Floor, player: Player) -> None:
        elsewhere = CompTypeFactory.create(program=ProgramFactory.create())

        with refused(NotFound):
            redeem(floor, player, comp_type=elsewhere.pk)


def _pause(floor: Floor, _: Player) -> None:
    pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Month-end freeze")


CHANGES_SINCE: dict[str, Callable[[Floor, Player], object]] = {
    "the balance is drained": lambda floor, player: redeem(floor, player, points=900),
    "the permission is revoked": lambda floor, _: remove_perm("loyalty.redeem", floor.supervisor, floor.program),
    "the staff is deactivated": lambda floor, _: User.objects.filter(pk=floor.supervisor.pk).update(is_active=False),
    "the programme is paused": _pause,
    "the player is barred": lambda _, player: Player.objects.filter(pk=player.pk).update(status="BARRED"),
    "the type is not offered any more": lambda *_: CompType.objects.update(is_active=False, point_value="0.0001"),
}


class TestRepeatedRedemption:
    def test_is_two_with_two_ids(self, floor: Floor, player: Player) -> None:
        postings = [redeem(floor, player) for _ in range(2)] + [redeem(floor, player, request_id=uuid4())]

        assert [posting.balance_after for posting in postings] == [900, 800, 700]

    @pytest.mark.parametrize("change", CHANGES_SINCE.values(), ids=CHANGES_SINCE.keys())
    @pytest.mark.shows(18)
    def test_gives_the_first_result_although(
        self, floor: Floor, player: Player, change: Callable[[Floor, Player], object]
    ) -> None:
        request_id = uuid4()
        first = redeem(floor, player, request_id=request_id)
        change(floor, player)
        entries = LedgerEntry.objects.count()

        again = redeem(floor, player, request_id=request_id)

        assert again == replace(first, replayed=True)
        assert LedgerEntry.objects.count() == entries

    @pytest.mark.parametrize("field", ["player", "staff", "comp type", "points", "value", "outlet", "note"])
    @pytest.mark.shows(17)
    def test_names_the_field_that_differs(self, floor: Floor, player: Player, field: str) -> None:
        colleague = StaffFactory.create(casino=floor.casino)
        assign_perm("loyalty.redeem", colleague, floor.program)
        room = CompTypeFactory.create(program=floor.program, code="room")
        asked: dict[str, Any] = {"request_id": uuid4(), "player": player}
        redeem(floor, **asked)
        changed: dict[str, dict[str, Any]] = {
            "player": {"player": floor.player()},
            "staff": {"actor": colleague},
            "comp type": {"comp_type": room},
            "points": {"points": 100, "value": None},
            "value": {"value": Decimal("5.01")},
            "outlet": {"outlet": "Buffet"},
            "note": {"note": "Anniversary"},
        }

        with refused(IdempotencyConflict, rf"already used with a different .*{field}"):
            redeem(floor, **asked | changed[field])

    def test_is_told_to_differ_only_to_who_may_redeem(self, floor: Floor, player: Player) -> None:
        request_id = uuid4()
        redeem(floor, player, request_id=request_id)

        with refused(NotPermitted):
            redeem(floor, player, request_id=request_id, actor=floor.boss)


@pytest.fixture
def redemption(floor: Floor, player: Player) -> LedgerEntry:
    """A dinner for 100 points."""
    return LedgerEntry.objects.get(pk=redeem(floor, player).entry_id)


def _print(floor: Floor, entry: LedgerEntry | int, **changes: Any) -> CompSlipPrint:
    arguments: dict[str, Any] = {"actor": floor.supervisor, "at": floor.now}
    return print_comp_slip(entry=entry, **(arguments | changes))


class TestPrintCompSlip:
    def test_is_a_copy_from_the_second_on(self, floor: Floor, redemption: LedgerEntry) -> None:
        prints = [_print(floor, redemption) for _ in range(3)]

        assert [(one.number, one.is_copy) for one in prints] == [(1, False), (2, True), (3, True)]
        assert {one.staff for one in prints} == {floor.supervisor}

    def test_sends_few_statements(self, floor: Floor, redemption: LedgerEntry) -> None:
        assert_at_most(MOST_OF_A_PRINT, statements_of(lambda: _print(floor, redemption.pk)))

    def test_is_the_same_print_for_the_same_request(self, floor: Floor, redemption: LedgerEntry) -> None:
        first = _print(floor, redemption, request_id=UUID(int=1))
        remove_perm("loyalty.redeem", floor.supervisor, floor.program)

        assert _print(floor, redemption, request_id=UUID(int=1)) == first
        assert CompSlipPrint.objects.count() == 1

    def test_is_refused_for_a_used_id(self, floor: Floor, player: Player, redemption: LedgerEntry) -> None:
        _print(floor, redemption, request_id=UUID(int=1))
        other = redeem(floor, player).entry_id

        with refused(FormAlreadyUsed):
            _print(floor, other, request_id=UUID(int=1))

    @pytest.mark.shows(42)
    @pytest.mark.parametrize("again", [UUID(int=1), UUID(int=2)])
    def test_is_refused_once_reversed(self, floor: Floor, player: Player, redemption: LedgerEntry, again: UUID) -> None:
        _print(floor, redemption, request_id=UUID(int=1))
        increment(floor, player, kind=LedgerEntry.Kind.REVERSAL, points=100, reverses=redemption)

        with refused(RedemptionReversed, "its slip is not printed"):
            _print(floor, redemption, request_id=again)

    def test_is_refused_to_who_may_not_redeem(self, floor: Floor, redemption: LedgerEntry) -> None:
        with refused(NotPermitted):
            _print(floor, redemption, actor=floor.boss)

    def test_is_refused_on_an_account_of_ones_own(self, floor: Floor, player: Player, redemption: LedgerEntry) -> None:
        declared(floor.supervisor, player)

        with refused(OwnPlay):
            _print(floor, redemption)

    def test_is_of_redemptions_alone(self, floor: Floor, player: Player) -> None:
        with refused(NotFound, "no redemption"):
            _print(floor, LedgerEntry.objects.get())
