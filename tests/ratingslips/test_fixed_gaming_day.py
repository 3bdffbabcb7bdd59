"""The time zone and the start of the day of a casino are fixed once days were recorded by them."""

from collections.abc import Callable
from datetime import time
from typing import Any

import pytest
from django.db import IntegrityError

from core.models import Casino
from tests.console import address, fields_in, signed_in
from tests.factories import StaffFactory
from tests.floor import Floor
from tests.loyalty.postings import award
from tests.loyalty.rows import export_row

RECORDS: dict[str, Callable[[Floor], Any]] = {
    "slip": lambda floor: floor.open_slip(),
    "entry": lambda floor: award(floor, floor.player()),
    "export": lambda floor: export_row(floor).save(),
}
OTHER = {"time_zone": "Asia/Macau", "gaming_day_starts_at": time(4)}


def _change(floor: Floor) -> tuple[str, Casino]:
    """Send the casino's form with another time zone and start; return what the page said before, and the casino."""
    client = signed_in(StaffFactory.create(casino=None, is_superuser=True))
    url = address(Casino, "change", floor.casino.pk)
    page = client.get(url)
    client.post(url, fields_in(page) | {"name": "Renamed"} | OTHER)
    return page.content.decode(), Casino.objects.get(pk=floor.casino.pk)


class TestCasinoWithRecords:
    @pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
    @pytest.mark.parametrize("field", OTHER)
    def test_keeps_its_zone_and_start_in_the_database(self, floor: Floor, record: Any, field: str) -> None:
        record(floor)

        with pytest.raises(IntegrityError, match="days of casino"):
            Casino.objects.filter(pk=floor.casino.pk).update(**{field: OTHER[field]})

    @pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
    def test_shows_them_with_the_reason_and_takes_a_name(self, floor: Floor, record: Any) -> None:
        record(floor)

        page, casino = _change(floor)

        assert "are fixed: slips, ledger entries or exports were recorded by them" in page
        assert (casino.name, casino.time_zone, casino.gaming_day_starts_at) == (
            "Renamed",
            "America/Los_Angeles",
            time(6),
        )


class TestCasinoWithoutRecords:
    def test_takes_another_zone_and_start(self, floor: Floor) -> None:
        RECORDS["slip"](Floor.build())

        page, casino = _change(floor)

        assert "are fixed" not in page
        assert {name: getattr(casino, name) for name in OTHER} == OTHER
