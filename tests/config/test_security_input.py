"""What a person, a script or another system sends to do harm: read as text, or refused; logged, and no row."""

import csv
import html
from typing import Any, Final

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.urls import reverse

from core.models import User
from core.roles import AUDITOR, LOYALTY_SUPERVISOR, PIT_BOSS
from loyalty.models import LedgerEntry, PlayerLoyalty
from ratingslips.models import RatingSlip
from tests.config.matrix.asking import CALM, Asking
from tests.config.matrix.house import TwoCasinos
from tests.config.test_permission_matrix import TABLE
from tests.console import address, signed_in
from tests.databases import as_owner
from tests.factories import StaffFactory
from tests.floor import Floor
from tests.log_lines import log_lines
from tests.loyalty.postings import award
from tests.loyalty.rows import account_of
from tests.refusals import everything

LOGIN: Final = reverse("admin:login")
_FORM: Final = "application/x-www-form-urlencoded"
_TOO_LARGE: Final = b"reason=" + b"x" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0)
_TOO_MANY: Final = b"&".join(b"a=1" for _ in range((settings.DATA_UPLOAD_MAX_NUMBER_FIELDS or 0) + 1))
# Content type and body, and what the log line calls it.
UNREADABLE: Final = {
    "too large": (_FORM, _TOO_LARGE, "RequestDataTooBig"),
    "too many fields": (_FORM, _TOO_MANY, "TooManyFieldsSent"),
    "too many parts": (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 5_000 + b"--b--\r\n",
        "RequestDataTooBig",
    ),
}
MALFORMED: Final = {
    "parts without a boundary": ("multipart/form-data", b"points=100"),
    "parts with a boundary that is none": ("multipart/form-data; boundary=\x00", b"points=100"),
    "parts that end in the middle": ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data; na"),
    "parts that are no base64": (
        "multipart/form-data; boundary=b",
        b'--b\r\nContent-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64\r\n\r\n!\r\n--b--\r\n',
    ),
    "JSON": ("application/json", b'{"points": 100'),
    "no UTF-8": (_FORM, b"points=\xff\xfe&reason=\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a"),
    "an encoding that nobody knows": (f"{_FORM}; charset=nonsense", b"points=100"),
    "an encoding that turns letters over": (f"{_FORM}; charset=utf-7", b"points=100&reason=%2BADw-script%2BAD4-alert"),
    "no content type": ("", b"points=100"),
}
EVIL: Final = "\"'><script>alert(1)</script>"


@pytest.fixture
def award_url(floor: Floor) -> str:
    """Where points are awarded."""
    return address(PlayerLoyalty, "award", account_of(floor.player()).pk)


@pytest.fixture
def supervisor(floor: Floor) -> Client:
    """The browser of a supervisor who may award; it shows its token, as outside the tests."""
    return signed_in(floor.supervisor, LOYALTY_SUPERVISOR)


class TestBody:
    @pytest.mark.parametrize("case", UNREADABLE)
    def test_is_refused_and_logged_under_its_correlation_id(
        self, supervisor: Client, award_url: str, case: str
    ) -> None:
        content_type, body, name = UNREADABLE[case]
        before = everything()

        with log_lines() as lines:
            answer: Any = supervisor.generic("POST", award_url, body, content_type=content_type)

        assert answer.status_code == 413
        assert "nothing was done" in answer.content.decode()
        assert answer["X-Correlation-ID"] in answer.content.decode()
        refusal = next(line for line in lines if line["logger"] == f"django.security.{name}")
        assert refusal["correlation_id"] == answer["X-Correlation-ID"]
        assert (refusal["method"], refusal["path"], refusal["status_code"]) == ("POST", award_url, 413)
        assert "exception" not in refusal
        assert everything() == before

    @pytest.mark.parametrize("case", MALFORMED)
    def test_does_nothing_where_it_cannot_be_read(self, supervisor: Client, award_url: str, case: str) -> None:
        content_type, body = MALFORMED[case]
        before = everything()

        answer = supervisor.generic("POST", award_url, body, content_type=content_type)

        assert answer.status_code in CALM
        assert everything() == before

    @pytest.mark.parametrize("case", [*UNREADABLE, *MALFORMED])
    def test_is_answered_for_who_is_not_signed_in(self, db: None, case: str) -> None:
        content_type, body, *_ = (UNREADABLE | MALFORMED)[case]
        before = everything()

        answer = Client(enforce_csrf_checks=True).generic("POST", LOGIN, body, content_type=content_type)

        assert answer.status_code in {400, 403, 413}
        assert everything() == before

    @pytest.mark.parametrize(("length", "status"), [(2_000, 200), (10_000, 413), (3_000_000, 413)])
    def test_with_a_file_is_bounded_and_the_file_forgotten(
        self, db: None, client: Client, length: int, status: int
    ) -> None:
        file = SimpleUploadedFile("film.mp4", b"x" * length)

        answer: Any = client.post(LOGIN, {"username": "somebody", "password": "a guess", "film": file})

        assert answer.status_code == status
        assert not answer.wsgi_request.FILES


