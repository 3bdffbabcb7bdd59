"""Cards of staff are declared by somebody else, and players with the name of a member of staff are noticed."""

import re
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from core.cards.models import Namesake, StaffCard
from core.cards.services import (
    CardOfOtherStaff,
    NamesakeDecided,
    SomebodyElseMustDecide,
    decide_namesake,
    declare_card,
    withdraw_card,
)
from core.changes.author import acting
from core.errors import NotFound
from core.models import Player, User
from core.permissions import NotPermitted
from core.roles import AUDITOR, LOYALTY_SUPERVISOR, PIT_SUPERVISOR
from ratingslips.admin.home.namesakes import NAMESAKES_SHOWN
from tests.concurrency import Elsewhere, held_before_commit, in_turn
from tests.console import address, carry_out, html_of, said, send_form, signed_in
from tests.constraints import refused_by_trigger
from tests.factories import CasinoFactory, StaffFactory
from tests.floor import Floor, declared
from tests.loyalty.test_concurrency import without_locks
from tests.refusals import refused
from tests.tampering import without_triggers

OF_ALL = import_module("core.migrations.0019_cards_of_staff").OF_ALL
OWN, OTHER = Namesake.Decision.OWN_CARD, Namesake.Decision.OTHER_PERSON


def _named(floor: Floor, first: str = "Dana", last: str = "Whitfield", **fields: Any) -> User:
    return StaffFactory.create(**({"casino": floor.casino, "first_name": first, "last_name": last} | fields))


def _supervisor(floor: Floor, **fields: Any) -> User:
    supervisor = StaffFactory.create(**({"casino": floor.casino} | fields))
    supervisor.groups.add(Group.objects.get(name=PIT_SUPERVISOR))
    return supervisor


def _give_name(pair: Namesake, first: str, *, by: User) -> None:
    with acting(by.pk):
        Player.objects.filter(pk=pair.player_id).update(first_name=first)


@pytest.fixture
def pair(floor: Floor) -> Namesake:
    """A player who was enrolled with the name of a member of staff."""
    staff = _named(floor)
    floor.player(first_name="Dana", last_name="Whitfield")
    return Namesake.objects.get(staff=staff)


@pytest.mark.django_db
class TestNoticing:
    @pytest.mark.parametrize(
        ("of_staff", "of_player", "is_noticed"),
        [
            (("Dana", "Whitfield"), ("DANA", "whitfield"), True),
            (("José", "Nguyễn"), ("Jose", "Nguyen"), True),
            (("Jürgen", "Müller"), ("Juergen", "Mueller"), True),
            (("Jurgen", "Muller"), ("Jürgen", "Müller"), True),
            (("Jean-Paul", "O’Neil"), ("Jean Paul", "ONeil"), True),
            (("Maria", "De La Cruz"), ("Maria", "Delacruz"), True),
            (("Dana", "Whitfield"), ("Whitfield", "Dana"), True),
            (("Dana", "Whitfield"), ("Da\u00adna", "Whit\u200bfield"), True),
            (("李", "明"), ("李", "明"), True),
            (("Ｄａｎａ", "Ｗｈｉｔｆｉｅｌｄ"), ("Dana", "Whitfield"), True),
            (("Dana", "Whitfield"), ("Da\u061cna", "Whit\u115ffield"), True),
            (("Dana", "Whitfield"), ("Dana\u3164", "Whit\U000e0020field\u2800"), True),
            (("Dana", "Whitfield"), ("Da\u20d2na", "Whitfie\u1ab0ld"), True),
            (("محمد", "علي"), ("محـمد", "علي"), True),
            (("Jürgen", "Müller"), ("Jurgen", "Mueller"), True),
            (("Jürgen", "Mueller"), ("Juergen", "Müller"), True),
            (("Zoë", "Müller-Lüdenscheidt"), ("Zoe", "Muller Luedenscheidt"), True),
            (("Åse", "Øye"), ("Aase", "Oeye"), True),
            (("Δημήτρης", "Παπαδόπουλος"), ("ΔΗΜΗΤΡΗΣ", "ΠΑΠΑΔΟΠΟΥΛΟΣ"), True),
            (("Dana", "Whitfield"), ("Dana", "Whitfields"), False),
            (("Ana", "Lee"), ("Anastasia", "Leeds"), False),
            (("", "Whitfield"), ("", "Whitfield"), False),
            (("-", "Whitfield"), ("·", "Whitfield"), False),
        ],
    )
    @pytest.mark.parametrize("staff_first", [True, False])
    def test_compares_names_as_the_search_does(
        self, floor: Floor, of_staff: tuple[str, str], of_player: tuple[str, str], is_noticed: bool, staff_first: bool
    ) -> None:
        add: list[Callable[[], object]] = [
            lambda: _named(floor, *of_staff),
            lambda: floor.player(first_name=of_player[0], last_name=of_player[1]),
        ]

        for each in add if staff_first else reversed(add):
            each()

        assert Namesake.objects.exists() is is_noticed

    def test_includes_names_that_change_later_by_any_statement(self, floor: Floor) -> None:
        player, staff = floor.player(first_name="Ana", last_name="Sokolova"), _named(floor)

        Player.objects.filter(pk=player.pk).update(first_name="Dana", last_name="Whitfield")
        User.objects.filter(pk=staff.pk).update(first_name="Ruth")
        Player.objects.filter(pk=player.pk).update(first_name="Ruth")

        assert [pair.names for pair in Namesake.objects.order_by("pk")] == [
            "whitfield, dana = whitfield, dana",
            "whitfield, ruth = whitfield, ruth",
        ]

    def test_is_once_for_the_same_names(self, floor: Floor, pair: Namesake) -> None:
        decide_namesake(namesake=pair, decision=OTHER, actor=_supervisor(floor), at=floor.now)

        for status in ("BARRED", "ACTIVE"):
            Player.objects.filter(pk=pair.player_id).update(status=status)
        for name in ("Anna", "Dana"):
            User.objects.filter(pk=pair.staff_id).update(first_name=name)

        assert not Namesake.objects.filter(decision="").exists()

    def test_looks_at_the_casino_and_at_staff_of_all_casinos(self, floor: Floor) -> None:
        _named(floor, casino=CasinoFactory.create())
        everywhere = _named(floor, casino=None, is_superuser=True)

        floor.player(first_name="Dana", last_name="Whitfield")

        assert [pair.staff for pair in Namesake.objects.all()] == [everywhere]

    def test_leaves_out_a_declared_card(self, floor: Floor) -> None:
        staff, player = _named(floor), floor.player(first_name="D.", last_name="Whitfield")
        declared(staff, player)

        Player.objects.filter(pk=player.pk).update(first_name="Dana")

        assert not Namesake.objects.exists()


