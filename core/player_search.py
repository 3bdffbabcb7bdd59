"""The search for players, by parts of the card number and the name; every search box for players uses it."""

import re
import unicodedata
from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from operator import and_
from typing import Final

from django.db.models import CharField, Func, Q, QuerySet, Value

from core.models import Player

MATCHED_PLAYERS_MAX: Final = 40
# Where the rows of each matching player are read, such as their slips.
PLAYERS_WITH_ROWS_MAX: Final = 12
MAX_WORDS: Final = 8
MAX_LENGTH: Final = 100
MAX_WORD_LENGTH: Final = 40
# PostgreSQL finds three letters anywhere in a word through the index, and fewer only at its beginning.
MIN_LETTERS_WITHIN: Final = 3
# Letters, marks and digits; not the modifier letters that are used as apostrophes, nor 々 and its like, which are in
# Unicode's block of punctuation.
_IN_WORDS: Final = {"Lu", "Ll", "Lt", "Lo", "Lm", "Mn", "Mc", "Nd", "Nl", "No"}
_NOT_IN_WORDS: Final = re.compile("[\u02b0-\u02ff\u3000-\u303f]")
_IDEOGRAPH: Final = re.compile("([\u3400-\u9fff])")


class _Folded(Func):
    """A word as `Player.search_text` has it: in lower case, without accents, and with one form of letters alike."""

    function = "core_searched"
    output_field = CharField()


class _WrittenOut(Func):
    """A word with its umlauts written out: mueller."""

    function = "core_written_out"
    output_field = CharField()


class _AtBeginning(Func):
    """The beginning of a word; a space is before every word of `Player.search_text`."""

    template = "(' ' || %(expressions)s)"
    output_field = CharField()


def players_matching(players: "QuerySet[Player]", text: str) -> "QuerySet[Player]":
    """The `players` whose card number and name contain every word of `text`; none if it has no letter and no digit.

    Accents, case, punctuation and the order of the words do not matter. Only the first `MAX_WORDS` words count, and of
    each the first `MAX_WORD_LENGTH` characters. A word that is too short to be looked for within others is also looked
    for as one with the next: de la cruz finds Delacruz.
    """
    words = [word[:MAX_WORD_LENGTH] for word in _words_of(text[:MAX_LENGTH])[:MAX_WORDS]]
    if not words:
        return players.none()
    found = reduce(and_, map(_has, words))
    if (joined := _with_short_words_joined(words)) != words:
        found |= reduce(and_, map(_has, joined))
    return players.filter(found)


def with_card(players: "QuerySet[Player]", text: str) -> "QuerySet[Player]":
    """The `players` with this card number, without regard to case."""
    return players.filter(card_number__iexact=text.replace("\0", "").strip()).order_by()


def first_matching(players: "QuerySet[Player]", text: str, *, most: int = MATCHED_PLAYERS_MAX) -> list[int]:
    """The keys of players that match: the one with this card number, then others, at most `most`.

    The search stops at that number, so that its time does not grow with the casino. For a short or common word players
    may be missing from it.
    """
    by_card = with_card(players, text).values_list("pk", Value(0))
    found = by_card.union(players_matching(players.order_by(), text).values_list("pk", Value(1))[:most], all=True)
    return list(dict.fromkeys(key for key, _ in sorted(found, key=lambda row: row[1])))[:most]


def many_match(text: str, number: int, *, what: str = "players") -> str:
    """The sentence for people whose search `text` matches more than the `number` of players that were looked up."""
    return f"Many {what} match “{text}”; {number} of them were looked up. Type more of the name."


def cut_search(text: str) -> tuple[str, bool]:
    """The beginning of a long search, for any search of the product, and whether it was cut."""
    words = text.split()
    beginning = text if len(words) <= MAX_WORDS else " ".join(words[:MAX_WORDS])
    of_player = _words_of(beginning[:MAX_LENGTH])
    is_cut = (
        len(beginning) > MAX_LENGTH
        or beginning != text
        or len(of_player) > MAX_WORDS
        or any(len(word) > MAX_WORD_LENGTH for word in of_player)
    )
    return beginning[:MAX_LENGTH], is_cut


def _words_of(text: str) -> list[str]:
    """The words of `text`: what is between spaces and punctuation; each ideograph is a word."""
    # A half-width mark of Japanese is put together with its letter; a spacing accent stays one, as an apostrophe.
    composed = "".join(
        letter if unicodedata.category(letter) == "Sk" else unicodedata.normalize("NFKC", letter) for letter in text
    )
    letters = "".join(
        letter if unicodedata.category(letter) in _IN_WORDS else " "
        for letter in _IDEOGRAPH.sub(r" \1 ", _NOT_IN_WORDS.sub(" ", unicodedata.normalize("NFC", composed)))
    )
    return letters.split()


def _with_short_words_joined(words: Sequence[str]) -> list[str]:
    joined: list[str] = []
    for before, word in pairwise(["", *words]):
        if before and not _is_long(before):
            joined[-1] += word
        else:
            joined.append(word)
    return joined


def _has(word: str) -> Q:
    """Whether a player has the word, also with its umlauts written out."""
    typed = Value(word)
    found = Q(search_text__contains=_part(word, _Folded(typed)))
    return found if word.isascii() else found | Q(search_text__contains=_part(word, _Folded(_WrittenOut(typed))))


def _part(word: str, folded: Func) -> Func:
    return folded if _is_long(word) else _AtBeginning(folded)


def _is_long(word: str) -> bool:
    """Whether a word is looked for within others too."""
    letters = unicodedata.normalize("NFKD", word)  # those of a Korean syllable are two or three
    return sum(not unicodedata.combining(letter) for letter in letters) >= MIN_LETTERS_WITHIN
