"""The pages of redemptions: the form, the entry with its comp slip, comp types, and the comps of a month."""

import csv
import io
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from guardian.shortcuts import remove_perm

from core.models import Player, ReasonCode
from core.roles import AUDITOR, PIT_SUPERVISOR
from loyalty.admin.comps_by_month import LINES_SHOWN
from loyalty.models import CompSlipPrint, CompTotal, CompType, LedgerEntry, LedgerExport, PlayerLoyalty
from loyalty.services import pause_program
from tests.console import address, html_of, inline_code_in, said, shown_in, signed_in
from tests.factories import CompTypeFactory, StaffFactory
from tests.floor import Floor, declared
from tests.loyalty.postings import award, redeem, reverse
from tests.loyalty.rows import account_of

DINNER = {"value": "12.50", "points": "", "outlet": "Steakhouse", "reason": "For the anniversary"}


@pytest.fixture
def account(floor: Floor) -> PlayerLoyalty:
    """An account with 1,000 points; a dinner is 0.05 a point."""
    player = floor.player(first_name="Ana", last_name="<b>Ruiz</b>")
    award(floor, player, points=1_000)
    CompTypeFactory.create(program=floor.program)
    return account_of(player)


def redeem_url(account: PlayerLoyalty) -> str:
    return address(PlayerLoyalty, "redeem", account.pk)


def sent(comp: CompType) -> str:
    """What the form sends for a comp type."""
    return f"{comp.pk}:{comp.point_value}"


def send(client: Client, account: PlayerLoyalty, **changed: Any) -> Any:
    form = {"comp_type": sent(CompType.objects.get(code="dinner")), "request_id": uuid4(), **DINNER}
    return client.post(redeem_url(account), form | changed)


def entry_page(client: Client, entry: LedgerEntry | int) -> Any:
    return client.get(address(LedgerEntry, "change", getattr(entry, "pk", entry)))


def print_slip(client: Client, entry: LedgerEntry, **form: Any) -> Any:
    return client.post(address(LedgerEntry, "comp_slip", entry.pk), {"request_id": uuid4()} | form)


@pytest.fixture
def dinner(floor: Floor, account: PlayerLoyalty) -> LedgerEntry:
    """A redemption of 100 points for 5.00."""
    return LedgerEntry.objects.get(pk=redeem(floor, account.player, note="<i>No</i> nuts\nplease").entry_id)


