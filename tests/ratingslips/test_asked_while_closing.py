"""Acts on a live slip ask nobody who they are, and do nothing to one that closes while they wait: it has points."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.roles import PIT_SUPERVISOR
from loyalty.models import LedgerEntry
from ratingslips.models import RatingSlip
from ratingslips.services import complete_rating_slip
from tests.concurrency import Elsewhere, held_before_commit, wait_until_blocked
from tests.config.matrix.posts import correction_of
from tests.console import signed_in
from tests.floor import Floor
from tests.ratingslips.corrections import REASON
from tests.second_factors import long_ago


def _half_an_hour_later(slip: RatingSlip) -> str:
    """Half an hour after the opening, as the page of a correction has it."""
    return f"{(slip.opened_at + timedelta(minutes=30)).astimezone(slip.casino.zone):%H:%M:%S}"


Posting = Callable[[Floor, RatingSlip], tuple[str, dict[str, Any]]]

# Each without the version that its page sends.
ACTS: dict[str, Posting] = {
    "void": lambda _, slip: (reverse("floor:slip", args=[slip.pk]), {"do": "void"}),
    "wrong player": lambda floor, slip: (
        reverse("floor:wrong_player", args=[slip.pk]),
        {"player": floor.player().pk},
    ),
    "correct": lambda _, slip: (
        reverse("admin:ratingslips_ratingslip_correct", args=[slip.pk]),
        correction_of(slip) | {"play-0-until": _half_an_hour_later(slip), "expected_version": ""},
    ),
}


@pytest.mark.django_db(transaction=True)
class TestSlipThatCloses:
    @pytest.mark.parametrize("act", ACTS)
    def test_keeps_its_points_from_who_was_not_asked(self, committed_floor: Floor, act: str) -> None:
        slip = committed_floor.played_slip()
        client: Client = long_ago(signed_in(committed_floor.supervisor, PIT_SUPERVISOR))
        url, sent = ACTS[act](committed_floor, slip)
        sent = sent | {"reason": REASON, "request_id": uuid4()}

        with held_before_commit(
            lambda: complete_rating_slip(slip=slip, actor=committed_floor.boss, at=timezone.now())
        ) as closing:
            acting = Elsewhere(lambda: client.post(url, sent))
            wait_until_blocked(acting.backend, by=closing.backend)

        assert b'name="asked-again"' not in acting.result().content
        slip.refresh_from_db()
        assert (slip.status, slip.correction_count) == (RatingSlip.Status.CLOSED, 0)
        assert LedgerEntry.objects.get().kind == LedgerEntry.Kind.GAMEPLAY
