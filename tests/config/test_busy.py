"""Whatever page or sign-in waits too long for a lock is answered 503, and recording its origin costs nothing."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from psycopg import sql
from structlog.testing import capture_logs

from core import correlation
from core.console.grants import version_of_grants
from core.console.versions import FORM_VERSION, version_of
from core.errors import Busy
from core.models import Casino, Player, RequestOrigin, User
from core.origins import record_request, settle_waiting
from core.reasons.models import Operation
from core.roles import PIT_BOSS
from core.transactions import operation
from loyalty.admin.posting_forms import form_token
from loyalty.models import LedgerEntry, PlayerLoyalty
from ratingslips.models import RatingSlip
from tests.concurrency import held
from tests.console import BACKEND, address
from tests.databases import as_owner
from tests.factories import StaffFactory
from tests.floor import Floor

PASSWORD: Final = "a tide at noon goes out"
_PASSWORDS: Final = {"password1": PASSWORD, "password2": PASSWORD}


def _lock(*tables: str) -> None:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(sql.SQL("LOCK TABLE {}").format(sql.SQL(", ").join(map(sql.Identifier, tables))))


@pytest.fixture
def impatient(transactional_db: None) -> Iterator[None]:
    """Statements of this connection wait for a lock for 20 ms only."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '20ms'")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET lock_timeout")


Browser = partial(Client, raise_request_exception=False)


def _browser(user: User) -> Client:
    client = Browser()
    client.force_login(user, backend=BACKEND)
    return client


@dataclass(frozen=True, kw_only=True)
class _Scene:
    """What the requests are about."""

    floor: Floor
    root: User
    slip: RatingSlip
    player: Player
    account: PlayerLoyalty
    role: Group

    @classmethod
    def build(cls, floor: Floor, *, seat: int) -> "_Scene":
        root: User = StaffFactory.create(casino=None, is_superuser=True)
        root.set_password(PASSWORD)
        root.save()
        slip, player = floor.played_slip(seat=seat), floor.player()
        account, role = PlayerLoyalty.objects.get(player=player), Group.objects.create(name=f"Night crew {seat}")
        return cls(floor=floor, root=root, slip=slip, player=player, account=account, role=role)

    def requests(self) -> dict[str, tuple[str, dict[str, Any] | None]]:
        """The address of each request, and what a new form for it holds."""
        floor, player, root = self.floor, self.player, self.root
        names = {"casino": floor.casino.pk, "first_name": "Maya", "last_name": "Lindqvist", "status": "ACTIVE"}
        token = form_token(Operation.AWARD, account=self.account, staff=root, requested_at=timezone.now())
        grants = {"permissions": ["operate_pit"], FORM_VERSION: version_of_grants(floor.pit, floor.boss).token}
        changed = names | {"card_number": player.card_number, FORM_VERSION: version_of(player).token}
        slip_url = reverse("floor:slip", args=[self.slip.pk])
        signing_in = {"username": root.username, "password": PASSWORD}
        pages = {
            "home": reverse("admin:index"),
            "floor": reverse("floor:pit", args=[floor.pit.pk]),
            "slip": slip_url,
            "player": reverse("desk:player", args=[player.pk]),
            "trace": reverse("trace:search") + "?q=a",
            "history": address(Player, "history", player.pk),
            **{model.__name__: address(model, "changelist") for model in (Player, User, RatingSlip, LedgerEntry)},
        }
        return {
            **{name: (url, None) for name, url in pages.items()},
            "add": (address(Player, "add"), names | {"card_number": uuid4().hex[:12], "request_id": uuid4()}),
            "change": (address(Player, "change", player.pk), changed),
            "award": (
                address(PlayerLoyalty, "award", self.account.pk),
                {"points": "100", "reason": "Comp for the long wait", "reward_id": "", "token": token},
            ),
            "pause": (slip_url, {"do": "pause", "request_id": uuid4()}),
            "grant": (
                reverse("admin:ratingslips_pit_permissions_manage_user", args=[floor.pit.pk, floor.boss.pk]),
                grants,
            ),
            "delete": (address(Group, "delete", self.role.pk), {"post": "yes"}),
            "action": (
                slip_list := address(RatingSlip, "changelist"),
                {"action": "resume", "_selected_action": [self.slip.pk]},
            ),
            "act": (slip_list, {"action": "resume", "_selected_action": [self.slip.pk], "confirmed": "yes"}),
            "password": (address(User, "changelist") + f"{floor.boss.pk}/password/", _PASSWORDS),
            "sign in": (reverse("admin:login"), signing_in),
            "sign in wrongly": (reverse("admin:login"), signing_in | {"password": "wrong"}),
            "sign out": (reverse("admin:logout"), {}),
        }