class TestForm:
    def test_leads_to_the_entry_with_its_comp_slip(self, supervisor: Client, account: PlayerLoyalty) -> None:
        answer = send(supervisor, account)

        entry = LedgerEntry.objects.latest("pk")
        assert said(answer) == ["250 points redeemed: balance 1,000 → 750. The comp slip can be printed below."]
        assert answer.url == address(LedgerEntry, "change", entry.pk)

    def test_says_what_points_are_worth(self, supervisor: Client, account: PlayerLoyalty) -> None:
        page = supervisor.get(redeem_url(account))

        assert "a point is worth 0.05, the balance 50.00" in page.content.decode()
        assert inline_code_in(page) == []

    def test_redeems_once_when_sent_twice(self, supervisor: Client, account: PlayerLoyalty) -> None:
        request_id = uuid4()
        send(supervisor, account, request_id=request_id)

        again = send(supervisor, account, request_id=request_id)

        assert "nothing was taken again" in said(again)[-1]
        assert account_of(account.player).balance == 750

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"point_value": Decimal("0.0125")}, "a point is worth 0.0125 now. Nothing was redeemed"),
            ({"is_active": False}, "No points are redeemed for “Dinner” any more"),
        ],
    )
    def test_is_refused_where_its_type_has_changed_but_replayed(
        self, supervisor: Client, account: PlayerLoyalty, changes: dict[str, Any], words: str
    ) -> None:
        form = {"comp_type": sent(CompType.objects.get()), "request_id": uuid4()}
        send(supervisor, account, **form)
        CompType.objects.update(**changes)

        again = send(supervisor, account, **form)
        page = send(supervisor, account, **form | {"request_id": uuid4()})

        assert "nothing was taken again" in said(again)[-1]
        assert words in page.context["form"].errors["comp_type"][0]
        assert account_of(account.player).balance == 750

    def test_has_a_new_id_after_a_conflict(self, supervisor: Client, account: PlayerLoyalty) -> None:
        request_id = uuid4()
        send(supervisor, account, request_id=request_id)

        page = send(supervisor, account, request_id=request_id, value="13")

        assert page.context["request_id"] != request_id
        assert "already used with a different value" in page.context["form"].non_field_errors()[0]

    @pytest.mark.parametrize(
        ("changed", "field", "words"),
        [
            ({"value": ""}, "value", "not both"),
            ({"points": "5"}, "value", "not both"),
            ({"value": "0"}, "value", "at least 0.01"),
            ({"value": "", "points": "many"}, "points", "whole number"),
            ({"outlet": "\u200b"}, "outlet", "required"),
            ({"comp_type": "0"}, "comp_type", "valid choice"),
            ({"comp_type": "1:NaN"}, "comp_type", "valid choice"),
            ({"comp_type": ""}, "comp_type", "required"),
            ({"reason": "a\u202eb and more"}, "reason", "cannot be shown"),
            ({"value": "50.01"}, "__all__", "1 point is missing"),
            ({"request_id": ""}, "__all__", "could not be recognised"),
        ],
    )
    def test_says_beside_the_field_what_is_wrong(
        self, supervisor: Client, account: PlayerLoyalty, changed: dict[str, str], field: str, words: str
    ) -> None:
        page = send(supervisor, account, **changed)

        assert words in page.context["form"].errors[field][0]
        assert account_of(account.player).balance == 1_000

    @pytest.mark.parametrize("which", ["another casino's", "inactive"])
    def test_offers_only_active_types_of_the_casino(
        self, supervisor: Client, floor: Floor, account: PlayerLoyalty, which: str
    ) -> None:
        elsewhere = {"program": floor.program, "is_active": False} if which == "inactive" else {}
        program = Floor.build().program if not elsewhere else floor.program
        comp = CompTypeFactory.create(**{"program": program, "code": "spa", "label": "Spa"} | elsewhere)

        page = send(supervisor, account, comp_type=sent(comp))

        assert page.context["form"].errors
        assert account_of(account.player).balance == 1_000
        assert "Spa" not in supervisor.get(redeem_url(account)).content.decode()

    def test_leads_back_where_there_is_nothing_to_redeem_for(self, supervisor: Client, account: PlayerLoyalty) -> None:
        CompType.objects.update(is_active=False)

        answer: Any = supervisor.get(redeem_url(account))

        assert answer.url == address(PlayerLoyalty, "change", account.pk)
        assert "Staff who hold “Can add comp type” or “Can change comp type”" in said(answer)[0]

    @pytest.mark.parametrize("because", ["not permitted", "own account", "barred", "paused"])
    def test_is_refused_in_a_sentence(
        self, supervisor: Client, floor: Floor, account: PlayerLoyalty, because: str
    ) -> None:
        if because == "not permitted":
            remove_perm("loyalty.redeem", floor.supervisor, floor.program)
        elif because == "own account":
            declared(floor.supervisor, account.player)
        elif because == "barred":
            Player.objects.update(status="BARRED")
        else:
            pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Month-end freeze")

        page = send(supervisor, account)

        assert page.context["form"].non_field_errors()
        assert account_of(account.player).balance == 1_000

    @pytest.mark.parametrize("status", ["ACTIVE", "BARRED"])
    def test_is_offered_for_active_players(self, supervisor: Client, account: PlayerLoyalty, status: str) -> None:
        Player.objects.update(status=status)

        pages = [
            supervisor.get(f"/console/players/{account.player_id}/"),
            supervisor.get(address(PlayerLoyalty, "change", account.pk)),
        ]

        assert [redeem_url(account) in page.content.decode() for page in pages] == [status == "ACTIVE"] * 2


class TestEntry:
    def test_says_what_the_comp_was_and_how_it_was_counted(self, supervisor: Client, dinner: LedgerEntry) -> None:
        page = entry_page(supervisor, dinner).content.decode()

        assert "Steakhouse" in page
        assert "&lt;i&gt;No&lt;/i&gt; nuts<br>please" in page
        assert "Print the comp slip" in page
        assert "5.00</span> ÷ 0.05" in page

    def test_writes_points_out_as_a_product(self, supervisor: Client, floor: Floor, account: PlayerLoyalty) -> None:
        entry = redeem(floor, account.player, points=7)

        assert "× 0.05 = 0.35 →" in entry_page(supervisor, entry.entry_id).content.decode()

    def test_lists_prints_and_offers_a_copy(self, supervisor: Client, dinner: LedgerEntry) -> None:
        print_slip(supervisor, dinner)
        print_slip(supervisor, dinner)

        page = entry_page(supervisor, dinner)

        assert [row[0] for row in shown_in(page)][:2] == ["Comp slip", "Copy 1"]
        assert "Print a copy" in page.content.decode()

    def test_offers_no_print_once_reversed(self, supervisor: Client, floor: Floor, dinner: LedgerEntry) -> None:
        reverse(floor, dinner)

        page = entry_page(supervisor, dinner).content.decode()

        assert "the comp slip is not printed any more" in page
        assert "comp-slip/" not in page

    def test_offers_no_print_to_who_may_not_redeem(self, floor: Floor, dinner: LedgerEntry) -> None:
        page = entry_page(signed_in(floor.boss, PIT_SUPERVISOR), dinner).content.decode()

        assert "Steakhouse" in page
        assert "comp-slip/" not in page


