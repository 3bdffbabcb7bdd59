"""Open and lock loyalty accounts, and read the rules that apply to a posting."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import DecimalField, OuterRef, QuerySet, Subquery

from core.errors import DomainError, NotFound
from core.kept_queries import KeptQuery
from core.models import Player
from core.querysets import LockingQuerySet
from core.transactions import transaction_required
from loyalty.models import EarningRate, LoyaltyProgram, PlayerLoyalty, Tier
from loyalty.tiers import tier_at


class NoLoyaltyProgram(DomainError):
    """The casino has no programme, or one without a tier that begins at 0 points."""

    code = "NO_LOYALTY_PROGRAM"


@dataclass(frozen=True, kw_only=True, slots=True)
class ProgramRules:
    """The programme, its tiers in ascending order, and the earning rate in force, if there is one."""

    program: LoyaltyProgram
    tiers: tuple[Tier, ...]
    points_per_unit: Decimal | None

    def tier_of(self, account: PlayerLoyalty) -> Tier:
        """The tier of a locked account."""
        return next(tier for tier in self.tiers if tier.pk == account.tier_id)


def rules_in_force(*, program_id: int, earned_at: datetime) -> ProgramRules:
    """Read, in one statement, the programme, its tiers and the rate for points that were earned at `earned_at`.

    Call it after the account is locked: it must see what was committed while this transaction waited for the lock.

    :raises NoLoyaltyProgram: no tier begins at 0 points.
    """
    tiers = tuple(_tiers_with_rate(program_id, earned_at))
    if not tiers or tiers[0].threshold_points != 0:
        raise NoLoyaltyProgram("The loyalty programme has no tier that begins at 0 points: set one up first.")
    return ProgramRules(program=tiers[0].program, tiers=tiers, points_per_unit=tiers[0].points_per_unit)


def _query_tiers(program_id: int, earned_at: datetime) -> QuerySet[Any]:
    rate = EarningRate.objects.filter(program=OuterRef("program")).in_force(earned_at)
    tiers = Tier.objects.filter(program=program_id).select_related("program").order_by("threshold_points")
    return tiers.annotate(points_per_unit=Subquery(rate.values("points_per_unit"), output_field=DecimalField()))


_tiers_with_rate = KeptQuery(_query_tiers)


@transaction_required
def open_accounts(*, players: Collection[Player], at: datetime) -> None:
    """Open an account for each of `players`, all of one casino, who has none. Every account is opened here.

    Enrolment calls it, and the loading of a casino, which enrols players in bulk; `lock_account` calls it for a player
    who was enrolled without one.

    :raises NoLoyaltyProgram: the casino has no programme, or the programme has no tier that begins at 0 points.
    """
    if not players:
        return
    casino = next(iter(players)).casino
    # No tier is added until the account is committed. A foreign key takes this lock as well, but only at the commit.
    found = LoyaltyProgram.objects.raw(
        "SELECT * FROM loyalty_loyaltyprogram WHERE casino_id = %s FOR KEY SHARE", [casino.pk]
    )
    program = next(iter(found), None)
    if program is None:
        raise NoLoyaltyProgram(f"{casino} has no loyalty programme: set one up before enrolling players.")
    rules = rules_in_force(program_id=program.pk, earned_at=at)
    PlayerLoyalty.objects.bulk_create(
        [
            PlayerLoyalty(player_id=player.pk, program=program, tier=tier_at(0, rules.tiers), updated_at=at)
            for player in players
        ],
        ignore_conflicts=True,
    )


@transaction_required
def lock_account(*, player_id: int, at: datetime) -> PlayerLoyalty:
    """Lock the account of a player in the caller's transaction, and read its player, casino and programme.

    The player, the programme and the tiers may have changed while this transaction waited for the lock: read the rules
    after it. A player who was enrolled without an account gets one here, and only one, also if several ask at once.

    :raises NotFound: there is no such player.
    :raises NoLoyaltyProgram: the account is missing and cannot be opened.
    """
    account = next(iter(_locked_account(player_id)), None)
    if account is None:
        player = Player.objects.select_related("casino").filter(pk=player_id).first()
        if player is None:
            raise NotFound(f"There is no player {player_id}.")
        open_accounts(players=[player], at=at)
        (account,) = _locked_account(player_id)
    return account


@transaction_required
def lock_accounts(*, player_ids: Collection[int], at: datetime) -> dict[int, PlayerLoyalty]:
    """Lock the accounts of several players like `lock_account`, in key order, in one statement; by player.

    :raises NotFound, NoLoyaltyProgram: see `lock_account`.
    """
    accounts = {account.player_id: account for account in _locked_accounts().filter(player__in=player_ids)}
    # An account that is opened now has a greater key than all others.
    for player_id in sorted(set(player_ids) - accounts.keys()):
        accounts[player_id] = lock_account(player_id=player_id, at=at)
    return accounts


def _locked_accounts() -> LockingQuerySet[PlayerLoyalty]:
    accounts: LockingQuerySet[PlayerLoyalty] = PlayerLoyalty.objects.locked()
    return accounts.select_related("player__casino", "program")


_locked_account = KeptQuery(lambda player_id: _locked_accounts().filter(player=player_id))
