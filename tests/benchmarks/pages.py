"""How many buffers each page of the permission matrix reads: `python -m tests.benchmarks.pages`.

Run it on the history of `tests.benchmarks.millions`. A buffer is a block of 8 kB that PostgreSQL reads for a statement
of the page, from its memory or not. Nothing that is written stays. With `--combined 3` it asks the lists with up to
three of their filters at once, instead.
"""

import argparse
import logging
import os
import sys
from collections.abc import Iterator
from functools import partial
from itertools import combinations, product
from typing import Any, Final

import django

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()

from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test import Client
from django.test.utils import setup_test_environment
from django.urls import reverse
from django.utils import timezone

from core.factors.models import SecondFactor
from core.models import Casino
from core.roles import AUDITOR, LOYALTY_SUPERVISOR, OPERATOR, PIT_BOSS, PIT_SUPERVISOR
from loyalty.models import PlayerLoyalty
from ratingslips.models import RatingSlip
from tests.buffers import buffers_read
from tests.config.matrix.asking import Asking, addresses
from tests.config.matrix.house import Rows, TwoCasinos
from tests.console import signed_in
from tests.constraints import inserted
from tests.factories import StaffFactory
from tests.floor import Floor, give_rights
from tests.loyalty.rows import checkpoint_row, verification_row

MOST_BUFFERS: Final = 300
LISTS: Final = {
    "admin:loyalty_ledgerentry_changelist": (
        "kind=GAMEPLAY",
        "kind=MANUAL_BONUS",
        "kind=ADJUSTMENT",
        "kind=REVERSAL",
        "comp_type={comp_type}",
        "comp_type={comp_type}&staff={staff}",
        "comp_type={comp_type}&first_day={day}&account={account}",
        "reason_code=WRONG_POINTS",
        "kind=ADJUSTMENT&reason_code=OTHER",
        "account={account}&reason_code=OTHER",
        "last_day={day}&reason_code=OTHER",
        "tier_change=on",
        "recovered=on",
        "staff={staff}",
        "account={account}",
        "staff={staff}&kind=MANUAL_BONUS",
        "last_day={day}",
        "first_day={day}&last_day={day}",
        "last_day={day}&kind=MANUAL_BONUS",
        "last_day={day}&kind=ADJUSTMENT",
        "last_day={day}&staff={staff}",
        "last_day={day}&tier_change=on",
        "least_points=2000",
        "most_points=-1000",
        "kind=PROMOTION&tier_change=on",
        "kind=MANUAL_BONUS&most_points=-1000",
        "kind=GAMEPLAY&account={account}",
        "kind=GAMEPLAY&q=castillo",
        "kind=MANUAL_BONUS&q=castillo+jose+a0",
        "staff=system&q=castillo+jose+a0",
        "kind=GAMEPLAY&recovered=on",
        "after=0",
        "q=castillo",
        "q=castillo+jose+a0",
        "q=oneil+z999",
    ),
    "admin:ratingslips_ratingslip_changelist": (
        "status__exact=OPEN",
        "status__exact=PAUSED",
        "owed=1",
        "corrected=1",
        "gaming_day={day}",
        "gaming_day={day}&status__exact=CLOSED",
        "pit__id__exact={pit}",
        "player__id__exact={player}",
        "p=20",
        "status__exact=VOID",
        "status__exact=VOID&pit__id__exact={pit}",
        "status__exact=VOID&gaming_day={day}",
        "status__exact=CLOSED&pit__id__exact={pit}&p=20",
        "gaming_day={day}&pit__id__exact={pit}",
        "p=20&q=castillo+jose+a0",
        "q=castillo+jose+a0",
        "q=castillo",
        "q=M1-5",
    ),
    "admin:core_change_changelist": (
        "what=core_player",
        "what=ratingslips_pit",
        "what=auth_group",
        "of_no_casino=on",
        "who={staff}",
        "who={staff}&what=core_player",
        "who=nobody&what=core_player",
        "who=nobody",
        "last_day={day}",
        "of=core_player:{player}",
        "whom=castillo",
        "whom=castillo+jose+a0",
        "after=0.0",
    ),
    "admin:core_player_changelist": (
        "status__exact=BARRED",
        "p=20",
        "q=castillo",
        "q=jo",
        "q=castillo+jose+a0",
        "q=zz",
    ),
    "admin:loyalty_playerloyalty_changelist": (
        "p=20",
        "tier__id__exact={tier}",
        "q=castillo",
    ),
    "admin:loyalty_comptype_month": (
        "month={month}&by=staff",
        "month={month}&by=account",
        "month={month}&by=account&before={comp_type}.50.1000000",
    ),
    "trace:search": ("q=castillo", "q=castillo+jose+a0"),
    "floor:seat": ("q=castillo", "q=castillo+jose+a0", "q=jo"),
}
# The filters of the long lists, and values of each; a page of a list is asked with one value of some of them.
FILTERS: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "admin:loyalty_ledgerentry_changelist": {
        "kind": ("GAMEPLAY", "MANUAL_BONUS", "ADJUSTMENT", "REVERSAL"),
        "comp_type": ("{comp_type}",),
        "staff": ("{staff}", "system"),
        "reason_code": ("OTHER", "WRONG_POINTS"),
        "first_day": ("{day}",),
        "last_day": ("{day}",),
        "least_points": ("2000",),
        "most_points": ("-1000",),
        "tier_change": ("on",),
        "recovered": ("on",),
        "account": ("{account}",),
        "q": ("castillo", "castillo+jose+a0"),
    },
    "admin:ratingslips_ratingslip_changelist": {
        "status__exact": ("OPEN", "PAUSED", "CLOSED", "VOID"),
        "owed": ("1",),
        "corrected": ("1",),
        "gaming_day": ("{day}",),
        "pit__id__exact": ("{pit}",),
        "player__id__exact": ("{player}",),
        "p": ("20",),
        "q": ("castillo", "castillo+jose+a0"),
    },
    "admin:core_change_changelist": {
        "what": ("core_player", "ratingslips_pit", "auth_group"),
        "who": ("{staff}", "nobody"),
        "of_no_casino": ("on",),
        "of": ("core_player:{player}",),
        "first_day": ("{day}",),
        "last_day": ("{day}",),
        "whom": ("castillo", "castillo+jose+a0"),
    },
    "admin:core_player_changelist": {
        "status__exact": ("ACTIVE", "BARRED"),
        "casino__id__exact": ("{casino}",),
        "p": ("20",),
        "q": ("castillo", "jo", "zz"),
    },
    "admin:loyalty_playerloyalty_changelist": {
        "tier__id__exact": ("{tier}",),
        "p": ("20",),
        "q": ("castillo", "jo"),
    },
}


