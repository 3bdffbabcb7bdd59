"""Finding players as their names are typed."""

import unicodedata

import pytest
from django.db import connection

from core.models import Player
from core.player_search import players_matching
from tests.factories import PlayerFactory, ProgramFactory


@pytest.fixture
def players(db: None) -> None:
    casino = ProgramFactory.create().casino
    for card, first, last in (
        ("100200", "Nguyễn", "Lopez"),
        ("100056", "Łukasz", "O'Neil"),
        ("200300", "José", "Müller"),
        ("VIP-7", "Ana", "100% Sure_Thing"),
    ):
        PlayerFactory.create(casino=casino, card_number=card, first_name=first, last_name=last)


@pytest.mark.usefixtures("players")
class TestPlayersMatching:
    @pytest.mark.parametrize(
        ("text", "cards"),
        [
            ("nguyen", ["100200"]),
            ("Nguyễn", ["100200"]),
            (unicodedata.normalize("NFD", "nguyễn"), ["100200"]),
            ("NGUY", ["100200"]),
            ("lukasz", ["100056"]),
            ("o'ne", ["100056"]),
            ("mull jos", ["200300"]),
            ("muller 2003", ["200300"]),
            ("1002", ["100200"]),
            ("100", ["100056", "100200", "VIP-7"]),
            ("vip", ["VIP-7"]),
            ("%", ["VIP-7"]),
            ("0_", []),
            ("e_t", ["VIP-7"]),
            ("\\", []),
            ("\0nguyen", ["100200"]),
            ("nobody", []),
        ],
    )
    def test_takes_every_word_as_a_part_without_accents_or_case(self, text: str, cards: list[str]) -> None:
        found = players_matching(Player.objects.all(), text)

        assert sorted(player.card_number for player in found) == cards

    def test_finds_through_the_index(self) -> None:
        statement, parameters = players_matching(Player.objects.all(), "nguyen").query.sql_with_params()

        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {statement}", parameters)
            plan = "\n".join(line for (line,) in cursor.fetchall())

        assert "core_player_plain_words" in plan
