"""Print what a player's account stood at."""

import json
from argparse import ArgumentParser, ArgumentTypeError
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from django.core.management.base import CommandError
from django.utils import timezone

from core.clock import shown_as
from core.commands import WRONG_USE, ProjectCommand, casino_with_code
from core.models import Casino
from loyalty.models import PlayerLoyalty
from loyalty.services import balance_at

FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2200


class Command(ProjectCommand):
    may_change = False
    help = (
        "Print the balance of a player now or at an instant that has passed, with the lifetime points and how many "
        "entries there were: those dated at the instant or earlier, added up."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--casino", metavar="CODE", required=True, help="the player's casino")
        parser.add_argument("--card", metavar="NUMBER", required=True, help="the player's card number")
        parser.add_argument(
            "--at",
            type=_instant,
            metavar="INSTANT",
            help="such as 2026-11-14T19:30, by the casino's clock, or with an offset of its own (default: now)",
        )
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")

    def describe_work_done(self) -> str:
        return "Looking changes nothing."

    def run(self, *, casino: str, card: str, at: datetime | None, as_json: bool, **_: Any) -> None:
        house = casino_with_code(casino)
        account = PlayerLoyalty.objects.filter(player__casino=house, player__card_number=card).first()
        if account is None:
            raise CommandError(f"{house} has no account for card {card}.", returncode=WRONG_USE)
        instant = at or timezone.now()
        if timezone.is_naive(instant):
            instant = _by_the_clock_of(house, instant)
        stood = balance_at(account=account, at=instant)
        local = timezone.localtime(instant, house.zone).isoformat(timespec="seconds")
        if as_json:
            told = {
                "casino": house.code,
                "account": account.pk,
                "at": local,
                "balance": stood.balance,
                "lifetime_points": stood.lifetime_points,
                "entries": stood.entries,
                "last_entry": stood.last_entry_id,
            }
            self.say(json.dumps(told))
        else:
            last = f", the last is {stood.last_entry_id}" if stood.last_entry_id else ""
            self.say(
                f"{house.code} account {account.pk} at {local}: balance {stood.balance:,}, "
                f"lifetime points {stood.lifetime_points:,}, {stood.entries:,} entries{last}"
            )


def _by_the_clock_of(house: Casino, local: datetime) -> datetime:
    match shown_as(local, zone=house.zone):
        case [instant]:
            return instant
        case []:
            told = f"The clock of {house} never shows {local.isoformat()}: that hour was left out."
        case instants:
            which = " or ".join(instant.astimezone(house.zone).isoformat() for instant in instants)
            told = f"The clock of {house} shows {local.isoformat()} twice: say which, {which}."
    raise CommandError(told, returncode=WRONG_USE)


def _instant(text: str) -> datetime:
    with suppress(ValueError):
        instant = datetime.fromisoformat(text)
        if FIRST_YEAR <= instant.year <= LAST_YEAR:
            return instant
    raise ArgumentTypeError(f"“{text}” is not an instant such as 2026-11-14T19:30")
