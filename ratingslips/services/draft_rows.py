"""Write the rows of drafts."""

from collections.abc import Sequence
from itertools import chain

from core.macs import mac_of
from core.transactions import transaction_required
from ratingslips.models import MoneyRow, PlaySegment, RatingSlip, SlipRequest
from ratingslips.services.closing import CLOSING_FIELDS
from ratingslips.services.draft import Draft
from ratingslips.services.segments import SEGMENT_END_FIELDS


@transaction_required
def save_new(drafts: Sequence[Draft]) -> None:
    """Write slips that acts opened, in their order, with their segments, requests and money."""
    RatingSlip.objects.bulk_create([draft.slip for draft in drafts if draft.slip is not None])
    PlaySegment.objects.bulk_create([segment for draft in drafts for segment in draft.segments])
    _save_requests(drafts)


@transaction_required
def save_changed(drafts: Sequence[Draft]) -> None:
    """Write what the acts changed of slips that were there before, with their new segments, requests and money.

    Of several slips none has moved.
    """
    ended = [draft.segments[draft.kept - 1] for draft in drafts if draft.has_ended_a_kept_segment]
    PlaySegment.objects.bulk_update(ended, SEGMENT_END_FIELDS)
    PlaySegment.objects.bulk_create([segment for draft in drafts for segment in draft.segments[draft.kept :]])
    place = ("table", "pit", "seat")
    closing = [draft.slip for draft in drafts if draft.slip is not None and draft.is_closing]
    RatingSlip.objects.bulk_update(closing, [*place, *CLOSING_FIELDS])
    live = [draft.slip for draft in drafts if draft.slip is not None and not draft.slip.is_closed]
    RatingSlip.objects.bulk_update(live, [*place, "status"])
    _save_requests(drafts)


def _save_requests(drafts: Sequence[Draft]) -> None:
    for draft in drafts:
        for request in draft.requests:
            assert draft.slip is not None
            request.slip = draft.slip
            request.mac = mac_of(request.claims())
    SlipRequest.objects.bulk_create(chain.from_iterable(draft.requests for draft in drafts))
    MoneyRow.objects.bulk_create(chain.from_iterable(draft.money_rows for draft in drafts))
