"""The pages of the change log: who sees which changes, in which words, and what an export holds."""

import csv
import io
import uuid
from datetime import timedelta
from html import unescape
from re import sub
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from core import correlation
from core.console import scope
from core.keyset import PAGE_ROWS, oldest_cursor, page_of
from core.models import Change, Player, User
from core.origins import record_request
from core.roles import AUDITOR, LOYALTY_SUPERVISOR, PIT_BOSS, PIT_SUPERVISOR
from core.transactions import operation
from loyalty.models import LedgerEntry, LedgerExport
from loyalty.services import manual_reward
from ratingslips.admin.changes.filters import LOOKED_AT
from ratingslips.models import GamingTable, Pit
from tests.console import address, said, signed_in
from tests.factories import PitFactory, PlayerFactory, StaffFactory, TableFactory
from tests.floor import Floor, give_rights

LIST = address(Change, "changelist")


@pytest.fixture
def auditor(floor: Floor) -> Client:
    """The auditor's browser."""
    return signed_in(StaffFactory.create(casino=floor.casino, username="auditor"), AUDITOR)


def _lines(page: Any) -> list[str]:
    """The lines of the table of a page, as text."""
    body = page.content.decode().partition("<tbody>")[2].partition("</tbody>")[0]
    return [" ".join(unescape(sub(r"<[^>]*>", " ", line)).split()) for line in body.split("<tr>")[1:]]


def _listed(client: Client, **filters: object) -> list[str]:
    page = client.get(f"{LIST}?{urlencode(filters)}")
    assert page.status_code == 200
    return _lines(page)


def _barred(floor: Floor, **names: str) -> Player:
    """A player whom the boss barred."""
    player = floor.player(**names)
    with operation("tests.bar", actor_id=floor.boss.pk):
        Player.objects.filter(pk=player.pk).update(status="BARRED")
    return player


class TestWords:
    def test_name_the_row_the_values_and_the_author(self, floor: Floor, auditor: Client) -> None:
        User.objects.filter(pk=floor.boss.pk).update(first_name="Dana", last_name="Whitfield")
        _barred(floor, first_name="Ana", last_name="Lopez", card_number="A-1")

        line = _listed(auditor)[0]

        assert line.endswith(
            f"Player Ana Lopez (A-1) Changed Status: Active → Barred Dana Whitfield ({floor.boss.username})"
        )

    def test_of_permissions_name_person_place_and_permission(self, floor: Floor, auditor: Client) -> None:
        floor.boss.groups.add(Group.objects.get(name=PIT_BOSS))
        give_rights((floor.boss, floor.pit, ["recover_loyalty"]))

        lines = _listed(auditor, of=f"core_user:{floor.boss.pk}")

        assert f"Permission granted to staff {floor.boss.username} , {floor.pit} Added Permission: Can pay" in lines[0]
        assert f"Role of staff {floor.boss.username} , Pit boss Added no person (database role" in lines[1]

    def test_do_not_hold_a_password(self, floor: Floor, auditor: Client) -> None:
        floor.boss.set_password("a-long-shift-on-the-floor")
        floor.boss.save(update_fields=["password"])

        assert "Password: a new one, which is not kept" in _listed(auditor)[0]

    def test_are_escaped_and_whole_for_rows_that_are_gone(self, floor: Floor, auditor: Client) -> None:
        host = Group.objects.create(name="<b>Hosts")
        host.delete()

        page = auditor.get(f"{LIST}?what=auth_group").content.decode()

        assert page.count("&lt;b&gt;Hosts") == 4
        assert "<b>Hosts" not in page


class TestManyChanges:
    def test_by_somebody_are_passed_over_to_a_limit(self, floor: Floor) -> None:
        root = signed_in(StaffFactory.create(casino=None, is_superuser=True))
        Pit.objects.filter(pk=floor.pit.pk).update(name="By nobody")
        with operation("tests.rename", actor_id=floor.boss.pk):
            for number in range(LOOKED_AT):
                Pit.objects.filter(pk=floor.pit.pk).update(name=f"Pit {number}")

        page = root.get(f"{LIST}?who=nobody")

        assert _lines(page) == []
        assert "Older" in page.text


