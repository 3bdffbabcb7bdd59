"""Declare which player accounts belong to staff, and decide about players with the name of a member of staff."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import structlog
from django.db.models import QuerySet

from core import correlation
from core.cards.models import Namesake, StaffCard
from core.errors import DomainError, NotFound
from core.models import Player, User
from core.permissions import DECLARE_CARD, require_permission
from core.retries import retried
from core.transactions import operation

log = structlog.get_logger(__name__)

Decision = Namesake.Decision


class SomebodyElseMustDecide(DomainError):
    """The actor is the member of staff, has had the player's name, or enrolled the player or once gave the name."""

    code = "SOMEBODY_ELSE_MUST_DECIDE"


class CardOfOtherStaff(DomainError):
    """The player account is declared as that of another member of staff."""

    code = "CARD_OF_OTHER_STAFF"


class NamesakeDecided(DomainError):
    """Somebody has decided otherwise about the player and the member of staff."""

    code = "NAMESAKE_DECIDED"


@retried
def declare_card(*, player: Player | int, staff: User | int, actor: User, at: datetime) -> StaffCard:
    """Declare that a player account belongs to a member of staff, who may have several; the same again changes nothing.

    :raises NotFound: there is no such player or member of staff, or the latter does not work in the player's casino.
    :raises NotPermitted: the actor may not declare cards in the player's casino.
    :raises SomebodyElseMustDecide: see the class.
    :raises CardOfOtherStaff: the account is declared as another's.
    :raises Busy: the player was locked for too long.
    """
    with operation("core.declare_card", actor_id=actor.pk):
        locked = _lock_player(player if isinstance(player, int) else player.pk)
        owner = _staff_of(locked, staff if isinstance(staff, int) else staff.pk)
        _require_may_decide(locked, owner, actor=actor)
        card = _declare(locked, owner, actor=actor, at=at)
        undecided = Namesake.objects.filter(player=locked, staff=owner, decision="")
        _decide(undecided, Decision.OWN_CARD, actor=actor, at=at)
    log.info("core.card_declared", card_id=card.pk, player_id=locked.pk, staff_id=owner.pk, actor_id=actor.pk)
    return card


@retried
def withdraw_card(*, card: StaffCard | int, actor: User, at: datetime) -> StaffCard:
    """End a declaration that was wrong; the same again changes nothing.

    :raises NotFound: there is no such card.
    :raises NotPermitted, SomebodyElseMustDecide, Busy: see `declare_card`.
    """
    with operation("core.withdraw_card", actor_id=actor.pk):
        found = StaffCard.objects.filter(pk=card if isinstance(card, int) else card.pk).first()
        if found is None:
            raise NotFound("There is no such card of staff.")
        player = _lock_player(found.player_id)
        found = StaffCard.objects.select_related("staff", "withdrawn_by").get(pk=found.pk)
        _require_may_decide(player, found.staff, actor=actor)
        if found.withdrawn_at is None:
            found.withdrawn_by, found.withdrawn_at, found.withdrawal_correlation_id = actor, at, correlation.current()
            found.save(update_fields=["withdrawn_by", "withdrawn_at", "withdrawal_correlation_id"])
    log.info("core.card_withdrawn", card_id=found.pk, actor_id=actor.pk)
    return found


@retried
def decide_namesake(*, namesake: Namesake | int, decision: Namesake.Decision, actor: User, at: datetime) -> Namesake:
    """Link the player to the member of staff, or dismiss the equal names as those of two people.

    The same decision again changes nothing, and gives who made the first one.

    :raises NotFound: there is no such pair.
    :raises NamesakeDecided: it was decided otherwise.
    :raises NotPermitted, SomebodyElseMustDecide, CardOfOtherStaff, Busy: see `declare_card`.
    """
    with operation("core.decide_namesake", actor_id=actor.pk):
        pair = Namesake.objects.filter(pk=namesake if isinstance(namesake, int) else namesake.pk).first()
        if pair is None:
            raise NotFound("There is no such pair of a player and a member of staff.")
        player = _lock_player(pair.player_id)
        pair = Namesake.objects.select_related("staff", "decided_by").get(pk=pair.pk)
        _require_may_decide(player, pair.staff, actor=actor)
        if pair.decided_by is None:
            if decision == Decision.OWN_CARD:
                _declare(player, pair.staff, actor=actor, at=at)
            _decide(Namesake.objects.filter(pk=pair.pk), decision, actor=actor, at=at)
            pair = Namesake.objects.select_related("staff", "player", "decided_by").get(pk=pair.pk)
        elif pair.decision != decision:
            raise NamesakeDecided(
                f"{player} and {pair.staff.name_and_login}: {pair.decided_by.name_and_login} has decided already "
                f"(“{pair.get_decision_display()}”). Nothing was done. Cards of staff can be declared and withdrawn."
            )
    log.info("core.namesake_decided", namesake_id=pair.pk, decision=pair.decision, actor_id=actor.pk)
    return pair


def _lock_player(player_id: int) -> Player:
    """Lock the player, which orders all declarations and decisions about it.

    :raises NotFound: there is no such player.
    """
    player = Player.objects.locked().filter(pk=player_id).first()
    if player is None:
        raise NotFound(f"There is no player {player_id}.")
    return player


def _staff_of(player: Player, staff_id: int) -> User:
    staff: User | None = User.objects.filter(pk=staff_id).first()
    if staff is None or staff.casino_id not in {None, player.casino_id}:
        raise NotFound(f"There is no member of staff {staff_id} in the casino of {player}.")
    return staff


def _require_may_decide(player: Player, staff: User, *, actor: User) -> None:
    """:raises NotPermitted, SomebodyElseMustDecide: see `declare_card`."""
    require_permission(actor, DECLARE_CARD, player)
    pairs: Any = Namesake.objects.filter(player=player).with_named_by(actor)
    is_named_by_actor = dict(pairs.values_list("staff_id", "named_by_actor"))
    if actor.pk == staff.pk or actor.pk in is_named_by_actor:
        raise SomebodyElseMustDecide(f"{player} may be your own account: a colleague must decide.")
    if is_named_by_actor.get(staff.pk):
        raise SomebodyElseMustDecide(f"You enrolled {player}, or gave the name: a colleague must decide.")


def _declare(player: Player, staff: User, *, actor: User, at: datetime) -> StaffCard:
    """:raises CardOfOtherStaff: the account is declared as another's."""
    card = StaffCard.objects.current().filter(player=player).select_related("staff", "declared_by").first()
    if card is None:
        return StaffCard.objects.create(
            casino_id=player.casino_id,
            player=player,
            staff=staff,
            declared_by=actor,
            declared_at=at,
            correlation_id=correlation.current(),
        )
    if card.staff_id != staff.pk:
        raise CardOfOtherStaff(f"{player} is declared as the card of {card.staff.name_and_login}. Nothing was done.")
    return card


def _decide(pairs: "QuerySet[Namesake]", decision: Namesake.Decision, *, actor: User, at: datetime) -> None:
    pairs.update(decision=decision, decided_by=actor, decided_at=at, correlation_id=correlation.current())


def undecided_namesakes(*, casinos: Collection[int], viewer: User) -> "QuerySet[Namesake]":
    """The pairs of these casinos about which nobody has decided, of active staff, in the order in which they arose.

    Each has `named_by_actor`: whether `viewer` gave the player's name.
    """
    pairs = Namesake.objects.filter(decision="", player__casino__in=casinos, staff__is_active=True)
    return pairs.with_named_by(viewer).select_related("player__casino", "staff").order_by("pk")
