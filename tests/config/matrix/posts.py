"""What is posted to each address: what would do something, if it were sent by somebody who may."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final
from uuid import uuid4

from django.utils import timezone

from core.cards.models import Namesake
from core.console.grants import version_of_grants
from core.console.versions import FORM_VERSION, version_of
from core.models import User
from core.reasons.models import Operation
from loyalty.admin.posting_forms import form_token
from loyalty.models import CompType, PlayerLoyalty
from loyalty.services import pause_program
from ratingslips.events import SlipVersion
from ratingslips.models import RatingSlip
from tests.config.matrix.house import PASSWORD, Rows, TwoCasinos
from tests.config.matrix.table import Question
from tests.console import versions_shown

Post = Mapping[str, Any]
_NEW_PASSWORD: Final = "the tide goes out at noon"
_REASON: Final = {"reason_code": "OTHER", "reason": "Two cards mixed up"}

# The slip that an action has something to do with.
_SLIP_FOR: Final = {
    "resume": "paused",
    "strike": "paused",
    "still_playing": "closed",
    "recover": "owed",
    "release": "withheld",
}


def slip_of(house: TwoCasinos, question: Question) -> RatingSlip:
    """The slip that a question is about."""
    slip: RatingSlip = getattr(house.rows(question.whose), _SLIP_FOR.get(question.action, "open"))
    return slip


def post_of(house: TwoCasinos, question: Question, user: User) -> Post:
    """The fields of a post by `user` that asks for what `question` is about."""
    rows = house.rows(question.whose)
    if question.is_admin_action:
        return _action(house, question, rows)
    if question.address == "floor:slip":
        return _tap(slip_of(house, question), does=question.action)
    if question.address == "floor:undo":
        return {"do": question.action, **_request_id()}
    for ending, fields in _BY_ENDING.items():
        if question.address.endswith(ending):
            return {**fields(rows, user), **_version(house, question, rows)}
    return {}


def _version(house: TwoCasinos, question: Question, rows: Rows) -> Post:
    """What a change form, or a page of grants, carries of what it showed; and the id of a form that adds a row."""
    if question.address.endswith("_add"):
        return {"request_id": uuid4()}
    space, _, page = question.address.removeprefix("admin:").partition("_")
    model, _, page = page.partition("_")
    if page not in {"change", "permissions_manage_user", "permissions_manage_group"}:
        return {}
    row = house.row(f"{space}.{model}", question.whose)
    row.refresh_from_db()  # with as many decimals as a page shows
    if page == "change":
        return {FORM_VERSION: version_of(row).token}
    grantee: Any = rows.of_model["core.user"] if page.endswith("user") else house.shared["auth.group"]
    return {FORM_VERSION: version_of_grants(row, grantee).token}


def prepare(house: TwoCasinos, question: Question) -> bool:
    """Whether rows had to be changed before something could be done: only a paused programme can be resumed."""
    if not question.address.endswith("loyaltyprogram_resume"):
        return False
    floor = house.rows(question.whose).floor
    pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Tier migration tonight")
    return True


def _action(house: TwoCasinos, question: Question, rows: Rows) -> Post:
    label = question.group.removeprefix("admin:").rstrip("_").replace("_", ".")
    row = house.row(label, question.whose)
    if isinstance(row, RatingSlip):
        row = slip_of(house, question)
    fields = {"average_bet": "75", "table": rows.floor.table.pk, "seat": "6", "buy_in": "100", "chips_out": "50"}
    fields |= _REASON
    for_row = {f"{row.pk}-{name}": value for name, value in fields.items()}
    chosen = {"action": question.action, "_selected_action": [str(row.pk)], "confirmed": "yes", "post": "yes"}
    return chosen | for_row | versions_shown([row])


def _pair(rows: Rows) -> Namesake:
    return Namesake.objects.get(player=rows.closed.player)


def _player(rows: Rows, _user: User) -> Post:
    names = {"first_name": "Maya", "last_name": "Lindqvist", "status": "ACTIVE"}
    return names | {"casino": rows.floor.casino.pk, "card_number": "C-4711"}


def _reason_code(rows: Rows, _user: User) -> Post:
    return {"casino": rows.floor.casino.pk, "code": "BIRTHDAY", "label": "Birthday", "operations": ["award", "redeem"]}


def _new_passwords(*_: Any) -> Post:
    return {"password1": _NEW_PASSWORD, "password2": _NEW_PASSWORD}


def _staff(rows: Rows, _user: User) -> Post:
    return {"username": "newcomer", "first_name": "Maya", "is_active": "on", "is_staff": "on"}


def _award(rows: Rows, user: User) -> Post:
    return {"points": "100", "reward_id": "", **_by_hand(Operation.AWARD, rows, user)}


def _by_hand(operation: Operation, rows: Rows, user: User) -> Post:
    """The reason and the token of a form that posts to the account."""
    account = rows.of_model["loyalty.playerloyalty"]
    assert isinstance(account, PlayerLoyalty)
    token = form_token(operation, account=account, staff=user, requested_at=timezone.now())
    return {"reason_code": "OTHER", "reason": "Comp for the long wait", "token": token}


def _redemption(rows: Rows, _user: User) -> Post:
    reason = {"reason_code": "OTHER", "reason": "Asked for by the host"}
    comp = rows.of_model["loyalty.comptype"]
    assert isinstance(comp, CompType)
    sent = f"{comp.pk}:{comp.point_value}"
    return {"comp_type": sent, "value": "1.50", "points": "", "outlet": "Buffet", **reason, **_request_id()}


def _request_id(*_: Any) -> Post:
    return {"request_id": uuid4()}


def _comp_type(rows: Rows, _user: User) -> Post:
    worth = {"code": "spa", "label": "Spa", "point_value": "0.02", "is_active": "on"}
    return worth | {"program": rows.floor.program.pk}


def _shown(slip: RatingSlip) -> str:
    """The version of a slip that its pages send back."""
    slip.refresh_from_db(fields=["status"])
    return SlipVersion(seq=slip.segments.latest("seq").seq, status=slip.status).text


def _tap(slip: RatingSlip, *, does: str) -> Post:
    """What a button sends, with every field that the form of any button reads."""
    money = slip.money_rows.first()
    fields = {"average_bet": "75", "to": f"{slip.table_id}:6", "amount": "100", "means": "CASH"}
    fields |= {"row": str(money.pk) if money else "", **_REASON}
    return {"do": does, "expected_version": _shown(slip), **fields, **_request_id()}


def _right_player(rows: Rows, _user: User) -> Post:
    right = {"player": rows.newcomer.pk, "expected_version": _shown(rows.open)}
    return {**right, **_REASON, **_request_id()}


def _correction(rows: Rows, _user: User) -> Post:
    slip = rows.of_model["ratingslips.ratingslip"]
    assert isinstance(slip, RatingSlip)
    return {**correction_of(slip), "reason_code": "OTHER"}


def correction_of(slip: RatingSlip) -> dict[str, Any]:
    """The form of a correction that gives all play of the slip another bet."""
    # As the page shows the instant: any other text is another one.
    local = slip.opened_at.astimezone(slip.casino.zone)
    begins = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
    row = {"since": begins, "until": "", "average_bet": "75", "table": slip.table_id, "seat": slip.seat}
    sent = {f"play-0-{name}": value for name, value in row.items()} | {"play-0-was_since": slip.opened_at.isoformat()}
    count = {"play-TOTAL_FORMS": "1", "play-INITIAL_FORMS": "1"}
    return sent | count | {"expected_version": _shown(slip), "reason": "The bet was another"}


def _sit_down(rows: Rows, _user: User) -> Post:
    return {"player": rows.closed.player_id, "average_bet": "40", "buy_in": ""}


def _game(rows: Rows, _user: User) -> Post:
    worth = {"decisions_per_hour": "60", "house_edge_percent": "1.5", "seats": "6"}
    return worth | {"casino": rows.floor.casino.pk, "code": "baccarat", "name": "Baccarat"}


def _values(*_: Any) -> Post:
    begins = {"effective_from_0": "2099-01-01", "effective_from_1": "06:00:00"}
    return begins | {"decisions_per_hour": "60", "house_edge_percent": "1.5"}


def _table(rows: Rows, _user: User) -> Post:
    floor = rows.floor
    where = {"casino": floor.casino.pk, "pit": floor.pit.pk, "game": floor.table.game_id}
    return where | {"name": "BA-01", "seats": "6", "is_active": "on"}


def _rate(rows: Rows, _user: User) -> Post:
    from_when = {"effective_from_0": "2099-01-01", "effective_from_1": "06:00:00"}
    return from_when | {"program": rows.floor.program.pk, "points_per_unit": "12"}


def _named(rows: Rows, _user: User) -> Post:
    return {"name": "The new name", "casino": rows.floor.casino.pk}


def _casino(*_: Any) -> Post:
    return {
        "code": "bay",
        "name": "Bay",
        "time_zone": "Europe/Malta",
        "gaming_day_starts_at": "06:00:00",
        "longest_play_hours": "12",
        "backdating_minutes": "60",
        "cash_watch_amount": "3000",
        "cash_report_amount": "10000",
    }


_BY_ENDING: Final[Mapping[str, Callable[[Rows, User], Post]]] = {
    "floor:seat": _sit_down,
    "floor:wrong_player": _right_player,
    "desk:pay": lambda rows, _: {"slip": rows.owed.pk},
    "desk:check_drift": lambda rows, _: {"casino": rows.floor.casino.pk},
    "admin:login": lambda _, user: {"username": user.username or "column-root", "password": PASSWORD},
    "admin:sessions": lambda *_: {"end": "all"},
    "admin:password_change": lambda _, user: {
        "old_password": PASSWORD,
        "new_password1": _NEW_PASSWORD,
        "new_password2": _NEW_PASSWORD,
    },
    "auth_user_password_change": _new_passwords,
    "desk:namesake": lambda rows, _: {"pair": _pair(rows).pk, "decision": _pair(rows).Decision.OTHER_PERSON},
    "core_staffcard_declare": lambda rows, _: {"player": rows.open.player.card_number, "staff": rows.floor.boss.pk},
    "core_signinevent_locks": lambda rows, _: {"staff": rows.floor.boss.pk},
    "core_user_add": lambda rows, user: {**_new_passwords(), **_staff(rows, user), "casino": rows.floor.casino.pk},
    "core_user_change": _staff,
    "core_casino_add": _casino,
    "core_casino_change": _casino,
    "core_reasoncode_add": _reason_code,
    "core_reasoncode_change": _reason_code,
    "core_player_add": _player,
    "core_player_change": _player,
    "playerloyalty_award": _award,
    "playerloyalty_adjust": lambda rows, user: {
        "direction": "take",
        "points": "1",
        "adjustment_id": "",
        **_by_hand(Operation.ADJUST, rows, user),
    },
    "ledgerentry_reverse": partial(_by_hand, Operation.REVERSE),
    "loyaltyprogram_pause": lambda *_: {"reason_code": "OTHER", "reason": "Month-end freeze"},
    "loyaltyprogram_resume": lambda *_: {"reason_code": "OTHER", "reason": "Frozen long enough"},
    "playerloyalty_redeem": _redemption,
    "ledgerentry_comp_slip": _request_id,
    "comptype_add": _comp_type,
    "comptype_change": _comp_type,
    "loyaltyprogram_change": _named,
    "loyaltyprogram_permissions_manage_user": lambda *_: {"permissions": ["award"]},
    "loyaltyprogram_permissions_manage_group": lambda *_: {"permissions": ["award"]},
    "loyaltyprogram_permissions": lambda rows, _: {
        "submit_manage_user": "1",
        "user": rows.of_model["core.user"].pk,
    },
    "earningrate_add": _rate,
    "pit_permissions_manage_user": lambda *_: {"permissions": ["operate_pit"]},
    "pit_permissions_manage_group": lambda *_: {"permissions": ["operate_pit"]},
    "pit_permissions": lambda rows, _: {"submit_manage_user": "1", "user": rows.of_model["core.user"].pk},
    "pit_add": _named,
    "pit_change": _named,
    "gamesettings_add": _game,
    "gamesettings_change": _game,
    "gamesettings_values": _values,
    "gamingtable_add": _table,
    "gamingtable_change": _table,
    "ratingslip_correct": _correction,
    "ratingslip_preview": _correction,
    "ratingslip_open": lambda rows, _: {
        "player": rows.closed.player.card_number,
        "table": rows.floor.table.pk,
        "seat": "6",
        "average_bet": "40",
    },
    "auth_group_add": lambda *_: {"name": "Night crew"},
    "auth_group_change": lambda *_: {"name": "Night crew"},
    "_delete": lambda *_: {"post": "yes"},
}
