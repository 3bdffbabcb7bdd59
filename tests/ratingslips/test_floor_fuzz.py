"""Whatever is sent to the floor: it answers, and does nothing that was not asked for."""

from typing import Any

from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.roles import PIT_BOSS
from ratingslips.models import PlaySegment, RatingSlip
from tests.console import signed_in
from tests.floor import Floor
from tests.properties import property_settings

_TEXT = st.text(max_size=40) | st.sampled_from(["", "0", "-1", "1:1", "1-OPEN", "1e9", "9" * 40, "NaN", "½", "\0"])
_FIELDS = st.dictionaries(
    st.sampled_from(["do", "seen", "to", "quick", "average_bet", "buy_in", "chips_out", "player", "q", "pit", "part"]),
    _TEXT,
    max_size=6,
)
_fuzz = settings(property_settings, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


class TestFloor:
    @_fuzz
    @given(sent=_FIELDS)
    def test_answers_any_query(self, floor: Floor, sent: dict[str, str]) -> None:
        slip = RatingSlip.objects.first() or floor.open_slip()
        client = signed_in(floor.boss, PIT_BOSS)

        answers = [client.get(address, sent).status_code for address in addresses(floor, slip)]

        assert set(answers) <= {200, 302, 304}

    @_fuzz
    @given(sent=_FIELDS.filter(lambda sent: sent.get("do") not in {"pause", "resume", "close", "bet"}))
    def test_writes_nothing_that_was_not_asked_for(self, floor: Floor, sent: dict[str, str]) -> None:
        slip = RatingSlip.objects.first() or floor.open_slip()
        client = signed_in(floor.boss, PIT_BOSS)

        answers = [client.post(address, sent).status_code for address in addresses(floor, slip)]

        assert set(answers) <= {200, 302, 400, 405, 409}
        assert (RatingSlip.objects.count(), PlaySegment.objects.count()) == (1, 1)


def addresses(floor: Floor, slip: RatingSlip) -> list[Any]:
    return [
        reverse("floor:home"),
        reverse("floor:pit", args=[floor.pit.pk]),
        reverse("floor:seat", args=[floor.table.pk, 3]),
        reverse("floor:seat", args=[floor.table.pk, slip.seat]),
        reverse("floor:slip", args=[slip.pk]),
    ]
