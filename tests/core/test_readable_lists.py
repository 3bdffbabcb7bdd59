"""Lists and actions that are asked with what cannot be a key or a value, and a user name that nobody has."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from core.models import User
from core.sign_in_log import SignInEvent
from ratingslips.models import RatingSlip
from tests.console import address, said, versions_shown
from tests.floor import Floor


class TestList:
    @pytest.mark.parametrize("key", ["", "x", "1\0", "9" * 5_000], ids=["empty", "a letter", "a null byte", "long"])
    def test_acts_on_nothing_for_a_key_that_is_none(self, root: Client, key: str) -> None:
        answer: Any = root.post(address(RatingSlip, "changelist"), {"action": "pause", "_selected_action": key})

        assert answer.status_code == 302
        assert "cannot be found in your casino" in said(answer)[0]

    def test_acts_on_what_is_readable_among_keys_that_are_none(self, floor: Floor, root: Client) -> None:
        slip = floor.open_slip()
        chosen = {"action": "pause", "_selected_action": [str(slip.pk), "x"], "request_id": uuid4(), "confirmed": "yes"}

        root.post(address(RatingSlip, "changelist"), chosen | versions_shown([slip]))

        slip.refresh_from_db()
        assert slip.status == "PAUSED"

    def test_is_shown_whole_for_a_value_with_a_null_byte(self, root: Client) -> None:
        answer: Any = root.get(address(User, "changelist"), {"is_active__exact": "\0"}, follow=True)

        assert answer.status_code == 200
        assert answer.context["cl"].queryset.count() == User.objects.count()


@pytest.mark.django_db
class TestSignIn:
    def test_refuses_a_user_name_longer_than_any(self, client: Client) -> None:
        longest = User._meta.get_field("username").max_length
        assert longest is not None

        answer = client.post("/console/login/", {"username": "x" * (longest + 1), "password": "a guess"})

        assert answer.status_code == 200
        assert "at most 150 characters" in answer.content.decode()
        assert not SignInEvent.objects.exists()

    def test_counts_a_wrong_password_for_the_longest_name(self, client: Client) -> None:
        client.post("/console/login/", {"username": "x" * 150, "password": "a guess"})

        assert SignInEvent.objects.get().kind == "WRONG"
