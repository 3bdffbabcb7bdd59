"""Finding players as their names are typed."""

import unicodedata

import pytest
from django.db import connection

from core.models import Player
from core.player_search import players_matching
from tests.factories import PlayerFactory, ProgramFactory

NAMES = {
    "nguyen": ("Nguyễn", "Lopez"),
    "oneil": ("Łukasz", "O'Neil"),
    "castillo": ("José", "Castillo"),
    "muller": ("Jürgen", "Müller"),
    "garcia": ("Ana", "Garcia-Lopez"),
    "strasse": ("Åse", "Straße Øst"),
    "yilmaz": ("Işıl", "Yılmaz Đorđe"),
    "aero": ("Ægir", "Mueller"),
    "wang": ("小明", "王"),
    "arab": ("مُحَمَّد", "الأحمد"),
    "sure": ("Ann", "100% Sure_Thing"),
}
CARD = "C-%s"


@pytest.fixture
def players(db: None) -> None:
    casino = ProgramFactory.create().casino
    for card, (first, last) in NAMES.items():
        PlayerFactory.create(casino=casino, card_number=CARD % card, first_name=first, last_name=last)


@pytest.mark.usefixtures("players")
class TestPlayersMatching:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("Nguyễn", "nguyen"),
            (unicodedata.normalize("NFD", "nguyễn"), "nguyen"),
            ("Castillo, José", "castillo"),
            ("cas jos", "castillo"),
            ("  josé   CASTILLO ", "castillo"),
            ("oneil", "oneil"),
            ("o’neil", "oneil"),
            ("O'Neil", "oneil"),
            ("o neil", "oneil"),
            ("neil lukasz", "oneil"),
            ("mueller", "aero muller"),
            ("muller", "muller"),
            ("Müller", "aero muller"),
            ("garcia lopez", "garcia"),
            ("Garcia–Lopez", "garcia"),
            ("garcialopez", "garcia"),
            ("strasse ase", "strasse"),
            ("oest aase", "strasse"),
            ("STRAßE ost", "strasse"),
            ("isil yilmaz", "yilmaz"),
            ("IŞIL dorde", "yilmaz"),
            ("aegir", "aero"),
            ("王小明", "wang"),
            ("小明", "wang"),
            ("明", "wang"),
            ("محمد", "arab"),
            ("c-arab", "arab"),
            ("carab", "arab"),
            ("jo ca", "castillo"),
            ("illo", "castillo"),
            ("%", ""),
            ("_", ""),
            ("\\", ""),
            ("-", ""),
            ("100%", "sure"),
            ("s_re", ""),
            ("\0nguyen", "nguyen"),
            ("nobody", ""),
        ],
    )
    def test_takes_every_word_however_the_name_is_typed(self, text: str, found: str) -> None:
        cards = players_matching(Player.objects.all(), text).values_list("card_number", flat=True)

        assert sorted(cards) == sorted(CARD % card for card in found.split())

    def test_are_listed_as_people_sort_names(self) -> None:
        listed = Player.objects.values_list("last_name", flat=True)[:8]

        assert list(listed) == [
            *("100% Sure_Thing", "Castillo", "Garcia-Lopez", "Lopez", "Mueller", "Müller", "O'Neil", "Straße Øst")
        ]

    def test_finds_through_the_index(self) -> None:
        statement, parameters = players_matching(Player.objects.all(), "nguyen").query.sql_with_params()

        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {statement}", parameters)
            plan = "\n".join(line for (line,) in cursor.fetchall())

        assert "core_player_search" in plan