class TestFilters:
    def test_find_by_kind_person_player_author_and_day(self, floor: Floor, auditor: Client) -> None:
        player = _barred(floor, first_name="Ana", last_name="Lopez")
        today = timezone.localdate(timezone=floor.casino.zone)
        yesterday, tomorrow = today - timedelta(days=1), today + timedelta(days=1)

        filters: dict[str, dict[str, object]] = {
            "kind": {"what": "core_player"},
            "player": {"whom": "lopez ana"},
            "card": {"whom": player.card_number},
            "author": {"who": floor.boss.pk},
            "author and kind": {"who": floor.boss.pk, "what": "ratingslips_pit"},
            "row": {"of": f"core_player:{player.pk}"},
            "today": {"what": "core_player", "first_day": today, "last_day": today},
            "before": {"what": "core_player", "last_day": yesterday},
            "after": {"what": "core_player", "first_day": tomorrow},
            "nobody": {"who": "nobody", "what": "core_player"},
            "staff": {"whom": floor.boss.username, "what": "core_user"},
        }
        found = {name: len(_listed(auditor, **given)) for name, given in filters.items()}

        assert found == {
            "kind": 2, "player": 2, "card": 2, "author": 1, "author and kind": 0, "row": 2,
            "today": 2, "before": 0, "after": 0, "nobody": 1, "staff": 1,
        }  # fmt: skip

    @pytest.mark.parametrize(
        "query",
        ["what=core_lease", "who=x", "of=a:b", "first_day=x", "first_day=2026-12-02&last_day=2026-12-01"],
    )
    def test_say_what_cannot_be_asked(self, auditor: Client, query: str) -> None:
        page = auditor.get(f"{LIST}?{query}")

        assert "Nothing is shown: look at what is marked above." in page.content.decode()

    def test_lead_through_all_pages_and_back(self, floor: Floor, auditor: Client) -> None:
        for _ in range(45):
            floor.player()
        pages = [auditor.get(f"{LIST}?what=core_player")]
        while older := pages[-1].context["links"].get("older"):
            pages.append(auditor.get(LIST + older))
        back = auditor.get(LIST + pages[-1].context["links"]["newer"])

        assert [len(_lines(page)) for page in pages] == [16, 16, 13]
        assert len({line for page in pages for line in _lines(page)}) == 45
        assert _lines(back) == _lines(pages[1])


class TestChangesOfOneRow:
    def test_are_on_its_pages_wherever_they_name_it(self, floor: Floor) -> None:
        there, tables = PitFactory.create(casino=floor.casino), [floor.table]
        tables += TableFactory.create_batch(2, casino=floor.casino, pit=floor.pit, game=floor.table.game)
        for turn in range(12):
            for table in tables:
                GamingTable.objects.filter(pk=table.pk).update(minimum_bet=turn + 1)
            tables[0].pit = floor.pit if turn % 2 else there
            tables[0].save(update_fields=["pit"])
            Pit.objects.filter(pk=floor.pit.pk).update(name=f"Pit {turn}")
        row = f"ratingslips_pit:{floor.pit.pk}"
        known = list(Change.objects.filter(concerns__contains=[row]).order_by("-id").values_list("id", flat=True))

        order, before, found = scope.SORTED_BY_TIME, "", []
        while True:
            page = page_of(Change.objects.all(), order=order, before=before, window=scope.window_of_concerned([row]))
            found += [change.pk for change in page.rows]
            if not (before := page.older):
                break
        back = page_of(
            Change.objects.all(), order=order, after=oldest_cursor(order), window=scope.window_of_concerned([row])
        )

        assert found == known
        assert [change.pk for change in back.rows] == known[-PAGE_ROWS:]
        assert len(known) > scope.CONCERNED_LOOKED_AT

    def test_are_looked_at_to_a_limit(self, floor: Floor, auditor: Client) -> None:
        for turn in range(scope.CONCERNED_LOOKED_AT):
            Pit.objects.filter(pk=floor.pit.pk).update(name=f"Pit {turn}")

        page = auditor.get(f"{LIST}?of=ratingslips_pit:{floor.pit.pk}&what=core_player").context["page"]

        assert (page.rows, page.looked_at) == ([], scope.CONCERNED_LOOKED_AT)
        assert page.older


