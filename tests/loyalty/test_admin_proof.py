"""The pages of proof: what all casinos have together is shown only to staff of all casinos."""

from typing import Any

import pytest
from django.db.models import Model

from core.roles import AUDITOR
from loyalty.models import Checkpoint, LedgerVerification
from tests.console import address, signed_in
from tests.constraints import inserted
from tests.factories import StaffFactory
from tests.floor import Floor
from tests.loyalty.rows import checkpoint_row, verification_row

COUNTS = {"entries": 870_001, "accounts": 870_002}
SUMS = {**COUNTS, "changes": 870_003, "points_total": 870_004, "balance_total": 870_005}
LINE = '{"points_total": 870006}'
BREAK = {"kind": "checkpoint altered", "what": "they differ", "checkpoint": 7, "expected": LINE, "found": LINE}


@pytest.fixture(params=[Checkpoint, LedgerVerification])
def row(request: Any, floor: Floor) -> Model:
    """A checkpoint, and a verification that compared its line with a file."""
    if request.param is Checkpoint:
        return inserted(checkpoint_row(floor, **SUMS))
    return inserted(verification_row(floor, **COUNTS, is_clean=False, first_break=BREAK))


class TestWhatAllCasinosHaveTogether:
    @pytest.mark.parametrize("is_of_all", [False, True])
    def test_is_shown_to_staff_of_all_casinos_alone(self, floor: Floor, row: Model, is_of_all: bool) -> None:
        casino = None if is_of_all else floor.casino
        client = signed_in(StaffFactory.create(casino=casino, is_superuser=is_of_all), AUDITOR)

        pages = {
            url: client.get(url)
            for url in (address(type(row), "changelist"), address(type(row), "change", row.pk), "/console/")
        }

        assert {page.status_code for page in pages.values()} == {200}
        shown = {url: "870" in page.content.decode() for url, page in pages.items()}
        assert shown == dict.fromkeys(pages, is_of_all)
