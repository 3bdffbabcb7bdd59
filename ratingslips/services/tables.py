"""Check that a table may move to another pit; the permissions on its slips are those of the pit."""

from core.errors import DomainError
from core.models import User
from core.permissions import require_permission
from core.text import isolated
from core.transactions import transaction_required
from core.words import counted
from ratingslips.models import GamingTable, Pit, RatingSlip
from ratingslips.permissions import OPERATE_PIT


class TableHasLiveSlips(DomainError):
    """Somebody is being rated at the table, so it stays in its pit."""

    code = "TABLE_HAS_LIVE_SLIPS"


@transaction_required
def require_table_may_move(table: GamingTable, *, to: Pit, actor: User) -> None:
    """Refuse to move `table`, which the caller's transaction has locked, from its pit to the pit `to`.

    PostgreSQL refuses the move of a table with a live slip as well, for what does not ask here.

    :raises NotPermitted: the actor does not operate both pits.
    :raises TableHasLiveSlips: a slip is open or paused at the table.
    """
    for pit in (table.pit, to):
        require_permission(actor, OPERATE_PIT, pit)
    live = RatingSlip.objects.live().filter(table=table).count()
    if live:
        raise TableHasLiveSlips(
            f"{isolated(table.name)} stays in {isolated(table.pit.name)}: it has {counted(live, 'live slip')}. "
            f"Close or move {'it' if live == 1 else 'them'} first."
        )
