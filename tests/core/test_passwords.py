"""Which passwords are refused, with the person and the casino that they are for."""

import pytest
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from config.demo.staff import LOGINS
from core.models import User
from core.passwords import CASINOS_MAX
from tests.console import said
from tests.factories import CasinoFactory, StaffFactory

NAMES = {
    "username": "dwhitfield",
    "first_name": "Dána",
    "last_name": "Whitfield-Ng",
    "email": "dana.w@example.com",
}


@pytest.fixture
def dana(db: None) -> User:
    """Somebody of the casino “Castillo Real”."""
    user: User = StaffFactory.create(casino=CasinoFactory.create(name="Castillo Real", code="castillo-2"), **NAMES)
    return user


class TestPasswords:
    @pytest.mark.parametrize(
        "password",
        [
            "elevenchars",
            "123456789987654321",
            "Castillo12345678",
            "Castillo2026!!",
            "castilloreal2026",
            "C4st1ll0_R34l_19",
            "Dana.Whitfield.1",
            "DÁNA-whitfield-26",
            "2026Castillo2025",
            "CastilloCastillo",
            "D@naC@stillo$$$$",
            "2026-2025-2024-2023",
            "Real12345Castillo",
            "aaaaaaaaaaaaaaaa",
            "administrator",
            "20-26-20-26-20-26",
            "castillo 19 78 20 26",
            "Dana19Castillo87Real20Dana26",
            "Dana1Castillo3Real4Dana5Whitfield6Real7Dana8Castillo9Real1",
            "C4st1ll019D4n426C4st1ll0",
            "Castillo2026Casino26",
            "Casino2026Casino",
            "PitBoss2026Auditor",
            "Shift.Manager.26",
        ],
    )
    def test_that_are_short_common_or_guessable_are_refused(self, dana: User, password: str) -> None:
        Group.objects.create(name="Shift manager")

        with pytest.raises(ValidationError):
            validate_password(password, dana)

    def test_of_the_own_casino_are_refused_among_many_casinos(self, dana: User) -> None:
        CasinoFactory.create_batch(CASINOS_MAX)
        dana.casino = CasinoFactory.create(name="Estrella Polar")

        with pytest.raises(ValidationError, match="made of"):
            validate_password("EstrellaPolar2026", dana)

    @pytest.mark.parametrize(
        "password",
        [
            "the tide comes in at six",
            "Castillo, where rain falls up",
            "2026 reasons to be here",
            "Страшный-туман",
            "kq7wz4xt9mbp",
        ],
    )
    def test_of_other_words_are_taken(self, dana: User, password: str) -> None:
        validate_password(password, dana)

    def test_of_the_demo_are_taken(self, dana: User) -> None:
        for login in LOGINS:
            validate_password(login.password, User(username=login.username, last_name=login.last_name))

    def test_from_before_the_rules_are_asked_to_be_changed(self, dana: User, client: Client) -> None:
        dana.set_password("short")
        dana.save()

        answer = client.post(reverse("admin:login"), {"username": dana.username, "password": "short"})

        assert answer.status_code == 302
        assert "It must contain at least 12 characters." in said(answer)[0]
        assert "made of" not in said(answer)[0]
        assert "Choose another one under “Change password”" in said(answer)[0]