@pytest.mark.django_db
class TestDecision:
    def test_links_or_dismisses_and_is_repeated_without_effect(self, floor: Floor, pair: Namesake) -> None:
        first, second = _supervisor(floor), _supervisor(floor)

        done = [
            decide_namesake(namesake=pair, decision=OWN, actor=actor, at=floor.now) for actor in (first, first, second)
        ]

        assert {each.decided_by for each in done} == {first}
        assert StaffCard.objects.get().player == pair.player
        with refused(NamesakeDecided, "has decided already"):
            decide_namesake(namesake=pair, decision=OTHER, actor=second, at=floor.now)

    def test_follows_from_declaring_the_card(self, floor: Floor, pair: Namesake) -> None:
        declare_card(player=pair.player, staff=pair.staff, actor=_supervisor(floor), at=floor.now)

        pair.refresh_from_db()
        assert pair.decision == OWN

    @pytest.mark.parametrize("decision", [OWN, OTHER])
    def test_is_somebody_elses(self, floor: Floor, pair: Namesake, decision: Namesake.Decision) -> None:
        enrolled_by = _supervisor(floor)
        _give_name(pair, "Donna", by=enrolled_by)
        _give_name(pair, "Dana", by=_supervisor(floor))
        of_the_same_name = _supervisor(floor, first_name="dana", last_name="whitfield")
        Group.objects.get(name=PIT_SUPERVISOR).user_set.add(pair.staff)

        for actor in (pair.staff, enrolled_by, of_the_same_name):
            with refused(SomebodyElseMustDecide):
                decide_namesake(namesake=pair, decision=decision, actor=actor, at=floor.now)
        with refused(NotPermitted):
            decide_namesake(namesake=pair, decision=decision, actor=floor.boss, at=floor.now)

    def test_remains_to_be_made_after_the_player_is_renamed(self, floor: Floor, pair: Namesake) -> None:
        Player.objects.filter(pk=pair.player_id).update(first_name="Diana")
        named_by, other = _supervisor(floor), _supervisor(floor)
        _give_name(pair, "Deborah", by=named_by)

        pages = [signed_in(supervisor).get(reverse("admin:index")) for supervisor in (named_by, other)]

        shown = [[(one.pair, one.may_decide) for one in page.context["namesakes"]] for page in pages]
        assert shown == [[(pair, False)], [(pair, True)]]

    def test_is_asked_for_while_the_member_of_staff_is_active(self, floor: Floor, pair: Namesake) -> None:
        client, shown = signed_in(_supervisor(floor)), []

        for is_active in (False, True):
            User.objects.filter(pk=pair.staff_id).update(is_active=is_active)
            shown.append([one.pair for one in client.get(reverse("admin:index")).context["namesakes"]])

        assert shown == [[], [pair]]


