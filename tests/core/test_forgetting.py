"""Origins of requests and sign-ins that are deleted after a term, and those that stay."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.utils import timezone

from core.forgetting import Forgotten, TermTooShort, forget_old_records
from core.models import RequestOrigin
from core.origins import COMMAND
from core.sign_in_log import SignInEvent
from tests.commands import run
from tests.constraints import refused_by_trigger
from tests.databases import as_owner
from tests.floor import Floor

TERM = timedelta(days=100)


def _origin(*, days_ago: int, correlation_id: UUID | None = None) -> RequestOrigin:
    return RequestOrigin.objects.create(
        correlation_id=correlation_id or uuid4(),
        method=COMMAND,
        origin="recover_slip_loyalty",
        at=timezone.now() - timedelta(days=days_ago),
    )


def _sign_in(floor: Floor, *, days_ago: int) -> SignInEvent:
    at = timezone.now() - timedelta(days=days_ago)
    return SignInEvent.objects.create(kind="SIGNED_IN", staff=floor.boss, at=at, correlation_id=uuid4())


@pytest.mark.django_db
class TestForgetOldRecords:
    def test_deletes_what_is_older_than_the_term(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("core.forgetting.BATCH_ROWS", 2)
        for days_ago in (400, 300, 200, 101):
            _origin(days_ago=days_ago)
        young, recent = _origin(days_ago=99), _sign_in(floor, days_ago=99)
        _sign_in(floor, days_ago=101)

        with as_owner():
            done = forget_old_records(older_than=TERM, at=timezone.now())

        assert done == Forgotten(origins=4, sign_ins=1, kept_origins=0)
        assert list(RequestOrigin.objects.all()) == [young]
        assert list(SignInEvent.objects.all()) == [recent]

    def test_keeps_the_origin_of_every_row_that_refers_to_it(self, floor: Floor) -> None:
        slip = floor.played_slip()
        segment = slip.segments.latest("id")
        ids = [slip.correlation_id, segment.start_correlation_id]
        kept = [_origin(days_ago=400, correlation_id=correlation_id) for correlation_id in ids]

        with as_owner():
            done = forget_old_records(older_than=TERM, at=timezone.now())

        assert done.kept_origins == len(kept)
        assert [*RequestOrigin.objects.order_by("id")] == kept

    def test_refuses_a_term_that_is_too_short(self) -> None:
        with pytest.raises(TermTooShort):
            forget_old_records(older_than=timedelta(days=89), at=timezone.now())

    def test_is_refused_to_the_owner_before_the_term(self, floor: Floor) -> None:
        _origin(days_ago=89)
        _sign_in(floor, days_ago=89)

        for model in (RequestOrigin, SignInEvent):
            with as_owner(), refused_by_trigger("its rows are kept for 90 days"):
                model.objects.all()._raw_delete("default")


@pytest.mark.django_db(transaction=True)
class TestCommand:
    def test_acts_as_the_owner(self) -> None:
        _origin(days_ago=400)

        ran = run("forget_old_records", "--older-than", "365")

        assert (ran.code, ran.error) == (0, "")
        assert (
            ran.out == "1 origin of requests and 0 sign-ins deleted. 0 origins as old stay: other rows refer to them.\n"
        )

    def test_may_take_longer_than_a_statement_of_a_request(self, monkeypatch: pytest.MonkeyPatch) -> None:
        owner = connection.settings_dict["OWNER"]
        options = {**owner.get("OPTIONS", connection.settings_dict["OPTIONS"]), "options": "-c statement_timeout=1"}
        monkeypatch.setitem(owner, "OPTIONS", options)
        for _ in range(20):
            _origin(days_ago=400)

        assert run("forget_old_records", "--older-than", "365").code == 0

    def test_says_which_setting_it_lacks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(connection.settings_dict, "OWNER", {})

        ran = run("forget_old_records", "--older-than", "365")

        assert (ran.code, "set DATABASE_OWNER_URL" in ran.error) == (2, True)

    @pytest.mark.parametrize("days", ["89", "-1", "999999999", "a year"])
    def test_calls_a_wrong_term_wrong_use(self, days: str) -> None:
        assert run("forget_old_records", f"--older-than={days}").code == 2
