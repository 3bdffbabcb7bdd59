"""The console's protection against forged posts, guessed passwords, frames and plain HTTP."""

from django.test import Client
from django.urls import reverse

from core.lockouts import FAILURES_MAX
from core.roles import LOYALTY_SUPERVISOR, PIT_BOSS
from loyalty.models import LedgerEntry, PlayerLoyalty
from ratingslips.models import RatingSlip
from tests.console import address, signed_in
from tests.factories import StaffFactory
from tests.floor import Floor
from tests.loyalty.rows import account_of

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
    def test_leaves_the_colleague_alone(self, floor: Floor) -> None:
        guessed, colleague = StaffFactory.create_batch(2, casino=floor.casino)
        colleague.set_password(PASSWORD)
        colleague.save()
        client = Client()

        for guess in range(FAILURES_MAX):
            client.post(LOGIN, {"username": guessed.username, "password": f"guess {guess}"})
        client.post(LOGIN, {"username": colleague.username, "password": PASSWORD})

        assert client.session["_auth_user_id"] == str(colleague.pk)