class _Staff:
    """Sends the requests of a scene, each from the browser that it needs."""

    def __init__(self, scene: _Scene) -> None:
        self._scene = scene
        self._browser = _browser(scene.root)
        self._leaving = _browser(scene.root)

    def answer(self, name: str, url: str, post: dict[str, Any] | None) -> Any:
        browser = self._browser
        if name.startswith("sign"):
            browser = self._leaving if name == "sign out" else Browser()
        return browser.get(url) if post is None else browser.post(url, post)

    def tables_of(self) -> dict[str, set[str]]:
        """The tables that the statements of each request name."""
        tables, found = set(connection.introspection.table_names()), {}
        for name, sent in self._scene.requests().items():
            with CaptureQueriesContext(connection) as queries:
                self.answer(name, *sent)
            found[name] = {word for query in queries for word in re.findall(r"\w+", query["sql"]) if word in tables}
        return found

    def answers(self, names: Collection[str], *, locked: Collection[str]) -> dict[str, Any]:
        """What each of these requests is answered while tables are locked."""
        requests, self._leaving = self._scene.requests(), _browser(self._scene.root)
        with held(partial(_lock, *locked)):
            return {name: self.answer(name, *requests[name]) for name in requests if name in names}


@pytest.mark.slow
class TestLock:
    @pytest.mark.usefixtures("impatient")
    def test_on_any_table_is_answered_503_at_worst(self, committed_floor: Floor) -> None:
        named = _Staff(_Scene.build(committed_floor, seat=1)).tables_of()
        staff, wrong, busy = _Staff(_Scene.build(committed_floor, seat=2)), [], set[str]()

        # Each table that a request names, alone; then all that it does not name and that a trigger may write.
        locks = {table: {name for name in named if table in named[name]} for table in set().union(*named.values())}
        others = set(connection.introspection.table_names()) - locks.keys()
        for tables, names in [*(([table], names) for table, names in sorted(locks.items())), (others, set(named))]:
            for name, answer in staff.answers(names, locked=tables).items():
                if answer.status_code == 503:
                    busy.add(name)
                    if answer.headers["X-Correlation-ID"] not in answer.text or not answer.headers["Retry-After"]:
                        wrong.append(f"{name} does not say how to go on while {tables} are locked")
                elif answer.status_code >= 500:
                    wrong.append(f"{name} answered {answer.status_code} while {tables} are locked")

        assert wrong == []
        assert busy == named.keys()


@pytest.mark.usefixtures("impatient")
class TestOriginThatHasToWait:
    @pytest.fixture(autouse=True)
    def _waits(self, committed_floor: Floor) -> Iterator[None]:
        with correlation.bound():
            with held(lambda: _lock("core_requestorigin")):
                record_request(actor=committed_floor.boss, method="POST", path="/", client_address=None)
            yield
            settle_waiting()

    def test_is_written_in_the_transaction_of_the_act(self, committed_floor: Floor) -> None:
        with operation("test", actor_id=committed_floor.boss.pk):
            Casino.objects.update(name="Changed")

        assert RequestOrigin.objects.get().correlation_id == correlation.current()

    def test_is_written_after_an_act_that_was_undone(self) -> None:
        with pytest.raises(Busy), operation("test", actor_id=None):
            raise Busy
        assert not RequestOrigin.objects.exists()

        settle_waiting()

        assert RequestOrigin.objects.get().correlation_id == correlation.current()

    def test_is_in_the_log_if_the_table_stays_locked(self, committed_floor: Floor) -> None:
        slip, browser = committed_floor.open_slip(), _browser(committed_floor.boss)
        committed_floor.boss.groups.add(Group.objects.get(name=PIT_BOSS))
        settle_waiting()

        with held(lambda: _lock("core_requestorigin")), capture_logs() as lines:
            url = reverse("floor:slip", args=[slip.pk])
            answer = browser.post(url, {"do": "pause", "request_id": uuid4(), "expected_version": "1-OPEN"})

        assert answer.status_code == 302
        assert RatingSlip.objects.get().status == "PAUSED"
        assert [line["origin"] for line in lines if line["event"] == "core.origin_not_recorded"] == [url]
