"""A casino at work, and requests of every kind that change something or show a page."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from uuid import uuid4

from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.console.grants import version_of_grants
from core.console.versions import FORM_VERSION, version_of
from core.factors.services import make_recovery_codes
from core.models import Change, Player, StaffCard, User
from core.reasons.models import Operation
from loyalty.admin.posting_forms import form_token
from loyalty.models import CompType, LedgerEntry, PlayerLoyalty
from loyalty.services import manual_reward
from ratingslips.admin.slips.rows import version_of as version_of_slip
from ratingslips.models import RatingSlip
from ratingslips.services import complete_rating_slip
from tests.config.matrix.posts import correction_of
from tests.console import BACKEND, address, close_stream
from tests.factories import CompTypeFactory, StaffFactory, TableFactory
from tests.floor import Floor
from tests.second_factors import long_ago, with_app

PASSWORD: Final = "a tide at noon goes out"
_PASSWORDS: Final = {"password1": PASSWORD, "password2": PASSWORD}


Browser = partial(Client, raise_request_exception=False)


def browser_of(user: User) -> Client:
    """A browser in which `user` is signed in, and which shows an error as its page."""
    client = Browser()
    client.force_login(user, backend=BACKEND)
    return client


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What the requests are about."""

    floor: Floor
    root: User
    slip: RatingSlip
    live: list[RatingSlip]
    closed: list[RatingSlip]
    bonuses: list[LedgerEntry]
    opened: RatingSlip
    comp: CompType
    player: Player
    account: PlayerLoyalty
    role: Group
    guarded: User
    owed: RatingSlip

    @classmethod
    def build(cls, floor: Floor, *, seat: int) -> "Scene":
        root: User = StaffFactory.create(casino=None, is_superuser=True)
        guarded: User = StaffFactory.create(casino=floor.casino, is_superuser=True)
        for person in (root, guarded):
            person.set_password(PASSWORD)
            person.save()
        with_app(guarded)
        slip, player = floor.played_slip(seat=seat), floor.player()
        account, role = PlayerLoyalty.objects.get(player=player), Group.objects.create(name=f"Night crew {seat}")
        table = TableFactory.create(casino=floor.casino, pit=floor.pit, game=floor.table.game)
        closed = [floor.played_slip(table=table, seat=number) for number in range(1, 3)]
        for one in closed:
            complete_rating_slip(slip=one, actor=floor.boss, at=floor.now)
            one.refresh_from_db()
        for awarded in (player, floor.player(), floor.player()):
            manual_reward(player=awarded, points=500, reason="For the wait", actor=floor.supervisor, at=floor.now)
        return cls(
            floor=floor,
            root=root,
            slip=slip,
            closed=closed,
            live=[floor.open_slip(table=table, seat=number) for number in (3, 4)],
            bonuses=list(LedgerEntry.objects.filter(kind="MANUAL_BONUS").order_by("-pk")[:2]),
            opened=floor.open_slip(table=table, seat=5, at=floor.now),
            comp=CompTypeFactory.create(program=floor.program, code=f"meal-{seat}"),
            player=player,
            account=account,
            role=role,
            guarded=guarded,
            owed=floor.owed_slip(table=table, seat=6),
        )

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
            **self.of_points_and_corrections(),
            **self.of_staff_and_exports(),
            "sign in": (reverse("admin:login"), signing_in),
            "sign in wrongly": (reverse("admin:login"), signing_in | {"password": "wrong"}),
            "sign out": (reverse("admin:logout"), {}),
        }

    def of_points_and_corrections(self) -> dict[str, tuple[str, dict[str, Any] | None]]:
        slip_url = reverse("floor:slip", args=[self.slip.pk])
        (to_correct, to_void), (of_another, playing) = self.live, self.closed
        [reversed_, adjusted], why = self.bonuses, {"reason": "Typed wrongly"}
        to_reverse, to_adjust = (
            form_token(operation, account=entry.account, staff=self.root, requested_at=timezone.now())
            for operation, entry in ((Operation.REVERSE, reversed_), (Operation.ADJUST, adjusted))
        )
        comp = {
            "comp_type": f"{self.comp.pk}:{self.comp.point_value}",
            "value": "1.50",
            "points": "",
            "outlet": "Buffet",
        }
        taken = {"direction": "take", "points": "1", "adjustment_id": "", "token": to_adjust}
        seen = RatingSlip.objects.with_play(now=timezone.now())
        versions = {slip.pk: {"expected_version": version_of_slip(slip).text} for slip in seen}
        posts: dict[str, tuple[str, dict[str, Any]]] = {
            "money": (slip_url, {"do": "buy_in", "amount": "20", "means": "CASH"} | versions[self.slip.pk]),
            "chips out": (slip_url, {"do": "chips_out", "amount": "20"}),
            "correct": (address(RatingSlip, "correct", to_correct.pk), correction_of(to_correct)),
            "reassign": (
                reverse("floor:wrong_player", args=[of_another.pk]),
                {"player": self.player.pk, **why, **versions[of_another.pk]},
            ),
            "still playing": (reverse("floor:undo", args=[playing.pk]), {"do": "still_playing"}),
            "undo": (reverse("floor:undo", args=[self.opened.pk]), {"do": "undo"}),
            "reverse": (address(LedgerEntry, "reverse", reversed_.pk), {"token": to_reverse, **why}),
            "adjust": (address(PlayerLoyalty, "adjust", adjusted.account_id), taken | why),
            "redeem": (address(PlayerLoyalty, "redeem", self.account.pk), comp | why),
            "void": (reverse("floor:slip", args=[to_void.pk]), {"do": "void", **why, **versions[to_void.pk]}),
        }
        return {name: (url, sent | {"request_id": uuid4()}) for name, (url, sent) in posts.items()}

    def of_staff_and_exports(self) -> dict[str, tuple[str, dict[str, Any] | None]]:
        """Some are sent from a browser of their own: `Staff.browser_for`."""
        exports = {model: address(model, "export") for model in (LedgerEntry, Change)}
        locks, cards = reverse("admin:core_signinevent_locks"), reverse("admin:core_staffcard_declare")
        answered = {"asked-again": "POST", "asked-password": PASSWORD}
        [app], [code, *_] = self.guarded.second_factors.all(), make_recovery_codes(person=self.guarded)
        return {
            "sessions": (reverse("admin:sessions"), None),
            "locks": (locks, None),
            "cards": (address(StaffCard, "changelist"), None),
            "factors": (reverse("factors:own"), None),
            "add a factor": (reverse("factors:add_app"), None),
            "end sessions": (reverse("admin:sessions"), {"end": "others"}),
            "lift a lock": (locks, {"staff": self.floor.boss.pk}),
            "declare a card": (cards, {"player": self.player.card_number, "staff": self.floor.boss.pk}),
            "pay": (reverse("desk:pay"), {"slip": self.owed.pk}),
            "export the ledger": (exports[LedgerEntry], {}),
            "export changes": (exports[Change], {}),
            "export comps": (reverse("admin:loyalty_comptype_month_export"), {}),
            "be asked again": (exports[Change], {}),
            "answer": (exports[Change], answered),
            "second step": (reverse("factors:second_step"), {"code": code}),
            "rename a factor": (reverse("factors:rename", args=[app.pk]), {"name": uuid4().hex[:9]}),
            "new codes": (reverse("factors:make_codes"), {}),
        }


class Staff:
    """Sends the requests of a scene, each from the browser that it needs."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._browser = browser_of(scene.root)

    def browser_for(self, name: str) -> Client:
        """The browser from which a request is sent; those of acts that change a session are new."""
        match name:
            case "sign out":
                return browser_of(self.scene.root)
            case "sign in" | "sign in wrongly":
                return Browser()
            case "be asked again" | "answer":
                return long_ago(browser_of(self.scene.root))
            case "end sessions":
                return browser_of(self.scene.floor.boss)
            case "rename a factor" | "new codes":
                return browser_of(self.scene.guarded)
            case "second step":
                browser = Browser()
                browser.post(reverse("admin:login"), {"username": self.scene.guarded.username, "password": PASSWORD})
                return browser
        return self._browser

    @staticmethod
    def answer(browser: Client, url: str, post: dict[str, Any] | None) -> Any:
        answer = browser.get(url) if post is None else browser.post(url, post)
        if answer.streaming:
            close_stream(answer)
        return answer
