"""The addresses of every page of the console, in a casino that has data for each of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.test import RequestFactory
from django.urls import reverse
from playwright.sync_api import Page

from core.cards.models import StaffCard
from core.console.links import page_url
from core.factors.models import SecondFactor
from core.models import Player, User
from core.replays import count_replay
from core.roles import PIT_BOSS
from core.sign_in_log import SignInEvent
from loyalty.models import CompType, LedgerEntry, LoyaltyProgram, PlayerLoyalty
from loyalty.services import manual_reward
from ratingslips.admin.floor.pages import floor_url
from ratingslips.admin.slips import actions
from ratingslips.models import GameSettings, GamingTable, MoneyRow, Pit, RatingSlip
from ratingslips.services import complete_rating_slip, pause_rating_slip
from tests.console import address, registered
from tests.factories import PitFactory, ProgramFactory, StaffFactory, TableFactory
from tests.floor import Floor, declared
from tests.guesses import lock
from tests.loyalty.postings import adjust, award, redeem
from tests.loyalty.postings import reverse as reverse_entry
from tests.loyalty.rows import (
    account_of,
    checkpoint_row,
    export_row,
    rebuild_row,
    verification_row,
    write_history,
)
from tests.ratingslips.corrections import correct, last_at, void
from tests.second_factors import SECURITY_KEY, require_of, with_app

PASSWORD = "a-long-shift-on-the-floor"


@dataclass(frozen=True, kw_only=True)
class BusyCasino:
    """A casino with a row for every list, and a superuser who may see it all."""

    floor: Floor
    root: User
    newly_hired: User
    newcomer: Player
    regular: Player

    @classmethod
    def build(cls) -> "BusyCasino":
        floor = Floor.build(ProgramFactory.create(casino__reason_codes=True))
        root: User = StaffFactory.create(casino=floor.casino, is_superuser=True, first_name="Ada")
        root.set_password(PASSWORD)
        root.save()
        User.objects.filter(pk=floor.boss.pk).update(first_name="אברהם", last_name="בן־שמעון")
        with_app(root)
        SecondFactor.objects.create(user=root, kind="KEY", name="مفتاح" * 12, secret=SECURITY_KEY, credential_id=b"k")
        write_history(floor, account_of(floor.player()), entries=55)
        player = floor.player(last_name="Featherstonehaugh" * 4)
        award(floor, player, points=1_500)
        reverse_entry(floor, award(floor, player, points=9_500).entry_id, reason="Wrong card " * 40)
        other = floor.player()
        adjust(floor, other, points=300)
        redeem(floor, other, outlet="Steakhouse" * 6, note="A table by the window, and no nuts anywhere. " * 6)
        adjust(floor, other, points=-2_000)
        PitFactory.create(casino=floor.casino)
        _play(floor)
        export_row(floor, filters={"kind": "GAMEPLAY"}).save()
        for row in (checkpoint_row(floor, number=1), verification_row(floor), rebuild_row(floor)):
            row.save(force_insert=True)
        count_replay(casino=floor.casino, operation="loyalty.manual_reward", at=floor.now)
        table = ContentType.objects.get_for_model(GamingTable)
        LogEntry.objects.create(
            user=root,
            content_type=table,
            object_id=str(floor.table.pk),
            action_flag=CHANGE,
            change_message="Changed seats.",
        )
        lock(floor.boss)
        return cls(
            floor=floor,
            root=root,
            newly_hired=_newly_hired(floor),
            newcomer=floor.player(),
            regular=regular_of(floor),
        )

    @property
    def awards(self) -> list[LedgerEntry]:
        """An award that was reversed, and one that was not."""
        return list(LedgerEntry.objects.filter(kind="MANUAL_BONUS").order_by("reversed_by", "pk")[:2])

    @property
    def live(self) -> RatingSlip:
        """A slip that runs."""
        return RatingSlip.objects.filter(status="OPEN").earliest("pk")

    @property
    def withheld(self) -> RatingSlip:
        """A closed slip whose points were withheld."""
        return RatingSlip.objects.withheld().earliest("pk")

    @property
    def owed(self) -> RatingSlip:
        """A closed slip that is owed its points."""
        return RatingSlip.objects.owed().earliest("pk")

    @property
    def paid(self) -> RatingSlip:
        """A closed slip that has its points."""
        return RatingSlip.objects.exclude(ledger_entry=None).earliest("pk")

    @property
    def corrected(self) -> RatingSlip:
        """A closed slip that was corrected."""
        return RatingSlip.objects.filter(status="CLOSED", correction_count=1).earliest("pk")

    @property
    def void(self) -> RatingSlip:
        """A void slip that was closed before, with money."""
        return RatingSlip.objects.filter(status="VOID").earliest("pk")


def _newly_hired(floor: Floor) -> User:
    """A member of staff with a password, whose role requires a second factor that they have not added."""
    person: User = StaffFactory.create(casino=floor.casino)
    person.set_password(PASSWORD)
    person.save()
    person.groups.add(Group.objects.get(name=PIT_BOSS))
    require_of(floor.casino, PIT_BOSS)
    return person


def _play(floor: Floor) -> None:
    """Slips in every state: paid, owed, running, paused for long and open for long."""
    paid = floor.played_slip(seat=1)
    complete_rating_slip(
        slip=paid, actor=floor.boss, at=floor.now, buy_in=Decimal(1_000), chips_out=Decimal("5_200.50")
    )
    floor.owed_slip(seat=4, player=floor.player(last_name="Featherstonehaugh" * 4))
    withheld = floor.played_slip(seat=3, player=floor.player(first_name="عبد الرحمن", last_name="الخوارزمي"))
    Player.objects.filter(pk=withheld.player_id).update(status="BARRED")
    complete_rating_slip(slip=withheld, actor=floor.boss, at=floor.now)
    barred = floor.open_slip(seat=3, at=floor.now)
    Player.objects.filter(pk=barred.player_id).update(status="BARRED")
    other = TableFactory.create(casino=floor.casino, pit=floor.pit)
    floor.open_slip(seat=2, buy_in=Decimal(4_000))
    StaffFactory.create(casino=floor.casino, first_name=barred.player.first_name, last_name=barred.player.last_name)
    declared(floor.boss, paid.player)
    floor.open_slip(table=other, seat=3, at=floor.ago(hours=9))
    away = floor.open_slip(table=other, seat=6)
    pause_rating_slip(slip=away, actor=floor.boss, at=floor.ago(minutes=45))
    for hours in (7, 6):
        mistaken = floor.open_slip(
            seat=6,
            player=floor.player(first_name="Ağaoğlu" * 5, last_name="اللَّه" * 8),
            buy_in=Decimal(1_000),
            at=floor.ago(hours=hours),
        )
        complete_rating_slip(
            slip=mistaken, actor=floor.boss, at=floor.ago(hours=hours - 1), chips_out=Decimal("1_250_000.50")
        )
        if hours == 7:
            correct(floor, mistaken, last_at(mistaken, 500), reason="The bet was five hundred. " * 15)
        else:
            void(floor, mistaken, reason="Two cards " * 40)


def regular_of(floor: Floor) -> Player:
    """A player with visits on several gaming days, awards, and a live slip that is paused."""
    player = floor.player(last_name="W" * 100)
    for days, chips_out in ((9, 90_000), (4, 0), (2, 1_200)):
        slip = floor.open_slip(player=player, seat=5, average_bet=Decimal(500), at=floor.ago(days=days))
        money: dict[str, Any] = {"buy_in": Decimal(5_000), "chips_out": Decimal(chips_out)}
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(days=days, hours=-3), **money)
    manual_reward(player=player, points=250, reason="Drink " + "spilled" * 60, actor=floor.supervisor, at=floor.now)
    live = floor.open_slip(player=player, seat=5, at=floor.ago(hours=9))
    pause_rating_slip(slip=live, actor=floor.boss, at=floor.ago(minutes=45))
    return player


Address = Callable[[BusyCasino], str]


@dataclass(frozen=True, kw_only=True)
class PageCase:
    """A page: its name, where it is, and what has to be done there before the page in question is shown."""

    name: str
    address: Address
    do: Callable[[Page, BusyCasino], None] | None = None
    status: int = 200

    def show(self, page: Page, house: BusyCasino) -> None:
        """Have the browser show it."""
        answer = page.goto(self.address(house))
        assert answer is not None
        assert answer.status == self.status, (answer.url, answer.status)
        assert answer.request.redirected_from is None, answer.url
        if self.do:
            self.do(page, house)

    def __str__(self) -> str:
        return self.name


def every_page() -> list[PageCase]:
    """All pages that need a session."""
    return [*_pages_of_models(), *_confirmations(), *_own_pages(), *_floor(), *_errors()]


def _pages_of_models() -> Iterator[PageCase]:
    request = RequestFactory().get("/")
    request.user = User(is_superuser=True, is_active=True, is_staff=True)
    for model, model_admin in registered().items():
        name = model._meta.model_name
        yield PageCase(name=f"{name}-list", address=_constant(address, model, "changelist"))
        yield PageCase(name=f"{name}-change", address=_of_first(model, "change"))
        if model_admin.has_add_permission(request):
            where = _constant(address, model, "add")
            yield PageCase(name=f"{name}-add", address=where)
            yield PageCase(name=f"{name}-add-refused", address=where, do=_send_empty)
        else:
            yield PageCase(name=f"{name}-add-closed", address=_constant(address, model, "add"), status=403)
        yield PageCase(name=f"{name}-history", address=_of_first(model, "history"))


def _constant(function: Callable[..., str], *args: Any) -> Address:
    return lambda _house: function(*args)


def _of_first(model: type[Model], page: str) -> Address:
    return lambda _house: address(model, page, _first(model).pk)


def _first(model: type[Model]) -> Any:
    rows = model._default_manager.order_by("pk")
    # The system account, which is the first of the staff, is of no casino.
    row = rows.exclude(casino=None).first() if model is User else rows.first()
    assert row is not None, f"no row of {model}"
    return row


def _send_empty(page: Page, _house: BusyCasino) -> None:
    page.evaluate("document.querySelectorAll('#content-main input[type=text]').forEach(field => { field.value = '' })")
    page.locator(".submit-row .default").click()
    page.locator(".errorlist, .errornote").first.wait_for()


def _confirmations() -> Iterator[PageCase]:
    slips = _constant(address, RatingSlip, "changelist")
    for action in actions.SLIP_ACTIONS.values():
        yield PageCase(name=f"confirm-{action.name}", address=slips, do=partial(_choose, action=action.name))
    yield PageCase(name="confirm-nothing-chosen", address=slips, do=_choose_nothing)


def _choose(page: Page, house: BusyCasino, *, action: str) -> None:
    slips = {actions.RECOVER.name: house.owed, actions.RELEASE.name: house.withheld}
    slip = slips.get(action, house.live)
    page.locator(f"input.action-select[value='{slip.pk}']").check()
    _act(page, action)
    page.locator("input[name=confirmed]").wait_for(state="attached")


def _choose_nothing(page: Page, _house: BusyCasino) -> None:
    _act(page, actions.PAUSE.name)
    page.locator(".messagelist").wait_for()


def _act(page: Page, action: str) -> None:
    page.locator(f"button[name=action][value={action}]").click()


def _own_pages() -> Iterator[PageCase]:
    slips, ledger = address(RatingSlip, "changelist"), address(LedgerEntry, "changelist")
    addresses: dict[str, Address] = {
        "home": _constant(reverse, "admin:index"),
        "lists-of-loyalty": lambda _house: reverse("admin:app_list", args=["loyalty"]),
        "slips-none": lambda _house: f"{slips}?q=nobody",
        "slips-narrowed": lambda _house: f"{slips}?owed=1&status__exact=CLOSED",
        "slip-live": lambda house: page_url(house.live),
        "slip-owed": lambda house: page_url(house.owed),
        "slip-withheld": lambda house: page_url(house.withheld),
        "slip-corrected": lambda house: page_url(house.corrected),
        "slip-void": lambda house: page_url(house.void),
        "slip-correct": lambda house: reverse("admin:ratingslips_ratingslip_correct", args=[house.owed.pk]),
        "slip-preview": lambda house: reverse("admin:ratingslips_ratingslip_preview", args=[house.live.pk]),
        "slip-open": lambda _house: reverse("admin:ratingslips_ratingslip_open"),
        "player": lambda house: page_url(house.paid.player),
        "cash": _constant(reverse, "desk:cash"),
        "player-regular": lambda house: page_url(house.regular),
        "player-new": lambda house: page_url(house.newcomer),
        "game-values": lambda house: address(GameSettings, "values", house.floor.table.game_id),
        "adjust": lambda house: address(PlayerLoyalty, "adjust", _first(PlayerLoyalty).pk),
        "reverse": lambda house: address(LedgerEntry, "reverse", house.awards[1].pk),
        "entry-reversed": lambda house: address(LedgerEntry, "change", house.awards[0].pk),
        "entry-adjusted": lambda house: address(
            LedgerEntry, "change", LedgerEntry.objects.filter(kind="ADJUSTMENT", adjusts=None).latest("pk").pk
        ),
        "entry-of-correction": lambda _house: page_url(LedgerEntry.objects.exclude(adjusts=None).earliest("pk")),
        "award": lambda house: reverse("admin:loyalty_playerloyalty_award", args=[_first(PlayerLoyalty).pk]),
        "redeem": lambda house: reverse("admin:loyalty_playerloyalty_redeem", args=[_first(PlayerLoyalty).pk]),
        "comps-by-month": lambda _house: f"{address(CompType, 'month')}?by=account",
        "comps-of-no-month": lambda _house: f"{address(CompType, 'month')}?month=never",
        "entry-of-comp": _entry_of_comp,
        "program-pause": lambda house: reverse("admin:loyalty_loyaltyprogram_pause", args=[_first(LoyaltyProgram).pk]),
        "program-resume": lambda house: reverse(
            "admin:loyalty_loyaltyprogram_resume", args=[_first(LoyaltyProgram).pk]
        ),
        "locks": _constant(address, SignInEvent, "locks"),
        "card-declare": _constant(address, StaffCard, "declare"),
        "grants-of-program": lambda house: _grants(house.floor.program),
        "grants-of-pit": lambda house: _grants(house.floor.pit),
        "grants-of-person-on-program": lambda house: _grants(house.floor.program, "user-manage", house.floor.boss.pk),
        "grants-of-role-on-program": lambda house: _grants(house.floor.program, "group-manage", 1),
        "grants-of-person": lambda house: _grants(house.floor.pit, "user-manage", house.floor.boss.pk),
        "grants-of-role": lambda house: _grants(house.floor.pit, "group-manage", 1),
        "factors": _constant(reverse, "factors:own"),
        "factor-app": _constant(reverse, "factors:add_app"),
        "factor-key": _constant(reverse, "factors:add_key"),
        "factor-rename": lambda house: reverse("factors:rename", args=[_first(SecondFactor).pk]),
        "factor-remove": lambda house: reverse("factors:remove", args=[_first(SecondFactor).pk]),
        "factor-reset": lambda house: reverse("factors:reset", args=[house.floor.boss.pk]),
        "password-change": _constant(reverse, "admin:password_change"),
        "sessions": _constant(reverse, "admin:sessions"),
        "password-changed": _constant(reverse, "admin:password_change_done"),
        "password-of-another": lambda house: reverse("admin:auth_user_password_change", args=[house.floor.boss.pk]),
        "entry-of-play": lambda house: address(LedgerEntry, "change", house.paid.ledger_entry_id),
        "ledger-narrowed": lambda _house: f"{ledger}?kind=GAMEPLAY&recovered=on",
        "ledger-none": lambda _house: f"{ledger}?kind=REVERSAL",
        "ledger-mistyped": lambda _house: f"{ledger}?first_day=x&least_points=many",
        "trace-asked": _constant(reverse, "trace:search"),
        "trace-of-nothing": lambda _house: f"{reverse('trace:search')}?q=nobody",
        "trace-by-name": lambda _house: f"{reverse('trace:search')}?q=nguyen",
        "trace-story": lambda house: reverse("trace:story", args=[house.paid.correlation_id]),
    }
    for name, where in addresses.items():
        yield PageCase(name=name, address=where)
    yield PageCase(name="comp-slip", address=_entry_of_comp, do=_print)
    yield PageCase(name="factor-codes", address=addresses["factors"], do=_make_codes)
    yield PageCase(name="slip-correct-previewed", address=addresses["slip-correct"], do=_preview_another_bet)


def _preview_another_bet(page: Page, _house: BusyCasino) -> None:
    page.get_by_label("Average bet, row 1").fill("12,345")
    page.get_by_role("button", name="Preview").click()
    page.get_by_label("From, row 4").wait_for()
    page.locator("#preview dl").wait_for()


def _entry_of_comp(_house: BusyCasino) -> str:
    return page_url(LedgerEntry.objects.get(kind=LedgerEntry.Kind.REDEMPTION))


def _print(page: Page, _house: BusyCasino) -> None:
    page.locator("form[action$='comp-slip/'] button").click()
    page.locator(".comp-slip").wait_for()


def _make_codes(page: Page, _house: BusyCasino) -> None:
    page.get_by_role("button", name="Make new recovery codes").click()
    page.locator(".codes").wait_for()


def _grants(obj: Pit | LoyaltyProgram, *further: object) -> str:
    model = type(obj)
    base = address(model, "permissions", obj.pk)
    return base + "".join(f"{part}/" for part in further)


def _floor() -> Iterator[PageCase]:
    seat = "/console/floor/seats/{table}/{number}/{query}"

    def seat_page(number: int, query: str = "") -> Address:
        return lambda house: seat.format(table=house.floor.table.pk, number=number, query=query)

    addresses: dict[str, Address] = {
        "floor": lambda house: floor_url(house.floor.pit),
        "floor-seat": seat_page(7),
        "floor-seat-found": seat_page(7, "?q=nguyen"),
        "floor-seat-nobody": seat_page(7, "?q=nobody"),
        "floor-seat-taken": seat_page(2),
        "floor-slip-live": lambda house: reverse("floor:slip", args=[house.live.pk]),
        "floor-slip-strike": lambda _house: _strike_of(MoneyRow.objects.filter(slip__status="OPEN").earliest("pk")),
        "floor-slip-closing": lambda house: reverse("floor:slip", args=[house.live.pk]) + "?chips_out=5",
        "floor-slip-paid": lambda house: reverse("floor:slip", args=[house.paid.pk]),
        "floor-slip-owed": lambda house: reverse("floor:slip", args=[house.owed.pk]),
        "floor-slip-withheld": lambda house: reverse("floor:slip", args=[house.withheld.pk]),
        "floor-slip-corrected": lambda house: reverse("floor:slip", args=[house.corrected.pk]),
        "floor-slip-void": lambda house: reverse("floor:slip", args=[house.void.pk]),
        "floor-wrong-player": lambda house: reverse("floor:wrong_player", args=[house.live.pk]),
        "floor-slip-barred": lambda _house: reverse(
            "floor:slip", args=[RatingSlip.objects.live().get(player__status="BARRED").pk]
        ),
    }
    for name, where in addresses.items():
        yield PageCase(name=name, address=where)
    yield PageCase(name="floor-slip-bet-refused", address=addresses["floor-slip-live"], do=_send_a_bet_in_words)
    # The last ones: a new slip is there afterwards.
    for name, do in (("undone", _undo), ("seat-here", _undo_and_tap_the_seat), ("still-playing", _close_and_go_on)):
        yield PageCase(name=f"floor-{name}", address=_seat_with_newcomer, do=do)


def _seat_with_newcomer(house: BusyCasino) -> str:
    return reverse("floor:seat", args=[house.floor.table.pk, 7]) + f"?q={house.newcomer.card_number}"


def _undo(page: Page, house: BusyCasino) -> None:
    _seat_newcomer(page, house)
    page.get_by_role("button", name="Undo").first.tap()
    page.locator(".messagelist .success", has_text="is undone").wait_for()


def _undo_and_tap_the_seat(page: Page, house: BusyCasino) -> None:
    _undo(page, house)
    page.locator(f"#seat-{house.floor.table.pk}-7").tap()
    page.get_by_role("button", name="Seat this player here").wait_for()


def _close_and_go_on(page: Page, house: BusyCasino) -> None:
    _seat_newcomer(page, house)
    page.locator(f"#seat-{house.floor.table.pk}-7").tap()
    page.get_by_text("Close …").tap()
    page.get_by_role("button", name="Close and post points").tap()
    page.locator(".earned").wait_for()
    page.goto(floor_url(house.floor.pit))
    page.get_by_role("button", name="Still playing").first.tap()
    page.locator(".messagelist .success", has_text="goes on with slip").wait_for()


def _seat_newcomer(page: Page, house: BusyCasino) -> None:
    page.get_by_role("button", name=house.newcomer.full_name).tap()
    page.locator(".messagelist .success").wait_for()


def _strike_of(row: MoneyRow) -> str:
    return reverse("floor:slip", args=[row.slip_id]) + f"?strike={row.pk}"


def _send_a_bet_in_words(page: Page, _house: BusyCasino) -> None:
    page.get_by_label("Average bet", exact=True).fill("much")
    page.get_by_role("button", name="Change bet").tap()
    page.locator(".errorlist").wait_for()


def _errors() -> Iterator[PageCase]:
    yield PageCase(name="not-found", address=lambda _house: "/console/floor/seats/0/0/", status=404)
    yield PageCase(name="csrf", address=_constant(reverse, "admin:password_change"), do=_send_without_token)


def _send_without_token(page: Page, _house: BusyCasino) -> None:
    page.evaluate("document.querySelectorAll('[name=csrfmiddlewaretoken]').forEach(field => field.remove())")
    page.evaluate("document.querySelector('#content-main form').noValidate = true")
    page.locator("#content-main [type=submit]").click()
    page.get_by_role("heading", name="Nothing was saved").wait_for()
