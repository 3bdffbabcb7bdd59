"""A built release behind nginx: what a browser gets, and what a client cannot make it believe."""

import base64
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from core.sign_in_log import SignInEvent
from tests.databases import database_environment
from tests.deployment.site import HOST, Site, build, gunicorn, nginx
from tests.emptying import ModuleDb

pytestmark = [pytest.mark.usefixtures("deployment"), pytest.mark.django_db]

LOGIN = "/console/login/"


@pytest.fixture(scope="module")
def release(deployment: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("opt") / "release")


@pytest.fixture(scope="module")
def away(deployment: None) -> Iterator[Site]:
    """nginx, without gunicorn."""
    with nginx() as site:
        yield site


@pytest.fixture(scope="module")
def site(release: Path, tmp_path_factory: pytest.TempPathFactory, module_db: ModuleDb) -> Iterator[Site]:
    """The console in production, with its secrets in files."""
    with module_db():
        address = database_environment()["DATABASE_URL"]
    folder = tmp_path_factory.mktemp("secrets")
    secrets = {"SECRET_KEY": "k" * 60, "REQUEST_KEYS": base64.b64encode(b"k" * 32).decode(), "DATABASE_URL": address}
    environment = {
        "ENVIRONMENT": "production",
        "ALLOWED_HOSTS": HOST,
        "BEHIND_PROXY": "1",
        "STATIC_ROOT": str(release / "static"),
    }
    for name, value in secrets.items():
        (folder / name).write_text(value)
        (folder / name).chmod(0o600)
        environment[f"{name}_FILE"] = str(folder / name)
    with nginx() as site, gunicorn(site, release, environment):
        yield site


class TestConsole:
    def test_is_served_by_tls_with_its_static_files(self, site: Site) -> None:
        page = site.ask(LOGIN)
        style = re.search(r'href="(/static/[^"]+\.css)"', page.body)
        assert style is not None, (site.folder / "gunicorn.log").read_text()

        assert (page.status, page.headers["Strict-Transport-Security"]) == (200, "max-age=31536000")
        assert "Secure" in page.headers["Set-Cookie"]
        assert "immutable" in site.ask(style[1]).headers["Cache-Control"]

    @pytest.mark.parametrize("host", [HOST, "evil.example"])
    def test_is_only_served_by_tls(self, site: Site, host: str) -> None:
        answer = site.ask_plainly(site.plain, LOGIN, Host=host)

        assert (answer.status, answer.headers["Location"]) == (308, f"https://{HOST}{LOGIN}")

    def test_is_not_served_under_another_name(self, site: Site) -> None:
        assert site.ask(LOGIN, Host="evil.example").status == 421
        with pytest.raises(ssl.SSLError):
            site.ask(LOGIN, server="evil.example")

    def test_believes_no_address_that_a_client_claims(self, site: Site) -> None:
        page = site.ask(LOGIN)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.body)
        assert token is not None

        answer = site.ask(
            LOGIN,
            method="POST",
            body=urlencode({"csrfmiddlewaretoken": token[1], "username": "nobody", "password": "wrong"}),
            Cookie=page.headers["Set-Cookie"].partition(";")[0],
            Content_Type="application/x-www-form-urlencoded",
            Referer=f"https://{HOST}{LOGIN}",
            X_Forwarded_For="192.0.2.7",
            X_Forwarded_Proto="http",
        )

        assert answer.status == 200
        assert SignInEvent.objects.get().client_address == "127.0.0.1"

    @pytest.mark.parametrize(("kilobytes", "is_page_of_console"), [(400, True), (2_000, False)])
    def test_refuses_large_forms(self, site: Site, kilobytes: int, is_page_of_console: bool) -> None:
        answer = site.ask(LOGIN, method="POST", body="a" * kilobytes * 1_000)

        assert (answer.status, "X-Correlation-ID" in answer.headers) == (413, is_page_of_console)

    def test_says_how_it_is_to_this_machine_alone(self, site: Site) -> None:
        paths = ["/livez", "/readyz", "/metrics", LOGIN]

        assert [site.ask(path).status for path in paths] == [404, 404, 404, 200]
        assert [site.ask_plainly(site.watched, path).status for path in paths] == [200, 200, 200, 404]


class TestConsoleThatIsAway:
    @pytest.mark.parametrize(("method", "repeats_itself"), [("GET", True), ("POST", False)])
    def test_is_a_page_that_repeats_only_what_changes_nothing(
        self, away: Site, method: str, repeats_itself: bool
    ) -> None:
        answer = away.ask(LOGIN, method=method)

        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        assert "The console is away for a moment" in answer.body
        assert ('http-equiv="refresh"' in answer.body) is repeats_itself

    def test_is_still_limited(self, away: Site) -> None:
        assert away.statuses(LOGIN, number=260) == {503, 429}
