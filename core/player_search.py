"""Finding a player by what is typed: parts of the card number or the name, without accents, in any case and order."""

import unicodedata
from typing import Final

from django.db.models import CharField, Func, QuerySet, Value

from core.models import Player

MAX_WORDS: Final = 5
MAX_WORD_LENGTH: Final = 40


class _Plain(Func):
    """Its arguments, a space between each, without accents and in lower case: as the index on players has them."""

    function = "core_plain"
    arg_joiner = " || ' ' || "
    output_field = CharField()


def players_matching(players: "QuerySet[Player]", text: str) -> "QuerySet[Player]":
    """Those of `players` in whose card number or name every word of `text` occurs; only the first words count."""
    # The dictionaries of older PostgreSQL versions know letters with their marks, not the marks by themselves.
    words = unicodedata.normalize("NFC", text.replace("\0", "")).split()[:MAX_WORDS]
    matching = players.alias(plain_words=_Plain("card_number", "first_name", "last_name"))
    for word in words:
        matching = matching.filter(plain_words__contains=_Plain(Value(word[:MAX_WORD_LENGTH])))
    return matching