class TestForgedStaff:
    def test_is_not_read_from_the_floor_s_forms(self, floor: Floor) -> None:
        boss = signed_in(floor.boss, PIT_BOSS)
        forged = {name: str(floor.supervisor.pk) for name in ("actor", "staff", "user", "opened_by", "casino")}
        typed = {"player": str(floor.player().pk), "average_bet": "40"}

        boss.post(reverse("floor:seat", args=[floor.table.pk, 3]), typed | forged)

        slip = RatingSlip.objects.get()
        assert (slip.opened_by, slip.casino) == (floor.boss, floor.casino)


@pytest.mark.slow
class TestCode:
    def test_in_a_name_or_reason_is_text_on_every_page(self, db: None) -> None:
        house = TwoCasinos.build()
        self._spoil(house)
        asking = Asking(house)
        raw, shown = [], 0

        for question in TABLE:
            if question.method == "GET" and question.whose == "own":
                answer = asking.get_or_post(asking.url_of(question.address), None, column="root")
                is_page = not answer.streaming and answer.headers.get("Content-Type", "").startswith("text/html")
                text = answer.content.decode() if is_page else ""
                shown += html.escape(EVIL) in text
                if "<script>alert" in text:
                    raw.append(str(question))

        assert raw == []
        assert shown > 30

    def _spoil(self, house: TwoCasinos) -> None:
        """Write it into every text that a person can type, and into a reason of the ledger."""
        floor = house.own.floor
        award(floor, house.own.closed.player, reason=EVIL, points=7)
        typed = {
            "core_casino": ("name",),
            "core_reasoncode": ("label",),
            "core_player": ("first_name", "last_name"),
            "core_user": ("first_name", "last_name"),
            "loyalty_loyaltyprogram": ("name",),
            "loyalty_tier": ("name",),
            "ratingslips_pit": ("name",),
            "ratingslips_gamesettings": ("name",),
            "ratingslips_gamingtable": ("name",),
            "auth_group": ("name",),
        }
        with as_owner(), connection.cursor() as cursor:
            # Tiers stay as they were set up.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE loyalty_tier DISABLE TRIGGER USER")
            for table, names in typed.items():
                for name in names:
                    unique = " || id" if name == "name" else ""
                    cursor.execute(f"UPDATE {table} SET {name} = %s{unique}", [EVIL])

    def test_in_an_export_is_no_formula(self, committed_floor: Floor) -> None:
        floor = committed_floor
        player = floor.player(first_name="=HYPERLINK(1)", last_name="@SUM(1+1)", card_number="-2+3")
        award(floor, player, reason="=cmd|'/C calc'!A0")
        auditor: User = StaffFactory.create(casino=floor.casino, first_name="+1", last_name="\t=1")

        answer: Any = signed_in(auditor, AUDITOR).post(reverse("admin:loyalty_ledgerentry_export"))

        lines = b"".join(answer).decode("utf-8-sig").splitlines()
        cells = [cell for row in csv.reader(lines) for cell in row]
        assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t"))] == []
        assert any("cmd|" in cell for cell in cells)
        assert LedgerEntry.objects.get().reason == "=cmd|'/C calc'!A0"
