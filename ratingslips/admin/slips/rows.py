"""Slips as rows of a list and of a confirmation page, each with the version that the page shows."""

from collections.abc import Sequence
from typing import Any

from core.console import display
from core.console.links import link_to
from core.console.row_actions import Row
from core.models import ReasonCode
from ratingslips.admin.slips.forms import table_choices
from ratingslips.events import SlipVersion
from ratingslips.models import GamingTable, RatingSlip


def version_of(slip: Any) -> SlipVersion:
    """The version of a slip that was fetched `with_play`."""
    return SlipVersion(seq=slip.last_seq, status=slip.status)


def status_pill(slip: RatingSlip) -> str:
    """The slip's status, for people."""
    return display.pill(slip.get_status_display(), state=slip.status)


def describe(slips: Sequence[RatingSlip]) -> list[Row]:
    """A row for each slip, which was fetched with its play and version."""
    return [
        Row(
            obj=slip,
            name=slip.slip_number,
            version=version_of(slip).text,
            cells=(
                link_to(slip.player, display.name_and_card(slip.player)),
                slip.place,
                status_pill(slip),
                display.amount(slip.average_bet),
                display.played(slip.played),
            ),
        )
        for slip in slips
    ]


def describe_with_codes(slips: Sequence[RatingSlip]) -> list[Row]:
    """The same, with the reason codes of the slip's casino as context."""
    codes = list(ReasonCode.objects.filter(casino__in={slip.casino_id for slip in slips}))
    rows = describe(slips)
    for row in rows:
        row.context = [code for code in codes if code.casino_id == row.obj.casino_id]
    return rows


def describe_with_tables(slips: Sequence[RatingSlip]) -> list[Row]:
    """The same, with the tables of the slip's casino as context."""
    tables = table_choices(GamingTable.objects.filter(casino__in={slip.casino_id for slip in slips}))
    rows = describe(slips)
    for row in rows:
        row.context = tables.get(row.obj.casino_id, ())
    return rows
