"""Finding players as their names are typed."""

import unicodedata

import pytest
from django.db import connection

from core.models import Player
from core.player_search import players_matching
from tests.databases import connect, empty_database, migrated_database
from tests.factories import PlayerFactory, ProgramFactory
from tests.older import migrate_older

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
    "berg": ("Jan-Willem", "van der Bürg"),
    "john": ("Eve", "St. John"),
    "greek": ("Γιώργος", "Παπαδόπουλος"),
    "kim": ("민수", "김"),
    "lee": ("이영희", "Lee"),
    "cruz": ("Maria", "Delacruz"),
    "tanaka": ("さくら", "たなか"),
    "laura": ("ローラ", "ジャン・ポール"),
    "thai": ("สมชาย", "ใจดี"),
    "persian": ("علی", "کریمی"),
    "fatima": ("فاطمة", "مصطفى"),
    "stretched": ("محـــمود", "حسن"),
    "david": ("דָּוִד", "בן־גוריון"),
    "soeren": ("Soeren", "Kjaer"),
    "haw": ("Kaʻiulani", "Kealoha"),
}
CARDS = {"spaced": "1234 5678", "slash": "AB 12/34"}
CARD = "C-%s"


@pytest.fixture
def players(db: None) -> None:
    casino = ProgramFactory.create().casino
    for card, (first, last) in NAMES.items():
        PlayerFactory.create(casino=casino, card_number=CARD % card, first_name=first, last_name=last)
    for name, card in CARDS.items():
        PlayerFactory.create(casino=casino, card_number=card, first_name=name, last_name="Card")


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
            ("vanderburg", "berg"),
            ("VanDerBuerg janwillem", "berg"),
            ("van der burg", "berg"),
            ("stjohn", "john"),
            ("st.john", "john"),
            ("ΓΙΩΡΓΟΣ", "greek"),
            ("γιωργοσ ΠΑΠΑΔΟΠΟΥΛΟΣ", "greek"),
            ("παπαδοπουλος", "greek"),
            ("김민수", "kim"),
            ("김 민수", "kim"),
            (unicodedata.normalize("NFD", "김민수"), "kim"),
            ("영희", "lee"),
            ("이 영희", "lee"),
            ("josecastillo", ""),
            ("secas", ""),
            ("annagarcialopez", ""),
            ("de la cruz", "cruz"),
            ("de la cruz maria", "cruz"),
            ("たなかさくら", "tanaka"),
            ("ローラ", "laura"),
            ("ジャンポール", "laura"),
            ("ｼﾞｬﾝ", "laura"),
            ("สมชายใจดี", "thai"),
            ("علي كريمي", "persian"),
            ("فاطمه مصطفي", "fatima"),
            ("محمود", "stretched"),
            ("בןגוריון", "david"),
            ("דוד בן-גוריון", "david"),
            ("Søren", "soeren"),
            ("ka'iulani", "haw"),
            ("KAIULANI", "haw"),
            ("nvan", ""),
            ("s_re", ""),
            ("\0nguyen", "nguyen"),
            ("nobody", ""),
        ],
    )
    def test_takes_every_word_however_the_name_is_typed(self, text: str, found: str) -> None:
        cards = players_matching(Player.objects.all(), text).values_list("card_number", flat=True)

        assert sorted(cards) == sorted(CARD % card for card in found.split())

    @pytest.mark.parametrize(
        ("text", "name"),
        [
            ("12345678", "spaced"),
            ("1234-5678", "spaced"),
            ("12 34 56 78", "spaced"),
            ("ab1234", "slash"),
            ("AB-12 34", "slash"),
        ],
    )
    def test_takes_a_card_number_however_it_is_divided(self, text: str, name: str) -> None:
        found = players_matching(Player.objects.all(), text)

        assert list(found.values_list("card_number", flat=True)) == [CARDS[name]]

    def test_are_listed_as_people_sort_names(self) -> None:
        listed = Player.objects.exclude(last_name="Card").values_list("last_name", flat=True)[:12]

        assert list(listed) == [
            *("100% Sure_Thing", "Castillo", "Delacruz", "Garcia-Lopez", "Kealoha", "Kjaer", "Lee", "Lopez", "Mueller"),
            *("Müller", "O'Neil", "St. John"),
        ]

    def test_finds_through_the_index(self) -> None:
        statement, parameters = players_matching(Player.objects.all(), "nguyen").query.sql_with_params()

        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {statement}", parameters)
            plan = "\n".join(line for (line,) in cursor.fetchall())

        assert "core_player_search" in plan


PLAYERS = """
INSERT INTO core_casino (id, code, name, time_zone, gaming_day_starts_at, longest_play_hours, backdating_minutes,
        cash_watch_amount, cash_report_amount)
    VALUES (1, 'old', 'Old', 'UTC', '06:00', 12, 60, 3000, 10000);
INSERT INTO core_player (id, casino_id, card_number, first_name, last_name, status)
    SELECT id, 1, 'card-' || id, 'Eve', 'St. John', 'ACTIVE' FROM generate_series(1, 2001) AS id;
"""
FOUND = "SELECT count(*) FROM core_player WHERE search_text LIKE '%stjohn%'"


@pytest.mark.slow
class TestMigration:
    def test_finds_earlier_players_by_a_name_typed_as_one_word(self, db: None) -> None:
        with empty_database("names", copied_from=migrated_database()) as name:
            migrate_older(name, "core=0048").check_returncode()
            with connect(name) as database:
                database.execute(PLAYERS)
                before = database.execute(FOUND).fetchone()

                migrate_older(name, "core=0051").check_returncode()

                found, logged = database.execute(FOUND).fetchone(), "SELECT DISTINCT action FROM core_change"
                assert (before, found, database.execute(logged).fetchall()) == ((0,), (2001,), [("INSERT",)])
