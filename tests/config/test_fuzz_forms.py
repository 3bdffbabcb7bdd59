"""Whatever is posted: it is answered, and writes nothing but what a form that was filled in well would."""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.config.matrix.asking import CALM, Asking
from tests.config.matrix.house import TwoCasinos
from tests.config.matrix.posts import post_of
from tests.config.matrix.table import COLUMNS, Question
from tests.config.test_permission_matrix import TABLE
from tests.fuzz import WORST, Pair, encoded, fuzz_settings, pairs, values

_SWITCHES: Final = (
    "action",
    "select_across",
    "index",
    "confirmed",
    "return_to_page",
    "search",
    "do",
    "quick",
    "to",
    "pay",
    "every",
)
# Failed tries to sign in are counted, and a signing in is written down.
_WRITTEN_ANYWAY: Final = ("admin:login", "admin:logout")


# Every address at which somebody's post does something, and the actions.
FORMS: Final = [question for question, cells in TABLE.items() if "done" in cells]


def keys_of(house: TwoCasinos) -> list[str]:
    """Keys of rows of both casinos, as hidden fields have them."""
    return [
        str(key)
        for rows in (house.own, house.other)
        for key in (rows.open.pk, rows.owed.pk, rows.floor.table.pk, rows.floor.casino.pk, rows.closed.player_id)
    ]


def filled_in(house: TwoCasinos, question: Question, column: str) -> list[Pair]:
    """What a browser would post that does something."""
    post: Any = post_of(house, question, house.staff[column])
    return [(name, str(one)) for name, value in post.items() for one in (value if isinstance(value, list) else [value])]


def spoilt(draw: st.DrawFn, good: list[Pair], known: list[str]) -> list[Pair]:
    """The form with some of its fields taken out, given another value or given twice, and with others that it lacks."""
    sent = []
    for name, value in good:
        match draw(st.sampled_from(["as it was", "as it was", "as it was", "other", "twice", "gone"])):
            case "as it was":
                sent.append((name, value))
            case "other":
                sent.append((name, draw(values(*known, is_form=True))))
            case "twice":
                sent += [(name, value), (name, draw(values(*known, is_form=True)))]
    names = [name for name, _ in good]
    return sent + draw(pairs([*names, *_SWITCHES], *known, is_form=True))


class TestForm:
    @pytest.mark.parametrize("value", WORST.values(), ids=WORST.keys())
    def test_is_answered_with_the_same_in_every_field(self, house: TwoCasinos, asking: Asking, value: str) -> None:
        wrong = []
        for question in (one for one in FORMS if one.whose == "own"):
            sent = [
                (name, value if name not in _SWITCHES else kept) for name, kept in filled_in(house, question, "root")
            ]

            answer = asking.send(asking.url(question), encoded(sent), column="root")

            if answer.status not in CALM or answer.broken:
                wrong.append(f"{question} answered {answer.status}, and broke {answer.broken}")

        assert not wrong, "\n".join(wrong)

    @fuzz_settings
    @given(data=st.data(), question=st.sampled_from(FORMS), column=st.sampled_from(["root", "pits", "loyal", "oper@"]))
    def test_writes_only_what_may_be(
        self, house: TwoCasinos, asking: Asking, data: st.DataObject, question: Question, column: str
    ) -> None:
        good = filled_in(house, question, column)
        sent = data.draw(st.composite(spoilt)(good, keys_of(house)))

        answer = asking.send(asking.url(question), encoded(sent), column=column)

        assert answer.status in CALM
        assert not answer.broken
        assert column == "root" or not answer.has_changed_elsewhere
        is_done = answer.status == 302 or answer.is_stream or question.address in _WRITTEN_ANYWAY
        assert is_done or not answer.has_changed

    @fuzz_settings
    @given(
        data=st.data(), question=st.sampled_from(FORMS), column=st.sampled_from(["anon", "staff", "loyal-", "audit"])
    )
    def test_writes_nothing_for_who_may_not(
        self, house: TwoCasinos, asking: Asking, data: st.DataObject, question: Question, column: str
    ) -> None:
        may = dict(zip(COLUMNS, TABLE[question], strict=True))[column] == "done"
        good = filled_in(house, question, "root")
        sent = data.draw(st.composite(spoilt)(good, keys_of(house)))

        answer = asking.send(asking.url(question), encoded(sent), column=column)

        assert answer.status in CALM
        assert may or question.address in _WRITTEN_ANYWAY or not answer.has_changed
