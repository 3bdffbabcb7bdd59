"""The search for players, by parts of the card number and the name; every search box for players uses it."""

import unicodedata
from typing import Final

from django.db.models import CharField, Func, QuerySet, Value

from core.models import Player

MAX_WORDS: Final = 5
MAX_WORD_LENGTH: Final = 40


class _Plain(Func):
    """Its arguments joined by spaces, without accents and in lower case: the expression of the index on players."""

    function = "core_plain"
    arg_joiner = " || ' ' || "
    output_field = CharField()


def players_matching(players: "QuerySet[Player]", text: str) -> "QuerySet[Player]":
    """The `players` whose card number and name contain every word of `text`, without regard to accents and case.

    Only the first `MAX_WORDS` words count, and of each the first `MAX_WORD_LENGTH` characters.
    """
    # `unaccent` of older PostgreSQL versions knows composed letters, not combining marks.
    words = unicodedata.normalize("NFC", text.replace("\0", "")).split()[:MAX_WORDS]
    matching = players.alias(plain_words=_Plain("card_number", "first_name", "last_name"))
    for word in words:
        matching = matching.filter(plain_words__contains=_Plain(Value(word[:MAX_WORD_LENGTH])))
    return matching
