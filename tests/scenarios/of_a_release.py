"""Acts of every kind, by the release whose checkout PYTHONPATH names: `test_upgrading.py` runs this file there."""

import sys
from pathlib import Path

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.test.utils import setup_test_environment  # noqa: E402
from django.urls import reverse  # noqa: E402

from core.models import Player  # noqa: E402
from core.roles import AUDITOR, PIT_BOSS  # noqa: E402
from loyalty.models import LedgerEntry  # noqa: E402
from loyalty.services import manual_reward, reverse_entry  # noqa: E402
from ratingslips.models import RatingSlip  # noqa: E402
from ratingslips.services import complete_rating_slip  # noqa: E402
from tests.commands import run  # noqa: E402
from tests.console import address, signed_in  # noqa: E402
from tests.floor import Floor  # noqa: E402
from tests.ratingslips.imports import VISIT, import_lines, load_three_files  # noqa: E402


def work(floor: Floor) -> RatingSlip:
    """Open, change and complete a slip; award points and take them back; leave one slip owed and one live."""
    slip = floor.played_slip()
    complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
    award = manual_reward(
        player=slip.player, points=500, reason="For the long wait", actor=floor.supervisor, at=floor.now
    )
    reverse_entry(entry=award.entry_id, reason="For another player", actor=floor.supervisor, at=floor.now)
    floor.owed_slip(seat=2)
    return floor.open_slip(seat=3)


def look(floor: Floor, live: RatingSlip) -> None:
    """Show pages of the console."""
    boss, auditor = signed_in(floor.boss, PIT_BOSS), signed_in(floor.supervisor, AUDITOR)
    pages = [
        (boss, reverse("floor:pit", args=[floor.pit.pk])),
        (boss, reverse("floor:slip", args=[live.pk])),
        (boss, reverse("desk:player", args=[live.player_id])),
        *((auditor, address(model, "changelist")) for model in (RatingSlip, LedgerEntry, Player)),
        (auditor, address(Player, "history", live.player_id)),
    ]
    for browser, url in pages:
        assert browser.get(url).status_code == 200, url


def main(folder: Path) -> None:
    setup_test_environment()
    load_three_files(folder / "casino")
    floor = Floor.build()
    look(floor, work(floor))
    ran = import_lines(folder / "events.csv", *VISIT)
    assert ran.code == 0, ran
    assert run("recover_slip_loyalty").code == 0
    sys.stdout.write(str(settings.BASE_DIR))


main(Path(sys.argv[1]))
