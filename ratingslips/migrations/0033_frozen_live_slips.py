"""Let a live slip change its status and place and close, and nothing else: who it is of and how it began stay.

What an owed slip keeps of its recovery comes with the recovery alone, and a segment gives its seat back only once it
has ended.
"""

from importlib import import_module

from django.db import migrations

_corrections = import_module("ratingslips.migrations.0021_corrections")
_slip_before = _corrections.FREEZE_SLIP.partition("DROP TRIGGER")[0]
_LIVE_BEFORE = """
        frozen := NEW;
        frozen.correction_count := OLD.correction_count;
        frozen.corrected_points := OLD.corrected_points;
        frozen.uncollected_points := OLD.uncollected_points;
        frozen.opened_at := OLD.opened_at;
        frozen.gaming_day := OLD.gaming_day;
"""
_LIVE = """
        frozen.status := NEW.status;
        frozen.table_id := NEW.table_id;
        frozen.pit_id := NEW.pit_id;
        frozen.seat := NEW.seat;
        IF NEW.status = 'CLOSED' THEN
            frozen.closed_at := NEW.closed_at;
            frozen.closed_by_id := NEW.closed_by_id;
            frozen.theoretical_win := NEW.theoretical_win;
            frozen.correlation_id := NEW.correlation_id;
            frozen.settled_at := NEW.settled_at;
            frozen.ledger_entry_id := NEW.ledger_entry_id;
            frozen.owed_because := NEW.owed_because;
            frozen.withheld_because := NEW.withheld_because;
        END IF;
"""


def _changed(text: str, *changes: tuple[str, str]) -> str:
    for before, after in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    return text


FREEZE_SLIP = _changed(
    _slip_before,
    (_LIVE_BEFORE, _LIVE),
    ("IF OLD.settled_at IS NULL THEN", "IF OLD.settled_at IS NULL AND NEW.settled_at IS NOT NULL THEN"),
    (
        "'what is past changes only with its correction'",
        "'of a live slip all but status, place and closing changes only with its correction'",
    ),
)
FREEZE_SEGMENT = _changed(
    _corrections.FREEZE_SEGMENT,
    ("IF OLD.held_until IS NULL THEN", "IF OLD.held_until IS NULL AND NEW.ended_at IS NOT NULL THEN"),
)


class Migration(migrations.Migration):
    dependencies = [("ratingslips", "0032_figures_in_the_index")]

    operations = [
        migrations.RunSQL(FREEZE_SLIP, _slip_before),
        migrations.RunSQL(FREEZE_SEGMENT, _corrections.FREEZE_SEGMENT),
    ]
