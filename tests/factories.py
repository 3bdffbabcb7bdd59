"""Rows for tests, whole and in one casino unless told otherwise."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import factory
from django.db import transaction
from django.db.models.signals import post_save
from factory.django import DjangoModelFactory, mute_signals

from core.clock import EARLIEST_EVENT_AT
from core.models import Casino, Player, User
from core.reasons.defaults import add_default_codes
from loyalty.models import CompType, EarningRate, LoyaltyProgram, Tier
from ratingslips.models import GameSettings, GameValues, GamingTable, Pit

Values = Sequence[tuple[datetime, str, str]]
Tiers = tuple[tuple[str, int, str], ...]

DEFAULT_TIERS: Tiers = (
    ("Bronze", 0, "1"),
    ("Silver", 1_000, "1.25"),
    ("Gold", 5_000, "1.5"),
    ("Platinum", 20_000, "2"),
)
WITHOUT_MULTIPLIERS: Tiers = tuple((name, threshold, "1") for name, threshold, _ in DEFAULT_TIERS)


@mute_signals(post_save)
class CasinoFactory(DjangoModelFactory[Casino]):
    """A casino without reason codes, which take longer than all the rest, unless told `reason_codes=True`."""

    class Meta:
        model = Casino
        skip_postgeneration_save = True

    code = factory.Sequence(lambda n: f"harbour-{n}")
    name = "Harbour Casino"
    time_zone = "America/Los_Angeles"

    @factory.post_generation
    def reason_codes(self: Casino, create: bool, extracted: bool | None) -> None:
        if extracted:
            add_default_codes(self.pk)


class ProgramFactory(DjangoModelFactory[LoyaltyProgram]):
    """A programme with the default tiers and 10 points per unit of theo, in force since 2000, unless told otherwise."""

    class Meta:
        model = LoyaltyProgram
        skip_postgeneration_save = True

    casino = factory.SubFactory(CasinoFactory)
    name = "Harbour Rewards"

    @factory.post_generation
    def rules(
        self: LoyaltyProgram,
        create: bool,
        extracted: object,
        tiers: Tiers = DEFAULT_TIERS,
        points_per_unit: Decimal | None = Decimal(10),
    ) -> None:
        Tier.objects.bulk_create(
            Tier(program=self, name=name, threshold_points=threshold, multiplier=Decimal(multiplier))
            for name, threshold, multiplier in tiers
        )
        if points_per_unit is not None:
            EarningRate.objects.create(
                program=self, points_per_unit=points_per_unit, effective_from=datetime(2000, 1, 1, tzinfo=UTC)
            )


class CompTypeFactory(DjangoModelFactory[CompType]):
    """The programme's dinner, at 0.05 a point; it exists once."""

    class Meta:
        model = CompType
        django_get_or_create = ("program", "code")

    code = "dinner"
    label = "Dinner"
    point_value = Decimal("0.05")


class PlayerFactory(DjangoModelFactory[Player]):
    class Meta:
        model = Player

    casino = factory.LazyAttribute(lambda _: ProgramFactory.create().casino)
    card_number = factory.Sequence(lambda n: f"{700_000 + n}")
    first_name = "José"
    last_name = "Nguyễn"

    @classmethod
    def _create(cls, model_class: type[Player], *args: Any, **kwargs: Any) -> Player:
        with transaction.atomic():  # the player's account is opened with them
            player: Player = super()._create(model_class, *args, **kwargs)
        return player


class StaffFactory(DjangoModelFactory[User]):
    class Meta:
        model = User

    casino = factory.SubFactory(CasinoFactory)
    username = factory.Sequence(lambda n: f"staff-{n}")
    is_staff = True


class GameFactory(DjangoModelFactory[GameSettings]):
    """A game of 70 decisions per hour at 0.75 % from the beginning, unless told otherwise."""

    class Meta:
        model = GameSettings
        skip_postgeneration_save = True

    casino = factory.SubFactory(CasinoFactory)
    code = factory.Sequence(lambda n: f"blackjack-{n}")
    name = "Blackjack"
    seats = 7

    @factory.post_generation
    def values(self: GameSettings, create: bool, extracted: Values | None, **_: object) -> None:
        """Beginning, decisions per hour and house edge; the last come first, so that they may begin in the past."""
        for begins, decisions, edge in reversed(extracted or ((EARLIEST_EVENT_AT, "70", "0.75"),)):
            figures = {"decisions_per_hour": Decimal(decisions), "house_edge_percent": Decimal(edge)}
            GameValues.objects.create(game=self, effective_from=begins, **figures)


class PitFactory(DjangoModelFactory[Pit]):
    class Meta:
        model = Pit

    casino = factory.SubFactory(CasinoFactory)
    name = factory.Sequence(lambda n: f"Pit {n}")


class TableFactory(DjangoModelFactory[GamingTable]):
    class Meta:
        model = GamingTable

    casino = factory.SubFactory(CasinoFactory)
    pit = factory.SubFactory(PitFactory, casino=factory.SelfAttribute("..casino"))
    game = factory.SubFactory(GameFactory, casino=factory.SelfAttribute("..casino"))
    name = factory.Sequence(lambda n: f"BL-{n:02d}")
    seats = 7
