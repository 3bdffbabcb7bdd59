"""What PostgreSQL holds of every rating slip, and the indexes by which slips are found."""

from typing import Final

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Upper

from core.finite import is_finite
from ratingslips.models.floor import MAX_SEATS

CONSTRAINTS: Final = (
    models.UniqueConstraint("casino", Upper("slip_number"), name="ratingslips_slip_number_unique_in_casino"),
    models.UniqueConstraint(
        fields=["player"],
        condition=Q(status__in=["OPEN", "PAUSED"]),
        name="ratingslips_slip_one_live_per_player",
    ),
    models.UniqueConstraint(
        fields=["table", "seat"],
        condition=Q(status__in=["OPEN", "PAUSED"]),
        name="ratingslips_slip_one_live_per_seat",
    ),
    ExclusionConstraint(
        name="ratingslips_slip_no_overlap_of_player",
        condition=~Q(status="VOID"),
        expressions=[
            ("player", RangeOperators.EQUAL),
            (
                Func("opened_at", "closed_at", function="TSTZRANGE", output_field=DateTimeRangeField()),
                RangeOperators.OVERLAPS,
            ),
        ],
    ),
    models.CheckConstraint(condition=~Q(slip_number=""), name="ratingslips_slip_has_number"),
    models.CheckConstraint(
        condition=~Q(continues=F("id")) & ~Q(reassigned_from=F("id")),
        name="ratingslips_slip_comes_from_another",
    ),
    models.CheckConstraint(condition=Q(seat__gte=1, seat__lte=MAX_SEATS), name="ratingslips_slip_seat_within_limits"),
    models.CheckConstraint(
        condition=Q(
            status__in=["OPEN", "PAUSED"],
            closed_at=None,
            closed_by=None,
            theoretical_win=None,
        )
        | Q(
            status__in=["CLOSED", "VOID"],
            closed_at__isnull=False,
            closed_by__isnull=False,
            theoretical_win__isnull=False,
        ),
        name="ratingslips_slip_closed_is_whole",
    ),
    models.CheckConstraint(
        condition=~Q(status="VOID") | Q(theoretical_win=0, correction_count__gt=0),
        name="ratingslips_slip_void_is_worth_nothing",
    ),
    models.CheckConstraint(
        condition=Q(uncollected_points=0) | Q(uncollected_points__gt=0, ledger_entry__isnull=False),
        name="ratingslips_slip_uncollected_was_credited",
    ),
    models.CheckConstraint(
        condition=Q(closed_at=None) | Q(closed_at__gte=F("opened_at")),
        name="ratingslips_slip_closed_after_opened",
    ),
    models.CheckConstraint(
        condition=Q(theoretical_win=None) | Q(theoretical_win__gte=0),
        name="ratingslips_slip_theo_not_negative",
    ),
    models.CheckConstraint(condition=is_finite(theoretical_win=16), name="ratingslips_slip_theo_is_finite"),
    models.CheckConstraint(
        condition=Q(settled_at=None) | Q(status__in=["CLOSED", "VOID"]),
        name="ratingslips_slip_settled_is_closed",
    ),
    models.CheckConstraint(
        condition=Q(ledger_entry=None) | Q(status__in=["CLOSED", "VOID"], settled_at__isnull=False),
        name="ratingslips_slip_credited_is_closed",
    ),
    models.CheckConstraint(
        condition=Q(recovered_by=None) | Q(settled_at__isnull=False) & ~Q(owed_because=""),
        name="ratingslips_slip_recovered_was_owed",
    ),
    models.CheckConstraint(
        condition=Q(withheld_because="")
        | Q(
            withheld_because__in=["INACTIVE", "BARRED"],
            settled_at__isnull=False,
            owed_because="",
        ),
        name="ratingslips_slip_withheld_is_settled",
    ),
    models.CheckConstraint(
        condition=Q(released_at__isnull=False, released_at__gte=F("settled_at")) & ~Q(withheld_because="")
        | Q(released_at=None) & (Q(withheld_because="") | Q(ledger_entry=None)),
        name="ratingslips_slip_released_was_withheld",
    ),
)

INDEXES: Final = (
    models.Index(
        fields=["closed_at", "id"],
        include=["casino", "pit"],
        condition=Q(status="CLOSED", settled_at=None),
        name="ratingslips_slip_owed",
    ),
    models.Index(
        fields=["casino", "-closed_at"],
        condition=~Q(withheld_because="") & Q(released_at=None),
        name="ratingslips_slip_withheld",
    ),
    models.Index(
        fields=["casino"],
        include=["uncollected_points"],
        condition=Q(uncollected_points__gt=0),
        name="ratingslips_slip_uncollected",
    ),
    # For the ledger's filter by recovered slips, which are few, in the order of the ledger.
    models.Index(
        fields=["casino", "ledger_entry"],
        condition=Q(recovered_by__isnull=False),
        name="ratingslips_slip_recovered",
    ),
    models.Index(
        fields=["recovery_correlation_id"],
        condition=Q(recovery_correlation_id__isnull=False),
        name="ratingslips_slip_recovery",
    ),
    # For the list of slips that were corrected or voided, which are few.
    models.Index(
        fields=["casino", "-opened_at"],
        include=["id"],
        condition=Q(correction_count__gt=0),
        name="ratingslips_slip_corrected",
    ),
    models.Index(fields=["pit"], condition=Q(status__in=["OPEN", "PAUSED"]), name="ratingslips_slip_live_in_pit"),
    models.Index(fields=["player"], condition=Q(correction_count__gt=0), name="ratingslips_slip_corrected_of"),
    # Of closed slips, with what the figures of a day count.
    models.Index(
        fields=["casino", "-closed_at"],
        include=["owed_because", "recovered_by", "withheld_because", "theoretical_win"],
        condition=Q(status="CLOSED"),
        name="ratingslips_slip_closed",
    ),
    models.Index(fields=["opened_at"], condition=Q(status__in=["OPEN", "PAUSED"]), name="ratingslips_slip_live"),
    models.Index(fields=["casino", "-opened_at"], include=["id"], name="ratingslips_slip_opened"),
    models.Index(fields=["pit", "-opened_at"], include=["id", "casino", "status"], name="ratingslips_slip_in_pit"),
    models.Index(
        fields=["casino", "-opened_at"],
        include=["id", "pit"],
        condition=Q(status="VOID"),
        name="ratingslips_slip_void",
    ),
    # For staff who see all casinos.
    models.Index(fields=["gaming_day", "casino", "-opened_at"], include=["id"], name="ratingslips_slip_of_gaming_day"),
    # With what the visits of a player are added up from.
    models.Index(
        "player",
        F("closed_at").desc(nulls_first=True),
        include=["id", "status", "gaming_day", "continues", "theoretical_win", "ledger_entry", "corrected_points"],
        name="ratingslips_slip_of_player",
    ),
)
