"""Print the balance of a player at an instant."""

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
from core.words import counted
from loyalty.models import PlayerLoyalty
from loyalty.services import balance_at

FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2200


class Command(ProjectCommand):
    may_change = False
    help = (
        "Print the balance of a player now or at an earlier instant, with the lifetime points and the number of "
        "entries: the sums of the entries dated at the instant or earlier."
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
        chosen_casino = casino_with_code(casino)
        account = PlayerLoyalty.objects.filter(player__casino=chosen_casino, player__card_number__iexact=card).first()
        if account is None:
            raise CommandError(f"{chosen_casino} has no account for card {card}.", returncode=WRONG_USE)
        instant = at or timezone.now()
        if timezone.is_naive(instant):
            instant = _by_the_clock_of(chosen_casino, instant)
        balance = balance_at(account=account, at=instant)
        local = timezone.localtime(instant, chosen_casino.zone).isoformat(timespec="seconds")
        if as_json:
            data = {
                "casino": chosen_casino.code,
                "account": account.pk,
                "at": local,
                "balance": balance.balance,
                "lifetime_points": balance.lifetime_points,
                "entries": balance.entries,
                "last_entry": balance.last_entry_id,
            }
            self.say(json.dumps(data))
        else:
            last = f", the last is {balance.last_entry_id}" if balance.last_entry_id else ""
            self.say(
                f"{chosen_casino.code} account {account.pk} at {local}: balance {balance.balance:,}, "
                f"lifetime points {balance.lifetime_points:,}, {counted(balance.entries, 'entry', 'entries')}{last}"
            )


def _by_the_clock_of(casino: Casino, local: datetime) -> datetime:
    match shown_as(local, zone=casino.zone):
        case [instant]:
            return instant
        case []:
            problem = f"The clock of {casino} never shows {local.isoformat()}: that hour was left out."
        case instants:
            which = " or ".join(instant.astimezone(casino.zone).isoformat() for instant in instants)
            problem = f"The clock of {casino} shows {local.isoformat()} twice: say which, {which}."
    raise CommandError(problem, returncode=WRONG_USE)


def _instant(text: str) -> datetime:
    with suppress(ValueError):
        instant = datetime.fromisoformat(text)
        if FIRST_YEAR <= instant.year <= LAST_YEAR:
            return instant
    raise ArgumentTypeError(f"“{text}” is not an instant such as 2026-11-14T19:30")