class TestCompSlip:
    def test_has_what_an_outlet_needs(self, supervisor: Client, dinner: LedgerEntry) -> None:
        page = print_slip(supervisor, dinner)

        text = page.content.decode()
        for words in (f"Comp slip {dinner.pk}", "5.00", "Dinner", "Steakhouse", "Ana &lt;b&gt;Ruiz&lt;/b&gt;"):
            assert words in text
        assert "COPY" not in text
        assert "no-store" in page["Cache-Control"]
        assert inline_code_in(page) == []

    def test_says_copy_the_second_time(self, supervisor: Client, dinner: LedgerEntry) -> None:
        print_slip(supervisor, dinner)

        assert "<strong>COPY</strong> 1" in print_slip(supervisor, dinner).content.decode()

    def test_is_the_same_print_when_sent_again(self, supervisor: Client, dinner: LedgerEntry) -> None:
        request_id = uuid4()
        print_slip(supervisor, dinner, request_id=request_id)

        assert "COPY" not in print_slip(supervisor, dinner, request_id=request_id).content.decode()
        assert CompSlipPrint.objects.count() == 1

    @pytest.mark.parametrize("form", [{"request_id": ""}, {"request_id": "x"}])
    def test_is_not_printed_without_an_id(self, supervisor: Client, dinner: LedgerEntry, form: dict[str, str]) -> None:
        answer = print_slip(supervisor, dinner, **form)

        assert said(answer) == ["This form could not be recognised, so nothing was printed. Send it again."]
        assert not CompSlipPrint.objects.exists()

    def test_is_not_printed_once_reversed(self, supervisor: Client, floor: Floor, dinner: LedgerEntry) -> None:
        reversal = reverse(floor, dinner)

        answer = print_slip(supervisor, dinner)

        assert said(answer) == [f"This redemption was reversed by entry #{reversal.entry_id}: its slip is not printed."]

    def test_is_of_redemptions_alone(self, supervisor: Client, dinner: LedgerEntry) -> None:
        assert print_slip(supervisor, LedgerEntry.objects.earliest("pk")).status_code == 404


@pytest.fixture
def root(floor: Floor) -> Client:
    """The browser of a superuser of the casino."""
    return signed_in(StaffFactory.create(casino=floor.casino, is_superuser=True))


class TestCompTypes:
    FORM = {"code": "spa", "label": "Spa", "point_value": "0.0250", "is_active": "on"}

    def _send(self, root: Client, floor: Floor, **changed: str) -> Any:
        form = self.FORM | {"program": str(floor.program.pk), "request_id": str(uuid4())} | changed
        return root.post(address(CompType, "add"), form)

    def test_are_added_and_offered_at_once(self, root: Client, floor: Floor, account: PlayerLoyalty) -> None:
        self._send(root, floor)

        comp = CompType.objects.get(code="spa")
        assert redeem(floor, account.player, comp_type=comp, value=Decimal("1.00")).points == -40

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"point_value": "0"}, "must be above 0"),
            ({"code": "dinner"}, "has this code already"),
            ({"point_value": "0.00001"}, "more than four decimals"),
            ({"label": " "}, "required"),
        ],
    )
    @pytest.mark.usefixtures("account")
    def test_say_what_is_wrong(self, root: Client, floor: Floor, changed: dict[str, str], words: str) -> None:
        page = self._send(root, floor, **changed)

        assert words in str(page.context["errors"])

    def test_keep_their_code(self, root: Client, floor: Floor) -> None:
        comp = CompTypeFactory.create(program=floor.program)

        page = root.get(address(CompType, "change", comp.pk))

        assert list(page.context["adminform"].form.fields) == ["label", "point_value", "is_active"]

    def test_are_read_in_the_words_of_their_lists(self, supervisor: Client, floor: Floor) -> None:
        comp = CompTypeFactory.create(program=floor.program)
        code = ReasonCode.objects.create(
            casino=floor.casino, code="WRONG", label="Wrong points", operations=["adjust", "reverse"]
        )

        pages = [html_of(supervisor.get(address(type(one), "change", one.pk))) for one in (comp, code)]

        assert ">0.05<" in pages[0]
        assert "Adjust points, Reverse an entry" in pages[1]
        assert all("Active</span>" in page for page in pages)


def month(client: Client, query: str = "") -> Any:
    return client.get(address(CompType, "month") + query)


