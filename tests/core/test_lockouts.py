"""When wrong passwords lock a name, by the minutes at which they were given."""

from datetime import UTC, datetime, timedelta

import pytest

from core.lockouts import Mark, locked_until

START = datetime(2026, 11, 14, 20, tzinfo=UTC)


def _at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def _ends(failures: list[float], *, now: float, reset: float | None = None) -> float | None:
    """The minute at which the lock ends that holds in the minute `now`."""
    marks = [Mark(at=_at(minute), is_failure=True) for minute in failures]
    if reset is not None:
        marks.append(Mark(at=_at(reset), is_failure=False))
    until = locked_until(sorted(marks, key=lambda mark: mark.at), at=_at(now))
    return (until - START) / timedelta(minutes=1) if until else None


class TestLockedUntil:
    @pytest.mark.parametrize(
        ("failures", "now", "ends"),
        [
            ([], 0, None),
            ([0, 1, 2, 3], 4, None),
            ([0, 1, 2, 3, 4], 4, 19),
            ([0, 1, 2, 3, 4], 18.9, 19),
            ([0, 1, 2, 3, 4], 19, None),
            ([0, 1, 2, 3, 4, 5, 18], 18, 19),
            ([0, 1, 2, 3, 4, 14, 15, 16, 17, 18], 18, 19),
            ([0, 1, 2, 3, 4, 19, 20], 20, None),
            ([0, 1, 2, 3, 4, 19, 20, 21, 22, 23], 24, 38),
            ([0, 5, 10, 14, 15], 16, None),
            ([0, 5, 10, 14, 14.9], 16, 29.9),
            ([0, 0, 0, 0, 0], 0, 15),
        ],
    )
    def test_holds_from_the_fifth_failure(self, failures: list[float], now: float, ends: float | None) -> None:
        assert _ends(failures, now=now) == ends

    @pytest.mark.parametrize(("reset", "ends"), [(0.5, None), (2.5, None), (4.5, None), (-1, 19)])
    def test_counts_from_what_ended_the_count(self, reset: float, ends: float | None) -> None:
        assert _ends([0, 1, 2, 3, 4], now=5, reset=reset) == ends
