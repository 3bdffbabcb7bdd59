"""What concerns one casino, one player, one member of staff."""

from datetime import UTC, date, datetime

import pytest
from django.core.exceptions import ValidationError
from django.db.models import ProtectedError

from core.models import Casino, Player, User, require_time_zone
from tests.floor import Floor


class TestCasino:
    def test_knows_its_gaming_day_in_its_own_zone(self) -> None:
        casino = Casino(time_zone="America/Los_Angeles")

        assert casino.gaming_day_at(datetime(2026, 11, 14, 13, 59, tzinfo=UTC)) == date(2026, 11, 13)
        assert casino.gaming_day_span(date(2026, 11, 14)) == (
            datetime(2026, 11, 14, 14, tzinfo=UTC),
            datetime(2026, 11, 15, 14, tzinfo=UTC),
        )

    @pytest.mark.parametrize("name", ["", "Mars/Olympus", "PST8", "../etc/passwd"])
    def test_lies_in_a_zone_that_exists(self, name: str) -> None:
        with pytest.raises(ValidationError, match="not an IANA time zone"):
            require_time_zone(name)

    def test_cannot_be_deleted_with_what_it_holds(self, floor: Floor) -> None:
        with pytest.raises(ProtectedError):
            floor.casino.delete()


class TestPlayer:
    @pytest.mark.parametrize("card_number", ["", "12 34", "12\n", "é", "<b>", "x" * 33])
    def test_has_a_card_number_of_letters_digits_and_hyphens(self, card_number: str) -> None:
        player = Player(card_number=card_number, first_name="José", last_name="Nguyễn")

        with pytest.raises(ValidationError) as refusal:
            player.clean_fields(exclude=["casino"])

        assert set(refusal.value.message_dict) == {"card_number"}

    @pytest.mark.parametrize(
        ("first_name", "last_name", "named"),
        [
            ("José", "Nguyễn", "José Nguyễn (9)"),
            ("诸葛", "歐陽", "诸葛 歐陽 (9)"),
            ("אברהם", "בן־שמעון", "\u2068אברהם בן־שמעון\u2069 (9)"),
            ("Omar", "الخوارزمي", "\u2068Omar الخوارزمي\u2069 (9)"),
        ],
    )
    def test_is_named_apart_from_the_sentence(self, first_name: str, last_name: str, named: str) -> None:
        assert str(Player(first_name=first_name, last_name=last_name, card_number="9")) == named

    def test_cannot_be_deleted_with_an_account(self, player: Player) -> None:
        with pytest.raises(ProtectedError):
            player.delete()


class TestUser:
    def test_is_named_apart_from_the_sentence(self) -> None:
        user = User(first_name="אברהם", last_name="בן־שמעון", username="avraham")

        assert user.display_name == "\u2068אברהם בן־שמעון\u2069"
        assert user.name_and_login == "\u2068אברהם בן־שמעון\u2069 (avraham)"

    def test_cannot_be_deleted_once_it_has_acted(self, floor: Floor) -> None:
        floor.open_slip()

        with pytest.raises(ProtectedError):
            floor.boss.delete()