def house_of(casino: Any) -> TwoCasinos:
    """The casino as the matrix asks for its rows."""
    pit = casino.pits.order_by("pk").first()
    people = [StaffFactory.create(casino=casino) for _ in range(2)]
    floor: Any = Floor(
        casino=casino,
        program=casino.loyalty_program,
        pit=pit,
        table=pit.gaming_tables.first(),
        boss=people[0],
        supervisor=people[1],
        now=timezone.now(),
    )
    give_rights(
        (people[1], pit, ["operate_pit", "recover_loyalty"]),
        (people[1], floor.program, ["award", "redeem", "pause_program"]),
    )
    slips = RatingSlip.objects.filter(casino=casino)
    live, closed = slips.filter(status="OPEN", table__pit=pit)[0], slips.filter(settled_at__isnull=False)[500]
    colleague = StaffFactory.create(casino=casino, username="colleague-measured")
    rows = Rows(
        floor=floor,
        open=live,
        paused=live,
        withheld=closed,
        owed=slips.owed()[0],
        closed=closed,
        newcomer=closed.player,
        of_model={},
        factor=SecondFactor(pk=0, user=colleague),
    )
    rows.of_model = rows._of_models()
    others: list[Any] = [Group.objects.first(), inserted(checkpoint_row(floor)), inserted(verification_row(floor))]
    shared = {row._meta.label_lower: row for row in others}
    return TwoCasinos(own=rows, other=rows, shared=shared, staff={}, sessions={})


