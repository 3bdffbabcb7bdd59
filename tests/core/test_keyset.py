"""Pages that begin where others ended: every row once, in order, in both directions."""

from itertools import pairwise

import pytest

from core.keyset import BY_ID, GAMING_DAY, ID, KeysetPage, Order, cursor_of, oldest_cursor, page_of
from core.models import ReplayCount
from tests.factories import CasinoFactory

DAYS = ("2026-11-01", "2026-11-03", "2026-11-01", "2026-11-02", "2026-11-03", "2026-11-02", "2026-11-01")
BY_GAMING_DAY = Order(keys=(GAMING_DAY, ID))


@pytest.fixture
def rows(db: None) -> None:
    """Seven rows whose days do not rise with their keys."""
    casino = CasinoFactory.create()
    ReplayCount.objects.bulk_create(
        ReplayCount(casino=casino, gaming_day=day, operation=f"test.{number}", replays=number)
        for number, day in enumerate(DAYS)
    )


def _page(*, order: Order, before: str = "", after: str = "", size: int = 3) -> KeysetPage[ReplayCount]:
    return page_of(ReplayCount.objects.all(), order=order, before=before, after=after, size=size)


@pytest.mark.usefixtures("rows")
class TestPageOf:
    @pytest.mark.parametrize("order", [BY_ID, BY_GAMING_DAY], ids=["by id", "by gaming day"])
    @pytest.mark.parametrize("size", [1, 2, 3, 7, 8])
    def test_gives_each_row_once_down_and_up(self, order: Order, size: int) -> None:
        expected = list(ReplayCount.objects.order_by(*order.newest_first))

        page = _page(order=order, size=size)
        down = [page]
        while down[-1].older and len(down) <= len(DAYS):
            down.append(_page(order=order, before=down[-1].older, size=size))
        up = [_page(order=order, after=oldest_cursor(order), size=size)]
        while up[-1].newer and len(up) <= len(DAYS):
            up.append(_page(order=order, after=up[-1].newer, size=size))

        assert [row for each in down for row in each.rows] == expected
        assert [row for each in reversed(up) for row in each.rows] == expected
        assert all(len(each.rows) <= size for each in (*down, *up))
        assert (down[0].newer, up[0].older) == ("", "")
        assert all(newer.older and older.newer for newer, older in pairwise(down))

    def test_stays_within_what_the_order_names(self) -> None:
        other = CasinoFactory.create()
        ReplayCount.objects.create(casino=other, gaming_day=DAYS[0], operation="test.other", replays=1)
        mine = ReplayCount.objects.order_by("pk")[0].casino_id
        order = Order(keys=(GAMING_DAY, ID), within={"casino_id": mine})

        pages = [_page(order=order)]
        while pages[-1].older and len(pages) <= len(DAYS):
            pages.append(_page(order=order, before=pages[-1].older))
        oldest = _page(order=order, after=oldest_cursor(order))

        assert [row.casino_id for page in pages for row in page.rows] == [mine] * len(DAYS)
        assert {row.casino_id for row in oldest.rows} == {mine}

    def test_continues_after_a_row_followed_by_a_new_one(self) -> None:
        first = _page(order=BY_ID)
        casino = CasinoFactory.create()
        ReplayCount.objects.create(casino=casino, gaming_day="2026-11-09", operation="test.late", replays=1)

        second = _page(order=BY_ID, before=first.older)

        assert {row.pk for row in first.rows} & {row.pk for row in second.rows} == set()
        assert second.rows[0].pk == first.rows[-1].pk - 1

    @pytest.mark.parametrize("cursor", ["x", "1.2.3", "-1", "9" * 30, "2026-11-01", "2026-02-30.4", "1e3"])
    @pytest.mark.parametrize("order", [BY_ID, BY_GAMING_DAY], ids=["by id", "by gaming day"])
    def test_is_the_first_where_the_cursor_is_none(self, cursor: str, order: Order) -> None:
        page = _page(order=order, before=cursor)

        assert page == _page(order=order)

    def test_is_empty_beyond_the_last_row(self) -> None:
        oldest = ReplayCount.objects.order_by("pk").first()
        assert oldest

        page = _page(order=BY_ID, before=cursor_of(oldest, BY_ID))

        assert (page.rows, page.older, page.newer) == ([], "", "")
