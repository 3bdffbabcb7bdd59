"""What is done to the house: values of games, earning rates, tables, checks for drift and checkpoints."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import rule

from core.errors import DomainError
from loyalty.models import EarningRate
from loyalty.proof.checkpoints import seal_accounts
from loyalty.proof.keys import private_key
from loyalty.services import add_earning_rate
from ratingslips.models import GameValues, GamingTable
from ratingslips.services import add_game_values
from ratingslips.services.drift import check_drift
from ratingslips.services.tables import require_table_may_change
from tests.loyalty.attacking import is_clean
from tests.scenarios.machine import GAMES, Machine, minutes, picks
from tests.scenarios.model import Game


class HouseRules(Machine):
    """Add values and rates, change tables, check for drift, take checkpoints. None of it changes play or points."""

    def begins(
        self, rows: "models.QuerySet[GameValues] | models.QuerySet[EarningRate]", *, is_future: bool
    ) -> datetime:
        """An instant at which new ones may begin: before the first, or in the future."""
        begun = sorted(rows.values_list("effective_from", flat=True))
        return max(begun[-1], timezone.now()) + timedelta(days=1) if is_future else begun[0] - timedelta(days=1)

    @rule(where=picks, is_future=st.booleans())
    def add_values(self, where: int, is_future: bool) -> None:
        game = GamingTable.objects.select_related("game").get(pk=self.table(where)).game
        since = self.begins(GameValues.objects.filter(game=game), is_future=is_future)
        figures: dict[str, Any] = {"decisions_per_hour": Decimal(99), "house_edge_percent": Decimal("9.9")}
        self.attempt(add_game_values, set(), game=game, effective_from=since, at=timezone.now(), **figures)

    @rule(is_future=st.booleans())
    def add_rate(self, is_future: bool) -> None:
        program = self.floor.program
        since = self.begins(EarningRate.objects.filter(program=program), is_future=is_future)
        rate: dict[str, Any] = {"points_per_unit": Decimal(99), "effective_from": since, "at": timezone.now()}
        self.attempt(add_earning_rate, set(), program=program, **rate)

    @rule(where=picks, to=picks, figures=st.sampled_from(GAMES))
    def change_table(self, where: int, to: int, figures: Game) -> None:
        """Every other pick is of a table where nobody is rated, if there is one."""
        played = {slip.play[-1].table for slip in self.slips if slip.is_live}
        free = [table for table in self.tables if table not in played] if where % 2 else []
        pit, game = self.pits[to % len(self.pits)], self.game_rows[figures]
        with transaction.atomic():
            pk = free[where // 2 % len(free)] if free else self.table(where)
            table = GamingTable.objects.locked().get(pk=pk)
            refusal = ""
            try:
                require_table_may_change(table, pit=pit, game=game, name=table.name, actor=self.floor.supervisor)
                GamingTable.objects.filter(pk=table.pk).update(pit=pit, game=game)
                self.games[table.pk] = figures
            except DomainError as error:
                refusal = error.code
        is_same = (pit.pk, game.pk) == (table.pit_id, table.game_id)
        assert refusal == ("TABLE_HAS_LIVE_SLIPS" if table.pk in played and not is_same else "")

    @rule(wait=minutes)
    def check_drift(self, wait: int) -> None:
        at = self.pass_time(wait)
        checked = self.attempt(check_drift, set(), {"DRIFT_JUST_CHECKED"}, casino=self.floor.casino, at=at)
        assert checked is None or checked.accounts == 0

    @rule(wait=minutes)
    def take_checkpoint(self, wait: int) -> None:
        with transaction.atomic():
            seal_accounts(at=self.pass_time(wait), key=private_key(settings.CHECKPOINT_SIGNING_KEY))
        assert is_clean()
