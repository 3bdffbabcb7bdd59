"""The console's protection against forged posts, guessed passwords, frames and plain HTTP."""

import os
import subprocess
import sys
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.roles import LOYALTY_SUPERVISOR, PIT_BOSS
from loyalty.models import LedgerEntry, PlayerLoyalty
from ratingslips.models import RatingSlip
from tests.console import address, signed_in
from tests.factories import StaffFactory
from tests.floor import Floor
from tests.loyalty.rows import account_of
from tests.processes import ROOT

LOGIN = reverse("admin:login")
PASSWORD = "a password of a test"


def _strict(client: Client) -> Client:
    """The same browser, but asked for its token, as every browser is outside the tests."""
    client.handler.enforce_csrf_checks = True
    return client


class TestForgedPost:
    def test_is_refused_on_every_page_that_moves_value(self, floor: Floor) -> None:
        slip = floor.played_slip()
        supervisor = _strict(signed_in(floor.supervisor, LOYALTY_SUPERVISOR, PIT_BOSS))
        posts = {
            address(PlayerLoyalty, "award", account_of(slip.player).pk): {"points": "100", "reason": "A forged award"},
            address(RatingSlip, "changelist"): {
                "action": "complete",
                "_selected_action": str(slip.pk),
                "confirmed": "yes",
            },
            reverse("floor:slip", args=[slip.pk]): {"do": "complete", "buy_in": "", "chips_out": ""},
        }

        answers = [supervisor.post(url, post).status_code for url, post in posts.items()]

        assert answers == [403, 403, 403]
        assert RatingSlip.objects.get().status == "OPEN"
        assert not LedgerEntry.objects.exists()


class TestGuessedPassword:
    def test_leaves_the_colleague_at_the_next_desk_alone(self, floor: Floor) -> None:
        guessed, colleague = StaffFactory.create_batch(2, casino=floor.casino)
        colleague.set_password(PASSWORD)
        colleague.save()
        client = Client()

        for guess in range(settings.AXES_FAILURE_LIMIT):
            client.post(LOGIN, {"username": guessed.username, "password": f"guess {guess}"})
        client.post(LOGIN, {"username": colleague.username, "password": PASSWORD})

        assert client.session["_auth_user_id"] == str(colleague.pk)


@pytest.mark.django_db
class TestAnswer:
    @pytest.mark.parametrize("url", [LOGIN, "/nowhere/"])
    def test_may_stand_in_no_frame(self, url: str) -> None:
        answer = Client().get(url)

        assert answer.headers.get("X-Frame-Options") == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


class TestSession:
    def test_ends_with_the_shift(self, boss: Client) -> None:
        ends_at = boss.session.get_expiry_date()

        assert ends_at <= timezone.now() + timedelta(hours=12)


class TestProduction:
    def test_passes_django_s_own_check_for_deployment(self) -> None:
        whole = {
            "ENVIRONMENT": "production",
            "SECRET_KEY": "".join(chr(33 + number % 90) for number in range(90)),
            "DATABASE_URL": "postgres://app@db.example/floor",
            "ALLOWED_HOSTS": "console.example",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }

        done = subprocess.run(
            [sys.executable, "manage.py", "check", "--deploy", "--fail-level=WARNING"],
            cwd=ROOT,
            # Nothing of the tests' own environment: what browsers need of Django here is wrong in production.
            env={"PATH": os.environ["PATH"], **whole},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

        assert done.stderr == ""
        assert done.returncode == 0
