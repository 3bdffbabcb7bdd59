"""The ledger as a pure model without a database: the acknowledged postings and their sums."""

from dataclasses import dataclass, field
from datetime import datetime

from loyalty.services import LoyaltyPosting


@dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledged:
    """One posting that was acknowledged."""

    player_id: int
    entry_id: int
    at: datetime
    points: int
    counts_for_life: bool


@dataclass(kw_only=True)
class LedgerModel:
    """Every posting that was acknowledged, in the order in which they were."""

    postings: list[Acknowledged] = field(default_factory=list)

    def record(self, posting: LoyaltyPosting, *, at: datetime, counts_for_life: bool = True) -> None:
        """Remember an answer; a replay says nothing new."""
        if not posting.replayed:
            self.postings.append(
                Acknowledged(
                    player_id=posting.player_id,
                    entry_id=posting.entry_id,
                    at=at,
                    points=posting.points,
                    counts_for_life=counts_for_life,
                )
            )

    def of(self, player_id: int, *, at: datetime | None = None) -> list[Acknowledged]:
        """The postings of a player that are dated `at` or earlier, in order."""
        return [each for each in self.postings if each.player_id == player_id and (at is None or each.at <= at)]

    def balance(self, player_id: int, *, at: datetime | None = None) -> int:
        """The sum of the postings."""
        return sum(each.points for each in self.of(player_id, at=at))

    def lifetime_points(self, player_id: int, *, at: datetime | None = None) -> int:
        """What of them was earned."""
        return sum(each.points for each in self.of(player_id, at=at) if each.counts_for_life)
