"""The work of the drill, in a process of its own: completions and promotions, each printed once it is acknowledged."""

import itertools
import json
import sys
import time

import django

django.setup()

from django.utils import timezone  # noqa: E402

from loyalty.models import LedgerEntry  # noqa: E402
from ratingslips.services import complete_rating_slip  # noqa: E402
from tests.factories import TableFactory  # noqa: E402
from tests.floor import Floor  # noqa: E402
from tests.loyalty.attacking import post  # noqa: E402

PLAYERS = 20
PAUSE_SECONDS = 0.02


def main() -> None:
    """Work until the parent ends it."""
    floor = Floor.build()
    players = [floor.player() for _ in range(PLAYERS)]
    for number in itertools.count():
        player = players[number % PLAYERS]
        if number % 3:
            post(floor, player, points=1 + number % 50, at=timezone.now())
        else:
            slip = floor.played_slip(table=TableFactory.create(casino=floor.casino, pit=floor.pit))
            complete_rating_slip(slip=slip, actor=floor.boss, at=timezone.now())
            player = slip.player
        entry = LedgerEntry.objects.filter(account__player=player).order_by("-seq").values("account_id", "seq")[0]
        sys.stdout.write(json.dumps(entry | {"at": time.time()}) + "\n")
        sys.stdout.flush()
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
