"""Reason codes: what a casino has, what a service accepts, and what a form asks for."""

from typing import Any

import pytest
from django.test import Client

from core.console.reasons import ReasonForm
from core.models import Casino, ReasonCode
from core.reasons.codes import InvalidReasonCode, given_reason, reason_contents
from core.reasons.models import Operation
from core.reasons.text import InvalidReason
from tests.console import fields_in, said, signed_in
from tests.factories import CasinoFactory, StaffFactory

LONG = "Waited an hour for a table"

pytestmark = pytest.mark.django_db


@pytest.fixture
def casino() -> Casino:
    """A casino whose codes can be chosen for awards: an active one, one with a text, and one that is not active."""
    casino = CasinoFactory.create()
    codes: dict[str, dict[str, Any]] = {
        "WAIT": {},
        "OTHER": {"text_required": True},
        "OLD": {"is_active": False},
        "WRONG_BET": {"operations": [Operation.CORRECT]},
    }
    for code, fields in codes.items():
        usual: dict[str, Any] = {"label": code.capitalize(), "operations": [Operation.AWARD, Operation.UNDO]}
        ReasonCode.objects.create(casino=casino, code=code, **(usual | fields))
    return casino


class TestNewCasino:
    def test_has_a_code_for_every_operation(self) -> None:
        casino = Casino.objects.create(code="new", name="New", time_zone="UTC")

        operations = {one for row in ReasonCode.objects.filter(casino=casino) for one in row.operations}
        assert operations == set(Operation.values)

    def test_keeps_its_codes_when_it_is_saved_again(self) -> None:
        casino = Casino.objects.create(code="new", name="New", time_zone="UTC")
        ReasonCode.objects.filter(casino=casino).update(is_active=False)

        casino.save()

        assert not ReasonCode.objects.filter(casino=casino, is_active=True).exists()


class TestGivenReason:
    @pytest.mark.parametrize(
        ("code", "text", "kept"),
        [
            (None, LONG, LONG),
            ("WAIT", "", "Wait"),
            ("WAIT", " \u200b ", "Wait"),
            ("WAIT", "no", "no"),
            ("OTHER", f" {LONG} ", LONG),
        ],
    )
    def test_is_the_code_and_a_text(self, casino: Casino, code: str | None, text: str, kept: str) -> None:
        given = given_reason(casino_id=casino.pk, operation=Operation.AWARD, code=code, text=text)

        given.require_allowed()
        assert (given.code, given.text) == (code, kept)

    @pytest.mark.parametrize(
        ("code", "text", "refusal"),
        [
            (None, "no", InvalidReason),
            ("WAIT", "a" * 501, InvalidReason),
            ("WAIT", "a\x07b", InvalidReason),
            ("UNKNOWN", LONG, InvalidReasonCode),
            ("", LONG, InvalidReasonCode),
            ("wait", LONG, InvalidReasonCode),
            ("WAIT\x00", LONG, InvalidReasonCode),
            ("ELSEWHERE", LONG, InvalidReasonCode),
        ],
    )
    def test_is_refused_at_once(
        self, casino: Casino, code: str | None, text: str, refusal: type[InvalidReason]
    ) -> None:
        elsewhere = CasinoFactory.create()
        ReasonCode.objects.create(casino=elsewhere, code="ELSEWHERE", label="Elsewhere", operations=[Operation.AWARD])

        with pytest.raises(refusal) as refused:
            given_reason(casino_id=casino.pk, operation=Operation.AWARD, code=code, text=text)
        assert type(refused.value) is refusal

    @pytest.mark.parametrize(
        ("code", "text", "refusal"),
        [
            ("OTHER", "", InvalidReason),
            ("OTHER", "no", InvalidReason),
            ("OLD", LONG, InvalidReasonCode),
            ("WRONG_BET", LONG, InvalidReasonCode),
        ],
    )
    def test_is_refused_for_a_new_request_alone(
        self, casino: Casino, code: str, text: str, refusal: type[InvalidReason]
    ) -> None:
        given = given_reason(casino_id=casino.pk, operation=Operation.AWARD, code=code, text=text)

        with pytest.raises(refusal):
            given.require_allowed()

    def test_without_a_code_has_the_contents_that_it_had(self) -> None:
        assert reason_contents(LONG, None) == {"reason": LONG}
        assert reason_contents(LONG, "WAIT") == {"reason": LONG, "reason_code": "WAIT"}


class TestReasonForm:
    @pytest.mark.parametrize(
        ("code", "text", "errors"),
        [
            ("WAIT", "", set()),
            ("OTHER", LONG, set()),
            ("OTHER", "no", {"reason"}),
            ("OLD", LONG, set()),  # it was offered when the page was opened, and the service knows replays
            ("", LONG, {"reason_code"}),
            ("UNKNOWN", LONG, {"reason_code"}),
            ("WAIT", "a" * 501, {"reason"}),
        ],
    )
    def test_takes_a_code_and_the_text_that_it_requires(
        self, casino: Casino, code: str, text: str, errors: set[str]
    ) -> None:
        form = ReasonForm({"reason_code": code, "reason": text}, casino_id=casino.pk, operation=Operation.AWARD)

        assert set(form.errors) == errors

    def test_offers_the_active_codes_of_the_operation(self, casino: Casino) -> None:
        form = ReasonForm(casino_id=casino.pk, operation=Operation.AWARD)

        assert [value for value, _ in form.fields["reason_code"].choices] == ["", "WAIT", "OTHER"]  # type: ignore[attr-defined]

    @pytest.mark.parametrize(("text", "is_valid"), [("", False), ("no", False), (LONG, True)])
    def test_asks_for_a_text_where_there_is_no_code(self, casino: Casino, text: str, is_valid: bool) -> None:
        form = ReasonForm({"reason": text}, casino_id=casino.pk, operation=Operation.VOID)

        assert form.is_valid() == is_valid
        assert form.cleaned_data.get("reason_code") is None

    def test_asks_for_no_names_whatever_it_is_about(self) -> None:
        forms: list[type[ReasonForm]] = [ReasonForm, *ReasonForm.__subclasses__()]

        assert {form for form in forms if "Write no names" not in form.base_fields["reason"].help_text} == set()


class TestPageOfACode:
    @pytest.fixture
    def root(self, casino: Casino) -> Client:
        return signed_in(StaffFactory.create(casino=casino, is_superuser=True))

    def test_keeps_the_code_whatever_is_sent(self, casino: Casino, root: Client) -> None:
        row = ReasonCode.objects.get(casino=casino, code="WAIT")
        url = f"/console/core/reasoncode/{row.pk}/change/"
        form = fields_in(root.get(url)) | {"code": ["NEW"], "label": ["Long wait"], "operations": ["award", "redeem"]}

        root.post(url, form)

        row.refresh_from_db()
        assert (row.code, row.label, row.operations) == ("WAIT", "Long wait", ["award", "redeem"])

    def test_says_what_somebody_else_changed(self, casino: Casino, root: Client) -> None:
        row = ReasonCode.objects.get(casino=casino, code="WAIT")
        url = f"/console/core/reasoncode/{row.pk}/change/"
        form = fields_in(root.get(url))
        ReasonCode.objects.filter(pk=row.pk).update(operations=["redeem"])

        answer = root.post(url, form)

        assert "Operations: Award points, Undo on the floor → Redeem points." in answer.content.decode()
        assert said(answer) == []
