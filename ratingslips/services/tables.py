"""Check that a table may get another pit, which decides who acts on its slips, game or name, and a pit another name."""

from core.errors import DomainError
from core.models import User
from core.permissions import require_permission
from core.text import isolated
from core.transactions import transaction_required
from core.words import counted
from ratingslips.models import GameSettings, GamingTable, Pit, RatingSlip
from ratingslips.permissions import OPERATE_PIT


class TableHasLiveSlips(DomainError):
    """Somebody is being rated at the table, so it keeps its pit and its game."""

    code = "TABLE_HAS_LIVE_SLIPS"


@transaction_required
def require_table_may_change(table: GamingTable, *, pit: Pit, game: GameSettings, name: str, actor: User) -> None:
    """Refuse another pit, game or name for `table`, which the caller's transaction has locked.

    Files name tables. A table that got the name of another pit's table would get the play of that one from a file.
    PostgreSQL refuses another pit or game for a table with a live slip as well, also where this is not called.

    :raises NotPermitted: the actor does not operate the table's pit, or the one that it would move to.
    :raises TableHasLiveSlips: the pit or the game would change while a slip is open or paused at the table.
    """
    keeps_pit_and_game = (pit.pk, game.pk) == (table.pit_id, table.game_id)
    if keeps_pit_and_game and name == table.name:
        return
    for asked in dict.fromkeys((table.pit, pit)):
        require_permission(actor, OPERATE_PIT, asked)
    if keeps_pit_and_game:
        return
    live = RatingSlip.objects.live().filter(table=table).count()
    if live:
        keeps = (
            f"stays in {isolated(table.pit.name)}" if pit.pk != table.pit_id else f"keeps {isolated(table.game.name)}"
        )
        raise TableHasLiveSlips(
            f"{isolated(table.name)} {keeps}: it has {counted(live, 'live slip')}. "
            f"Close or move {'it' if live == 1 else 'them'} first."
        )


@transaction_required
def require_pit_may_change(pit: Pit, *, name: str, actor: User) -> None:
    """Refuse another name for `pit`: files name pits, and would put tables into the one that got the name.

    :raises NotPermitted: the actor does not operate the pit.
    """
    if name != pit.name:
        require_permission(actor, OPERATE_PIT, pit)
