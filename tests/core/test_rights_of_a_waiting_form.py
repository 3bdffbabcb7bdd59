"""A right that is taken while an ordinary form waits for a lock is gone when the form is saved."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import transaction
from guardian.shortcuts import get_user_perms

from core.console.change_forms import judge_by_now
from core.correlation import parse
from core.locks import lock_name
from core.managing import lock_permissions
from core.models import Player, User
from core.roles import LOYALTY_SUPERVISOR
from core.sent_forms.sending import lock_form
from ratingslips.models import Pit
from tests.concurrency import Elsewhere, held_before_commit, is_waited_for, made_to_wait
from tests.console import address, fields_in, signed_in
from tests.factories import StaffFactory
from tests.floor import Floor, give_rights
from tests.replacing import replace
from tests.waiting import wait_until

NAME = "New name"


def _is_saved_during_a_revocation(floor: Floor, page: str) -> bool:
    """Send a form of a pit that waits while its sender loses the right to it: whether it is saved."""
    sender = StaffFactory.create(casino=floor.casino)
    names = ["view_pit", "add_pit", "change_pit"]
    sender.user_permissions.add(*Permission.objects.filter(codename__in=names))
    give_rights((sender, floor.pit, ["operate_pit"]))  # else they may not rename it
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


def _lose_role(staff: User) -> None:
    staff.groups.clear()


def _lose(field: str) -> Callable[[User], int]:
    return lambda staff: User.objects.filter(pk=staff.pk).update(**{field: False})


def _lock_form(page: str, sent: dict[str, Any]) -> None:
    """Take the lock that the form waits for: its row's, or that of its id."""
    if page == "change":
        list(Player.objects.locked())
    else:
        lock_name("form", sent["request_id"][0])


class TestRightsLostWhileAFormWaits:
    @pytest.mark.parametrize(
        ("is_superuser", "lose"),
        [(False, _lose_role), (False, _lose("is_active")), (False, _lose("is_staff")), (True, _lose("is_superuser"))],
        ids=["the role", "active", "staff", "superuser"],
    )
    @pytest.mark.parametrize("page", ["change", "add"])
    def test_refuse_the_form(
        self, committed_floor: Floor, page: str, is_superuser: bool, lose: Callable[[User], object]
    ) -> None:
        floor = committed_floor
        staff = StaffFactory.create(casino=floor.casino, is_superuser=is_superuser)
        client = signed_in(staff, *([] if is_superuser else [LOYALTY_SUPERVISOR]))
        player = floor.player()
        url = address(Player, page, *([player.pk] if page == "change" else []))
        sent = fields_in(client.get(url)) | {"first_name": "Typed", "last_name": "Later", "card_number": "5550001"}

        def lock_and_lose() -> None:
            _lock_form(page, sent)
            lose(staff)

        answer = made_to_wait(lambda: client.post(url, sent), by=lock_and_lose)

        assert answer.result().status_code == 403
        assert not Player.objects.filter(first_name="Typed").exists()


def _grants_to_self_during_a_revocation(floor: Floor) -> bool:
    """Let staff grant to themselves, and lose the right of a superuser to it meanwhile: whether it is granted."""
    staff = StaffFactory.create(casino=floor.casino, is_superuser=True)
    staff.user_permissions.add(*Permission.objects.filter(codename__in=["change_pit", "operate_pit"]))
    client = signed_in(staff)
    url = address(Pit, "permissions_manage_user", floor.pit.pk, staff.pk)
    sent = fields_in(client.get(url)) | {"permissions": ["operate_pit"]}

    def lock_and_lose() -> None:
        lock_permissions()
        _lose("is_superuser")(staff)

    made_to_wait(lambda: client.post(url, sent), by=lock_and_lose).result()
    return "operate_pit" in get_user_perms(staff, floor.pit)


class TestGrantToSelfDuringARevocation:
    def test_is_refused(self, committed_floor: Floor) -> None:
        assert not _grants_to_self_during_a_revocation(committed_floor)

    def test_would_be_made_by_the_rights_of_its_beginning(
        self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        replace(monkeypatch, judge_by_now, lambda request: None)

        assert _grants_to_self_during_a_revocation(committed_floor)