@pytest.mark.django_db
class TestDeclaredCards:
    def test_are_several_of_one_person_and_one_of_each_player(self, floor: Floor) -> None:
        actor, first, second = _supervisor(floor), floor.player(), floor.player()

        for player in (first, second, second):
            declare_card(player=player, staff=floor.boss, actor=actor, at=floor.now)

        assert [card.player for card in floor.boss.cards.order_by("pk")] == [first, second]
        with refused(CardOfOtherStaff, "Nothing was done"):
            declare_card(player=first, staff=floor.supervisor, actor=actor, at=floor.now)

    def test_are_withdrawn_by_somebody_else_and_can_be_declared_again(self, floor: Floor) -> None:
        actor, owner, player = _supervisor(floor), _supervisor(floor), floor.player()
        both = (actor, _supervisor(floor))
        card = declare_card(player=player, staff=owner, actor=actor, at=floor.now)

        with refused(SomebodyElseMustDecide):
            withdraw_card(card=card, actor=owner, at=floor.now)
        withdrawn = [withdraw_card(card=card, actor=who, at=floor.now).withdrawn_by for who in both]

        declare_card(player=player, staff=floor.supervisor, actor=actor, at=floor.now)
        assert withdrawn == [actor, actor]
        assert StaffCard.objects.current().get().staff == floor.supervisor

    @pytest.mark.parametrize("who", ["oneself", "of another casino", "without the right"])
    def test_are_refused(self, floor: Floor, who: str) -> None:
        actor = _supervisor(floor)
        elsewhere = StaffFactory.create()
        staff, by, error = {
            "oneself": (actor, actor, SomebodyElseMustDecide),
            "of another casino": (elsewhere, actor, NotFound),
            "without the right": (floor.supervisor, floor.boss, NotPermitted),
        }[who]
        player = floor.player()

        with refused(error):
            declare_card(player=player, staff=staff, actor=by, at=floor.now)

    def test_never_change_or_go(self, floor: Floor, pair: Namesake) -> None:
        card = declared(floor.boss, floor.player())

        with refused_by_trigger("UPDATE of core_staffcard is refused"):
            StaffCard.objects.filter(pk=card.pk).update(staff=floor.supervisor)
        with refused_by_trigger("DELETE of core_staffcard is refused"):
            card.delete()
        with refused_by_trigger("UPDATE of core_namesake is refused"):
            Namesake.objects.filter(pk=pair.pk).update(names="")
        with refused_by_trigger("DELETE of core_namesake is refused"):
            pair.delete()