class TestAuthorBeyondThoseOffered:
    @pytest.mark.parametrize(("model", "filter_"), [(Change, "who"), (LedgerEntry, "staff")])
    def test_is_chosen_on_the_page_of_the_person(
        self, floor: Floor, auditor: Client, monkeypatch: pytest.MonkeyPatch, model: type[Model], filter_: str
    ) -> None:
        monkeypatch.setattr(scope, "AUTHORS_OFFERED", 1)
        manual_reward(player=floor.player(), points=5, reason="For the wait", actor=floor.supervisor, at=floor.now)
        with operation("tests.rename", actor_id=floor.supervisor.pk):
            Pit.objects.filter(pk=floor.pit.pk).update(name="High Limit")
        url = f"{address(model, 'changelist')}?{filter_}="

        assert f"{url}{floor.supervisor.pk}" in auditor.get(address(User, "change", floor.supervisor.pk)).text
        assert len(_lines(auditor.get(f"{url}{floor.supervisor.pk}"))) == 1
        assert "Nothing is shown" in auditor.get(f"{url}{StaffFactory.create().pk}").text


class TestWhoSees:
    def test_is_the_casino_of_the_row_and_what_all_share(self, floor: Floor, auditor: Client) -> None:
        elsewhere = PlayerFactory.create(last_name="Elsewhere")
        everywhere = StaffFactory.create(casino=None, is_superuser=True, username="everywhere")
        Group.objects.create(name="Hosts").permissions.add(Permission.objects.earliest("pk"))

        own, roles = _listed(auditor), _listed(auditor, what="auth_group")
        all_seen = _listed(signed_in(everywhere))

        assert not [line for line in own if "Elsewhere" in line or "everywhere" in line or "Hosts" in line]
        assert "Hosts" in roles[0]
        assert [line for line in all_seen if "Elsewhere" in line]
        for url in (f"{LIST}?of=core_player:{elsewhere.pk}", f"{LIST}?whom=elsewhere", f"{LIST}?who={everywhere.pk}"):
            assert "Elsewhere" not in "".join(_lines(auditor.get(url)))

    def test_is_the_auditor_for_staff_of_all_casinos(self, floor: Floor, auditor: Client) -> None:
        root = StaffFactory.create(casino=None, is_superuser=True, username="everywhere")
        with correlation.bound(uuid.uuid4()) as given:
            for path in ("/made/", "/refused/"):
                record_request(actor=root, method="POST", path=path, client_address=None)
            with operation("tests.rename", actor_id=root.pk):
                User.objects.filter(pk=root.pk).update(first_name="Ruth")
                Pit.objects.filter(pk=floor.pit.pk).update(name="High Limit")

        assert "High Limit" in _listed(auditor, who=root.pk)[0]
        assert "First name: – → Ruth" in _listed(auditor, of_no_casino="on")[0]
        assert "Ruth" in _listed(auditor, of_no_casino="on", what="core_user")[0]
        assert "Ruth" in _listed(auditor, of_no_casino="on", who=root.pk)[0]
        assert "Ruth" in _listed(auditor, whom="everywhere")[0]
        trace = auditor.get(f"/console/trace/{given}/").text
        assert [word in trace for word in ("Ruth", "High Limit", "/made/", "/refused/")] == [True] * 4
        supervisor = signed_in(StaffFactory.create(casino=floor.casino), LOYALTY_SUPERVISOR)
        assert _listed(supervisor, of_no_casino="on") == []

    def test_is_nobody_without_the_permission(self, floor: Floor) -> None:
        boss = signed_in(floor.boss, PIT_BOSS)

        assert boss.get(LIST).status_code == 403
        assert "change log" not in boss.get(address(Pit, "history", floor.pit.pk)).content.decode()


