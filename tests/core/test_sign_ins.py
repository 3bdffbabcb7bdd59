"""Passwords are checked under a limit, also those that are sent at once, and every wrong one is kept."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from core import sign_ins
from core.lockouts import FAILURES_EVERYWHERE_MAX, FAILURES_MAX, LOCK, NAMES_MAX, PAUSE_BETWEEN_NAMES, WINDOW
from core.locks import lock_name, try_lock_name
from core.models import User
from core.origins import Client
from core.permissions import NotPermitted
from core.roles import LOYALTY_SUPERVISOR, PIT_BOSS, PIT_SUPERVISOR
from core.sign_in_locks import Name, locked_staff
from core.sign_in_log import SignInEvent
from core.sign_ins import (
    AddressSlowed,
    NotLocked,
    SignInLocked,
    WrongPassword,
    check_sign_in,
    lift_lock,
    require_own_password,
)
from tests.concurrency import Elsewhere, held_before_commit, is_waited_for, made_to_wait, together
from tests.console import signed_in
from tests.constraints import refused_by_trigger
from tests.factories import CasinoFactory, StaffFactory
from tests.floor import Floor
from tests.guesses import ADDRESS, fail, lock
from tests.replacing import replace
from tests.waiting import wait_until

PASSWORD = "the tide comes in at six"
HERE = Client(address=ADDRESS, device="Firefox")
ELSEWHERE = Client(address="198.51.100.1")


def _with_password(user: User) -> User:
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def dana(floor: Floor) -> User:
    """Somebody with a password."""
    return _with_password(StaffFactory.create(casino=floor.casino, username="dana"))


def try_(
    username: str = "dana", password: str = PASSWORD, *, client: Client = HERE, after: timedelta = timedelta(0)
) -> Any:
    """What comes of a try: the person, None, or the refusal."""
    try:
        return check_sign_in(username=username, password=password, client=client, at=timezone.now() + after)
    except SignInLocked as error:
        return error


def kinds() -> list[str]:
    return list(SignInEvent.objects.order_by("pk").values_list("kind", flat=True))


class TestCheckSignIn:
    @pytest.mark.parametrize("name", ["dana", "nobody"])
    def test_locks_any_name_at_the_fifth_wrong_password(self, dana: User, name: str) -> None:
        answers = [try_(name, f"guess {number}") for number in range(FAILURES_MAX + 1)]

        assert answers[: FAILURES_MAX - 1] == [None] * (FAILURES_MAX - 1)
        assert [error.seconds for error in answers[FAILURES_MAX - 1 :]] == [pytest.approx(LOCK.seconds, abs=5)] * 2
        assert kinds() == ["WRONG"] * FAILURES_MAX + ["REFUSED"]

    @pytest.mark.parametrize("password", ["a guess", PASSWORD])
    def test_prolongs_no_lock(self, dana: User, password: str) -> None:
        lock(dana)
        for minute in (1, 5, 14):
            assert isinstance(try_(password=password, after=timedelta(minutes=minute)), SignInLocked)

        assert try_(after=LOCK) == dana
        assert try_(password="a guess", after=LOCK) is None

    def test_keeps_no_name_that_nobody_has(self, dana: User) -> None:
        assert [try_(name, "a guess") for name in (PASSWORD, "Dana", "dana")] == [None] * 3

        rows = list(SignInEvent.objects.order_by("pk").values())
        assert [row["staff_id"] for row in rows] == [None, None, dana.pk]
        assert all(row["name_group"] in range(4096) for row in rows[:2])
        assert PASSWORD not in str(rows)

    @pytest.mark.parametrize("change", [{"is_active": False}, {"is_staff": False}])
    def test_counts_the_right_password_of_who_may_not_sign_in(self, dana: User, change: dict[str, bool]) -> None:
        User.objects.filter(pk=dana.pk).update(**change)

        assert try_() is None
        assert kinds() == ["WRONG"]

    def test_locks_a_name_tried_from_everywhere_where_it_is_unknown(self, dana: User) -> None:
        sign_ins.record_signed_in(staff=dana, client=HERE, at=timezone.now())
        for number in range(FAILURES_EVERYWHERE_MAX):
            fail(dana, address=f"203.0.113.{number}")
        sign_ins.record_signed_in(staff=dana, client=HERE, at=timezone.now())

        assert isinstance(try_(client=ELSEWHERE), SignInLocked)
        assert try_(client=HERE) == dana

    def test_slows_down_an_address_that_tries_many_names(self, dana: User) -> None:
        for number in range(NAMES_MAX):
            assert try_(f"guess {number}") is None

        refusal = try_()
        assert 0 < refusal.seconds <= PAUSE_BETWEEN_NAMES.seconds
        assert "Wait 10 seconds" in refusal.message
        assert try_(client=ELSEWHERE) == dana
        assert try_(after=PAUSE_BETWEEN_NAMES) == dana

    @pytest.mark.parametrize(
        ("addresses", "elsewhere"),
        [("2001:db8:1:2::{0:x}", "2001:db8:1:3::1"), ("2001:db8:1:2:{0:x}::", "2001:db8:1:1:ffff::")],
    )
    def test_takes_all_addresses_of_an_ipv6_network_for_one(self, dana: User, addresses: str, elsewhere: str) -> None:
        fail_at = [addresses.format(number + 1) for number in range(NAMES_MAX)]
        for number, address in enumerate(fail_at):
            assert try_(f"guess {number}", client=Client(address=address)) is None

        assert "Wait 10 seconds" in try_(client=Client(address=addresses.format(0xFFFF))).message
        assert try_(client=Client(address=elsewhere)) == dana

        for address in fail_at[:FAILURES_MAX]:
            fail(dana, address=address)
        assert "Wait 15 minutes" in try_(client=Client(address=addresses.format(0xFFFE))).message
        assert try_(client=Client(address=elsewhere)) == dana

    def test_forgets_tried_names_after_a_quarter_of_an_hour(self, floor: Floor, dana: User) -> None:
        recent, *others = StaffFactory.create_batch(NAMES_MAX, casino=floor.casino)
        for member in others:
            fail(member, at=timezone.now() - WINDOW)
        fail(recent)

        assert try_() == dana

    def test_leaves_an_address_alone_whose_people_got_in_at_last(self, floor: Floor, dana: User) -> None:
        for member in StaffFactory.create_batch(NAMES_MAX, casino=floor.casino):
            fail(member)
            sign_ins.record_signed_in(staff=member, client=HERE, at=timezone.now())

        assert try_() == dana

    def test_records_refusals_once_a_minute(self, dana: User) -> None:
        lock(dana, at=timezone.now())
        for second in (1, 2, 30, 62):
            try_(after=timedelta(seconds=second))

        assert kinds().count("REFUSED") == 2

    def test_is_kept_for_ever(self, dana: User) -> None:
        fail(dana)

        for statement in ("UPDATE of core_signinevent", "DELETE of core_signinevent"):
            with refused_by_trigger(f"{statement} is refused"):
                rows = SignInEvent.objects.all()
                rows.update(kind="SIGNED_IN") if "UPDATE" in statement else rows._raw_delete("default")


class TestTriesAtOnce:
    TRIES = 30

    def _at_once(self, floor: Floor) -> int:
        """How many of the passwords were looked at."""
        looked_at: list[int] = []
        dana = _with_password(StaffFactory.create(casino=floor.casino, username="dana"))

        def guess(number: int) -> Callable[[], Any]:
            def is_right() -> bool:
                looked_at.append(number)
                return False

            return lambda: sign_ins.require_own_secret(actor=dana, is_right=is_right, client=HERE, at=timezone.now())

        together([guess(number) for number in range(self.TRIES)])
        return len(looked_at)

    def test_are_all_counted(self, committed_floor: Floor) -> None:
        assert self._at_once(committed_floor) == FAILURES_MAX

    @pytest.mark.shows(39)
    def test_would_be_counted_too_late(self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        replace(monkeypatch, lock_name, lambda *_: None)

        assert self._at_once(committed_floor) > FAILURES_MAX


class TestTriesFromASlowedAddress:
    """The second of two tries comes while the first one, of another name, is not yet committed."""

    def _second(self, floor: Floor) -> Any:
        names = StaffFactory.create_batch(NAMES_MAX, casino=floor.casino)
        for member in names:
            fail(member, at=timezone.now() - PAUSE_BETWEEN_NAMES)
        first, second = (partial(try_, member.username, "a guess") for member in names[:2])
        with held_before_commit(first):
            return Elsewhere(second).outcome()

    def test_is_not_listened_to_beside_another(self, committed_floor: Floor) -> None:
        assert isinstance(self._second(committed_floor), AddressSlowed)

    @pytest.mark.shows(39)
    def test_would_be_listened_to_without_the_lock(
        self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        replace(monkeypatch, try_lock_name, lambda *_: True)

        assert self._second(committed_floor) is None


class TestPasswordChangedDuringATry:
    def _outcome(self, floor: Floor) -> object:
        dana = StaffFactory.create(casino=floor.casino, username="dana", password=make_password("before"))

        def change() -> None:
            lock_name("sign-in", Name.of("dana").key)
            User.objects.filter(pk=dana.pk).update(password=make_password("after"))

        return made_to_wait(lambda: try_("dana", "before"), by=change).outcome()

    def test_is_compared_with_what_it_is_by_then(self, committed_floor: Floor) -> None:
        assert self._outcome(committed_floor) is None

    @pytest.mark.shows(39)
    def test_would_be_right_if_it_was_not_read_again(
        self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(User, "refresh_from_db", lambda *_, **__: None)

        assert isinstance(self._outcome(committed_floor), User)


class TestOwnPasswordChangedDuringATry:
    """The person is asked again; the password changes while the try waits for its turn."""

    def _outcome(self, floor: Floor) -> object:
        dana = StaffFactory.create(casino=floor.casino, username="dana", password=make_password("before"))
        asked = User.objects.get(pk=dana.pk)

        def change() -> None:
            lock_name("sign-in", Name(staff=dana, name_group=None).key)
            User.objects.filter(pk=dana.pk).update(password=make_password("after"))

        check = partial(require_own_password, actor=asked, password="before", client=HERE, at=timezone.now())
        return made_to_wait(check, by=change).outcome()

    def test_is_compared_with_what_it_is_by_then(self, committed_floor: Floor) -> None:
        assert isinstance(self._outcome(committed_floor), WrongPassword)

    @pytest.mark.shows(39)
    def test_would_be_right_if_it_was_not_read_again(
        self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(User, "refresh_from_db", lambda *_, **__: None)

        assert self._outcome(committed_floor) is None


class TestRefusalsAtOnce:
    def _recorded(self, floor: Floor) -> int:
        """How many of two refusals are recorded, of which the second comes before the first one is committed."""
        dana = StaffFactory.create(casino=floor.casino, username="dana")
        lock(dana)
        with held_before_commit(try_):
            Elsewhere(try_).result()
        return kinds().count("REFUSED")

    def test_are_recorded_once(self, committed_floor: Floor) -> None:
        assert self._recorded(committed_floor) == 1

    @pytest.mark.shows(39)
    def test_would_be_recorded_twice_without_the_lock(
        self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        replace(monkeypatch, try_lock_name, lambda *_: True)

        assert self._recorded(committed_floor) == 2


class TestOwnPassword:
    def test_counts_as_a_try_to_sign_in(self, dana: User) -> None:
        for _ in range(FAILURES_MAX - 1):
            with pytest.raises(WrongPassword):
                require_own_password(actor=dana, password="a guess", client=HERE, at=timezone.now())
        with pytest.raises(SignInLocked):
            require_own_password(actor=dana, password="a guess", client=HERE, at=timezone.now())

        assert isinstance(try_(), SignInLocked)

    def test_ends_the_count_when_it_is_right(self, dana: User) -> None:
        fail(dana, times=FAILURES_MAX - 1)

        require_own_password(actor=dana, password=PASSWORD, client=HERE, at=timezone.now())

        assert try_(password="a guess") is None
        assert kinds()[-2:] == ["CONFIRMED", "WRONG"]


class TestLiftLock:
    def _lift(self, dana: User, actor: User, *roles: str) -> None:
        signed_in(actor, *roles)
        lift_lock(staff=dana, actor=actor, client=ELSEWHERE, at=timezone.now())

    @pytest.mark.parametrize("role", [PIT_SUPERVISOR, LOYALTY_SUPERVISOR])
    def test_lets_the_person_in_at_once(self, floor: Floor, dana: User, role: str) -> None:
        lock(dana)
        (found,) = locked_staff(among=User.objects.all(), at=timezone.now())
        assert (found.staff, found.addresses) == (dana, (ADDRESS,))

        self._lift(dana, floor.supervisor, role)

        assert locked_staff(among=User.objects.all(), at=timezone.now()) == []
        assert try_() == dana
        with pytest.raises(NotLocked):
            self._lift(dana, floor.supervisor, role)
        assert SignInEvent.objects.get(kind="LIFTED").done_by == floor.supervisor

    def test_is_not_for_everybody(self, floor: Floor, dana: User) -> None:
        lock(dana)
        cases = [(dana, floor.boss, PIT_BOSS), (floor.supervisor, floor.supervisor, PIT_SUPERVISOR)]
        cases += [(dana, StaffFactory.create(), PIT_SUPERVISOR)]
        cases += [(StaffFactory.create(casino=floor.casino, is_superuser=True), floor.supervisor, PIT_SUPERVISOR)]

        for staff, actor, role in cases:
            with pytest.raises(NotPermitted):
                self._lift(staff, actor, role)

        assert not SignInEvent.objects.filter(kind="LIFTED").exists()


class TestTwoWhoLiftALock:
    def _second(self, floor: Floor) -> Any:
        dana = StaffFactory.create(casino=floor.casino, username="dana")
        lock(dana)
        actors = StaffFactory.create_batch(2, casino=floor.casino)
        for actor in actors:
            signed_in(actor, PIT_SUPERVISOR)
        lift = partial(lift_lock, staff=dana, client=ELSEWHERE, at=timezone.now())
        with held_before_commit(partial(lift, actor=actors[0])) as first:
            second = Elsewhere(partial(lift, actor=actors[1]))
            wait_until(lambda: second.has_ended or is_waited_for(first.backend))
        return second.outcome()

    def test_lift_it_once(self, committed_floor: Floor) -> None:
        assert isinstance(self._second(committed_floor), NotLocked)

    @pytest.mark.shows(39)
    def test_would_both_lift_it_without_the_lock(self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        replace(monkeypatch, lock_name, lambda *_: None)

        assert self._second(committed_floor) is None


def _lose_right(actor: User) -> None:
    actor.groups.clear()


def _lose_superuser(actor: User) -> None:
    User.objects.filter(pk=actor.pk).update(is_superuser=False)


class TestLiftDuringAMove:
    def test_is_refused_to_the_casino_before(self, committed_floor: Floor) -> None:
        moved = StaffFactory.create(casino=committed_floor.casino, username="dana")
        actor = StaffFactory.create(casino=committed_floor.casino)
        signed_in(actor, PIT_SUPERVISOR)
        lock(moved)

        def move() -> None:
            lock_name("sign-in", Name(staff=moved, name_group=None).key)
            User.objects.filter(pk=moved.pk).update(casino=CasinoFactory.create())

        lifting = made_to_wait(
            lambda: lift_lock(staff=moved, actor=actor, client=ELSEWHERE, at=timezone.now()), by=move
        )

        assert isinstance(lifting.outcome(), NotPermitted)


class TestLiftDuringARevocation:
    @pytest.mark.parametrize("lose", [_lose_right, _lose_superuser], ids=["right", "superuser"])
    def test_is_refused(self, committed_floor: Floor, lose: Callable[[User], None]) -> None:
        is_superuser = lose is _lose_superuser
        locked = StaffFactory.create(casino=committed_floor.casino, username="dana", is_superuser=is_superuser)
        actor = StaffFactory.create(casino=committed_floor.casino, is_superuser=is_superuser)
        signed_in(actor, PIT_SUPERVISOR)
        lock(locked)

        def revoke() -> None:
            lock_name("sign-in", Name(staff=locked, name_group=None).key)
            lose(actor)

        lifting = made_to_wait(
            lambda: lift_lock(staff=locked, actor=actor, client=ELSEWHERE, at=timezone.now()), by=revoke
        )

        assert isinstance(lifting.outcome(), NotPermitted)
        assert not SignInEvent.objects.filter(kind="LIFTED").exists()