def urls_of(house: TwoCasinos) -> dict[str, str]:
    asking = Asking.__new__(Asking)
    asking._house, asking._patterns = house, dict(addresses())
    values = _values_of(house)
    urls = {name: asking.url_of(name) for name in asking._patterns if not name.startswith("/")}
    for name, queries in LISTS.items():
        plain = urls[name].partition("?")[0]
        urls |= {f"{name} {query}": f"{plain}?{query.format(**values)}" for query in queries}
    return urls


def combined_urls_of(house: TwoCasinos, *, most: int) -> dict[str, str]:
    """The addresses of the long lists with up to `most` of their filters."""
    values = _values_of(house)
    return {
        f"{name} {query}": f"{reverse(name)}?{query.format(**values)}"
        for name, filters in FILTERS.items()
        for query in _queries(filters, most=most)
    }


def _queries(filters: dict[str, tuple[str, ...]], *, most: int) -> Iterator[str]:
    for number in range(1, most + 1):
        for names in combinations(filters, number):
            for values in product(*(filters[name] for name in names)):
                yield "&".join(f"{name}={value}" for name, value in zip(names, values, strict=True))


def _values_of(house: TwoCasinos) -> dict[str, Any]:
    floor, closed = house.own.floor, house.own.closed
    return {
        "casino": floor.casino.pk,
        "staff": floor.casino.staff.order_by("pk")[1].pk,
        "account": PlayerLoyalty.objects.get(player=closed.player).pk,
        "player": closed.player_id,
        "day": closed.gaming_day,
        "pit": floor.pit.pk,
        "month": f"{closed.gaming_day:%Y-%m}",
        "comp_type": floor.program.comp_types.values_list("pk", flat=True)[0],
        "tier": floor.program.tiers.values_list("pk", flat=True)[0],
    }


def buffers_of(client: Client, url: str) -> list[tuple[int, str]]:
    """The buffers that each statement of the page reads; what the page writes is undone."""
    saved = transaction.savepoint()
    try:
        return buffers_read(partial(client.get, url))
    finally:
        transaction.savepoint_rollback(saved)


def people_of(house: TwoCasinos) -> dict[str, Client]:
    """Who asks: each role alone, one person with all roles of a casino, and those who see all casinos."""
    floor = house.own.floor
    give_rights((floor.boss, floor.pit, ["operate_pit"]))
    return {
        "supervisor": signed_in(floor.supervisor, AUDITOR, LOYALTY_SUPERVISOR, PIT_BOSS, PIT_SUPERVISOR),
        "boss": signed_in(floor.boss, PIT_BOSS),
        "auditor": signed_in(StaffFactory.create(casino=floor.casino), AUDITOR),
        "operator": signed_in(StaffFactory.create(casino=None), OPERATOR),
        "root": signed_in(StaffFactory.create(casino=None, is_superuser=True)),
    }


def main(arguments: list[str]) -> None:
    """Measure every page, and print those that read most first."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.pages", description=__doc__)
    parser.add_argument("--combined", type=int, default=0, metavar="FILTERS")
    parser.add_argument("--people", nargs="+", help="ask as these alone, such as: auditor root")
    options = parser.parse_args(arguments)
    setup_test_environment()
    logging.disable()
    casino = max(Casino.objects.all(), key=lambda each: RatingSlip.objects.filter(casino=each)[:300_000].count())
    around_all = transaction.atomic()
    around_all._from_testcase = True  # type: ignore[attr-defined]  # As Django's TestCase does: signing in wants no transaction around it.
    with around_all:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
        house = house_of(casino)
        people = {who: client for who, client in people_of(house).items() if who in (options.people or [who])}
        urls = combined_urls_of(house, most=options.combined) if options.combined else urls_of(house)
        lines = [
            (sum(each for each, _ in read), name, who, max(read, default=(0, "")))
            for name, url in urls.items()
            for who, client in people.items()
            for read in [buffers_of(client, url)]
        ]
        transaction.set_rollback(True)
    for buffers, name, who, (most, sql) in sorted(lines, reverse=True):
        mark = "!" if buffers > MOST_BUFFERS else " "
        sys.stdout.write(f"{mark} {buffers:>9,} {who:<10} {name}  ({most:,}: {sql[: int(os.environ.get('SQL', 0))]})\n")


if __name__ == "__main__":
    main(sys.argv[1:])