class TestHistory:
    def test_of_a_row_shows_its_changes_and_permissions(self, floor: Floor, auditor: Client) -> None:
        Pit.objects.filter(pk=floor.pit.pk).update(name="High Limit")

        page = auditor.get(address(Pit, "history", floor.pit.pk))

        lines = _lines(page)
        assert "Changed Name: " in lines[0]
        assert "→ High Limit" in lines[0]
        assert [line for line in lines if "Permission granted to staff" in line]
        assert f"{LIST}?of=ratingslips_pit:{floor.pit.pk}" in page.content.decode()

    def test_of_casino_and_role_shows_that_a_second_factor_is_needed(self, floor: Floor, auditor: Client) -> None:
        role = Group.objects.get(name=PIT_BOSS)
        floor.casino.second_factor_roles.add(role)

        pages = [auditor.get(address(type(row), "history", row.pk)) for row in (floor.casino, role)]

        assert ["Second factor required of a role" in _lines(page)[0] for page in pages] == [True, True]


class TestChangesOfStaff:
    def test_are_hidden_from_who_may_not_view_staff(self, floor: Floor, auditor: Client) -> None:
        supervisor = signed_in(StaffFactory.create(casino=floor.casino), LOYALTY_SUPERVISOR, PIT_SUPERVISOR)
        with correlation.bound(uuid.uuid4()) as given:
            User.objects.filter(pk=floor.boss.pk).update(email="dana@example.com")
            floor.boss.groups.add(Group.objects.get(name=PIT_BOSS))
            _barred(floor, last_name="Lopez")
        change = Change.objects.filter(table_name="core_user", correlation_id=given).latest("pk")
        addresses = [
            *(f"{LIST}?{urlencode(asked)}" for asked in ({}, {"who": floor.boss.pk}, {"whom": floor.boss.username})),
            f"{LIST}?of=core_user:{floor.boss.pk}",
            address(Change, "change", change.pk),
            address(Pit, "history", floor.pit.pk),
            f"/console/trace/{given}/",
        ]

        seen = {
            who: "".join(client.get(one, follow=True).content.decode() for one in addresses)
            for who, client in (("auditor", auditor), ("supervisor", supervisor))
        }

        words = ("dana@example.com", "Role of staff", "Permission granted to staff")
        assert [word in seen["auditor"] for word in words] == [True] * 3
        assert [word in seen["supervisor"] for word in words] == [False] * 3
        assert "Lopez" in seen["supervisor"]


class TestTrace:
    def test_holds_the_changes_of_the_request(self, floor: Floor, auditor: Client) -> None:
        with correlation.bound(uuid.uuid4()) as given:
            _barred(floor, last_name="Lopez")

        change = Change.objects.filter(correlation_id=given).latest("pk")
        entry = auditor.get(address(Change, "change", change.pk)).content.decode()
        trace = auditor.get(f"/console/trace/{given}/").content.decode()

        assert f"/console/trace/{given}/" in entry
        assert "Changed; Status: Active → Barred" in trace


@pytest.mark.django_db(transaction=True)
class TestExport:
    def test_holds_what_is_shown_and_leaves_a_trace(self, floor: Floor, auditor: Client) -> None:
        _barred(floor, first_name="=1+1", last_name="Nguyễn", card_number="A-1")

        answer = auditor.post(address(Change, "export") + "?what=core_player&whom=A-1")
        assert answer.status_code == 200, said(answer)
        text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
        [changed, added] = csv.DictReader(io.StringIO(text))

        assert (changed["What"], changed["Change"]) == ("Player", "Changed; Status: Active → Barred")
        assert (changed["Before"], changed["After"]) == ('{"status": "ACTIVE"}', '{"status": "BARRED"}')
        assert changed["Database role"] == connection.settings_dict["USER"]
        assert "=1+1" in added["After"]
        export = LedgerExport.objects.get()
        assert (export.what, export.rows, export.is_whole) == (LedgerExport.What.CHANGES, 2, True)
        assert export.filters == {"whom": "A-1", "what": "core_player"}