class TestCompsOfAMonth:
    @pytest.fixture(autouse=True)
    def _redeemed(self, floor: Floor, account: PlayerLoyalty) -> None:
        """Two dinners and a room that stay, one dinner that was reversed, and one of two months ago."""
        room = CompTypeFactory.create(program=floor.program, code="room", label="Room", point_value=Decimal(1))
        for _ in range(2):
            redeem(floor, account.player)
        redeem(floor, account.player, comp_type=room, points=30)
        reverse(floor, redeem(floor, account.player).entry_id)
        redeem(floor, account.player, at=floor.ago(days=62))

    @pytest.mark.parametrize("by", ["staff", "account"])
    def test_are_summed_by_type_and_person(self, supervisor: Client, floor: Floor, by: str) -> None:
        page = month(supervisor, f"?by={by}")

        groups = page.context["groups"]
        assert [(group.comp.label, group.month_total.redemptions, group.month_total.points) for group in groups] == [
            ("Room", 1, 30),
            ("Dinner", 2, 200),
        ]
        assert [(group.month_total.value, group.month_total.reversed) for group in groups] == [
            (Decimal(30), 0),
            (Decimal("10.00"), 1),
        ]
        assert "with lines of other pages" not in page.text
        who = floor.supervisor.display_name if by == "staff" else "<b>Ruiz</b>, Ana"
        assert groups[0].lines[0].person == who
        assert "<b>Ruiz" not in page.content.decode()

    def test_lead_to_their_entries(self, supervisor: Client) -> None:
        line = month(supervisor).context["groups"][1].lines[0]

        assert len(shown_in(supervisor.get(line.ledger_url))) == 3

    def test_of_another_casino_are_not_among_them(self, floor: Floor) -> None:
        other = Floor.build()

        assert month(signed_in(other.supervisor, PIT_SUPERVISOR)).context["groups"] == []

    def test_of_all_casinos_are_told_apart(self, floor: Floor) -> None:
        other = Floor.build()
        award(other, elsewhere := other.player())
        redeem(other, elsewhere)
        root = signed_in(StaffFactory.create(casino=None, is_superuser=True))
        today = floor.casino.gaming_day_at(floor.now)

        page = month(root, f"?month={today:%Y-%m}")

        assert str(other.program) in page.content.decode()
        rows = csv.DictReader(io.StringIO(root.post(page.context["export_url"]).content.decode("utf-8-sig")))
        assert {row["Casino"] for row in rows} == {floor.casino.code, other.casino.code}

    @pytest.mark.parametrize("query", ["?month=2026-13", "?month=0001-01", "?month=9999-12", "?by=nobody"])
    def test_of_no_month_are_refused(self, supervisor: Client, query: str) -> None:
        page = month(supervisor, query)

        assert page.context["form"].errors
        assert not page.context["groups"]

    def test_are_shown_page_by_page(self, supervisor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(LINES_SHOWN, CompTotal.By.STAFF, 1)

        first = month(supervisor, "?by=staff")
        second = month(supervisor, first.context["links"]["older"])
        back = month(supervisor, second.context["links"]["newer"])

        shown = [[group.comp.label for group in page.context["groups"]] for page in (first, second, back)]
        assert shown[:2] == [["Room"], ["Dinner"]]
        assert shown[2] == shown[0]
        assert set(first.context["links"]) == {"older", "oldest"}
        assert set(second.context["links"]) == {"newer", "newest"}

    def test_keep_their_total_where_their_lines_are_on_two_pages(
        self, supervisor: Client, floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = floor.player()
        award(floor, other)
        redeem(floor, other)
        monkeypatch.setitem(LINES_SHOWN, CompTotal.By.ACCOUNT, 1)

        pages = [month(supervisor, "?by=account")]
        while older := pages[-1].context["links"].get("older"):
            pages.append(month(supervisor, older))

        lines = [
            (group.comp.label, group.lines[0].figures.points, group.month_total.points)
            for page in pages
            for group in page.context["groups"]
        ]
        assert lines == [("Room", 30, 30), ("Dinner", 200, 300), ("Dinner", 100, 300)]
        assert ["with lines of other pages" in page.text for page in pages] == [False, True, True]

    def test_are_exported_as_they_are_shown(self, floor: Floor) -> None:
        auditor = signed_in(StaffFactory.create(casino=floor.casino), AUDITOR)

        answer = auditor.post(month(auditor, "?by=account").context["export_url"])

        rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
        assert [(row["Comp type"], row["Redemptions"], row["Value"]) for row in rows] == [
            ("room", "1", "30.00"),
            ("dinner", "2", "10.00"),
        ]
        assert LedgerExport.objects.get().rows == 2

    def test_are_narrowed_in_the_ledger(self, supervisor: Client, account: PlayerLoyalty) -> None:
        room = CompType.objects.get(code="room")

        page = supervisor.get(address(LedgerEntry, "changelist"), {"comp_type": room.pk})
        of_account = supervisor.get(page.request["PATH_INFO"], {"comp_type": room.pk, "account": account.pk})

        assert len(shown_in(page)) == len(shown_in(of_account)) == 1
        assert page.context["words"] == ["redeemed for Room"]