@pytest.mark.django_db
class TestPages:
    @pytest.fixture
    def client(self, floor: Floor) -> Client:
        return signed_in(StaffFactory.create(casino=floor.casino), LOYALTY_SUPERVISOR)

    def test_declare_and_withdraw(self, floor: Floor, client: Client) -> None:
        player = floor.player()
        typed = {"player": player.card_number, "staff": floor.boss.pk}

        for words in ("declared.", "declared already"):
            assert words in said(client.post(reverse("admin:core_staffcard_declare"), typed))[-1]
        page = carry_out(client, StaffCard, "withdraw", StaffCard.objects.all())

        assert "withdrawn" in said(page)[-1]
        assert not StaffCard.objects.current().exists()

    def test_refuse_a_card_or_staff_of_another_casino(self, floor: Floor, client: Client) -> None:
        stranger = StaffFactory.create()

        page = client.post(reverse("admin:core_staffcard_declare"), {"player": "nobody’s", "staff": stranger.pk})

        assert set(page.context["form"].errors) == {"player", "staff"}

    def test_list_the_pair_on_the_home_page_until_decided(self, floor: Floor, client: Client, pair: Namesake) -> None:
        url, home = reverse("desk:namesake"), reverse("admin:index")
        before = html_of(client.get(home))

        for words in ("another person", "had decided it already"):
            assert words in said(client.post(url, {"pair": pair.pk, "decision": "OTHER_PERSON"}))[-1]

        assert "1 player has the name of a member of staff" in before
        assert "name of a member of staff" not in html_of(client.get(home))

    def test_lead_from_the_home_page_to_every_pair(self, floor: Floor, client: Client) -> None:
        _named(floor)
        cards = {f"N-{number}" for number in range(2 * NAMESAKES_SHOWN + 1)}
        for card in cards:
            floor.player(first_name="Dana", last_name="Whitfield", card_number=card)

        page, found = html_of(client.get(reverse("admin:index"))), set[str]()
        assert "21 players have the name of a member of staff" in page
        for _ in range(3):
            found |= set(re.findall(r"N-[0-9]+", page))
            link = re.search(r'href="([^"]*[?]after=[0-9]+)#namesakes"', page)
            page = html_of(client.get(link[1])) if link else ""

        assert (found, page) == (cards, "")
        assert "21 players have" in html_of(client.get(f"{reverse('admin:index')}?after=999999"))

    def test_show_the_history_of_a_card(self, floor: Floor) -> None:
        card = declared(floor.boss, floor.player())
        auditor = signed_in(StaffFactory.create(casino=floor.casino), AUDITOR)

        history = address(StaffCard, "history", card.pk)

        assert history in html_of(auditor.get(address(StaffCard, "change", card.pk)))
        assert "Card of staff" in html_of(auditor.get(history))

    @pytest.mark.parametrize("sent", [{}, {"pair": "x"}, {"decision": "PERHAPS"}, {"pair": "9" * 30}])
    def test_do_nothing_with_another_post(self, client: Client, pair: Namesake, sent: dict[str, str]) -> None:
        page = client.post(reverse("desk:namesake"), {"pair": pair.pk, "decision": "OWN_CARD"} | sent if sent else {})

        assert "nothing was done" in said(page)[-1]
        assert Namesake.objects.get().decision == ""

    def test_let_neither_enroller_nor_namer_decide(self, floor: Floor) -> None:
        enrolls, bars, renames = (_supervisor(floor) for _ in range(3))
        dana = _named(floor)
        typed = {"casino": floor.casino.pk, "card_number": "88-7", "first_name": "Dana", "last_name": "Whitfield"}

        send_form(signed_in(enrolls), address(Player, "add"), typed | {"status": "ACTIVE"})
        url = address(Player, "change", Player.objects.get().pk)
        send_form(signed_in(bars), url, typed | {"status": "BARRED"})
        send_form(signed_in(renames), url, typed | {"status": "BARRED", "first_name": "Dana M."})

        pair = Namesake.objects.get(staff=dana)
        for actor in (enrolls, renames):
            with refused(SomebodyElseMustDecide):
                decide_namesake(namesake=pair, decision=OTHER, actor=actor, at=floor.now)
        assert decide_namesake(namesake=pair, decision=OTHER, actor=bars, at=floor.now).decided_by == bars


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_two_decisions_are_one(self, floor: Floor, pair: Namesake) -> None:
        first, second = _supervisor(floor), _supervisor(floor)

        linked, dismissed = in_turn(
            lambda: decide_namesake(namesake=pair, decision=OWN, actor=first, at=floor.now),
            lambda: decide_namesake(namesake=pair, decision=OTHER, actor=second, at=floor.now),
        )

        assert linked.result().decided_by == first
        assert isinstance(dismissed.outcome(), NamesakeDecided)

    @pytest.mark.shows(39)
    def test_would_be_stopped_by_the_trigger_alone_without_the_lock(
        self, floor: Floor, pair: Namesake, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second = _supervisor(floor), _supervisor(floor)
        without_locks(monkeypatch)

        _, dismissed = in_turn(
            lambda: decide_namesake(namesake=pair, decision=OWN, actor=first, at=floor.now),
            lambda: decide_namesake(namesake=pair, decision=OTHER, actor=second, at=floor.now),
        )

        assert isinstance(dismissed.outcome(), IntegrityError)

    @pytest.mark.parametrize("staff_first", [True, False])
    def test_a_player_and_staff_of_one_name_are_noticed(self, floor: Floor, staff_first: bool) -> None:
        enrol = _in_a_transaction(lambda: floor.player(first_name="Dana", last_name="Whitfield"))
        employ = _in_a_transaction(lambda: _named(floor))

        for each in in_turn(*((employ, enrol) if staff_first else (enrol, employ))):
            each.result()

        assert Namesake.objects.count() == 1

    @pytest.mark.shows(39)
    def test_would_not_see_each_other_without_the_trigger_s_lock(self, floor: Floor) -> None:
        def noticed_unlocked(add: Callable[[], object]) -> Callable[[], object]:
            def add_and_look() -> None:
                add()
                with connection.cursor() as cursor:
                    cursor.execute(OF_ALL)

            return _in_a_transaction(add_and_look)

        enrol = noticed_unlocked(lambda: floor.player(first_name="Dana", last_name="Whitfield"))
        employ = noticed_unlocked(lambda: _named(floor))
        with (
            without_triggers("core_player", "core_player_namesakes_insert"),
            without_triggers("core_user", "core_user_namesakes_insert"),
            held_before_commit(employ),
        ):
            Elsewhere(enrol).result()

        assert not Namesake.objects.exists()


def _in_a_transaction(add: Callable[[], object]) -> Callable[[], object]:
    return transaction.atomic(add)
