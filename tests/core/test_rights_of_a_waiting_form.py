"""A right that is taken while an ordinary form waits for a lock is gone when the form is saved."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import transaction

from core.console.change_forms import judge_by_now
from core.correlation import parse
from core.sent_forms.sending import lock_form
from ratingslips.models import Pit
from tests.concurrency import Elsewhere, held_before_commit, is_waited_for
from tests.console import address, fields_in, signed_in
from tests.factories import StaffFactory
from tests.floor import Floor
from tests.replacing import replace
from tests.waiting import wait_until

NAME = "New name"


def _is_saved_during_a_revocation(floor: Floor, page: str) -> bool:
    """Send a form of a pit that waits while its sender loses the right to it: whether it is saved."""
    sender = StaffFactory.create(casino=floor.casino)
    names = ["view_pit", "add_pit", "change_pit"]
    sender.user_permissions.add(*Permission.objects.filter(codename__in=names))
    client = signed_in(sender)
    url = address(Pit, page, *([floor.pit.pk] if page == "change" else []))
    fields: dict[str, Any] = {**fields_in(client.get(url)), "name": NAME}
    request_id = parse("".join(fields.get("request_id", "")))

    def take_away() -> None:
        with transaction.atomic():
            if request_id is None:
                Pit.objects.select_for_update().get(pk=floor.pit.pk)
            else:
                lock_form(request_id, actor=sender, address=url, contents={})
            sender.user_permissions.clear()

    with held_before_commit(take_away) as revocation:
        answer = Elsewhere(lambda: client.post(url, fields))
        wait_until(lambda: answer.has_ended or is_waited_for(revocation.backend))
        assert not answer.has_ended
    answer.outcome()
    return Pit.objects.filter(name=NAME).exists()


@pytest.mark.parametrize("page", ["add", "change"])
class TestFormDuringARevocation:
    def test_is_refused(self, committed_floor: Floor, page: str) -> None:
        assert not _is_saved_during_a_revocation(committed_floor, page)

    def test_would_be_saved_by_the_rights_of_its_beginning(
        self, committed_floor: Floor, page: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        replace(monkeypatch, judge_by_now, lambda request: None)

        assert _is_saved_during_a_revocation(committed_floor, page)
