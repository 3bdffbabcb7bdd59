"""No link of any page leads its reader to a page that they may not open."""

import re
from html import unescape
from urllib.parse import urljoin, urlsplit

import pytest

from tests.config.matrix.asking import Asking
from tests.config.matrix.table import COLUMNS

_LINK = re.compile(r'<a\b[^>]*\shref="([^"]*)"')
_NUMBER = re.compile(r"\d+|[0-9a-f]{8}-[0-9a-f-]{27}")
_PAGES_OF_A_KIND = 2


def refused_links(asking: Asking, *, column: str) -> tuple[list[str], int]:
    """Follow all links from the front page: those that are answered 403, with the page that has them; and how many."""
    found_on, refused, kinds = {"/": ""}, [], dict[str, int]()
    waiting = ["/"]
    while waiting:
        url = waiting.pop(0)
        answer = asking.get_or_post(url, None, column=column)
        if answer.status_code == 403:
            refused.append(f"{url}, linked on {found_on[url]}")
        if answer.status_code in {301, 302}:
            links = [answer.headers["Location"]]
        elif answer.streaming or answer.status_code != 200:
            continue
        else:
            links = [unescape(link) for link in _LINK.findall(answer.content.decode())]
        for link in links:
            address = urlsplit(urljoin(url, link))
            kind = _NUMBER.sub("#", address.path)
            new = address._replace(scheme="", netloc="", fragment="", query="").geturl()
            if new not in found_on and kinds.get(kind, 0) < _PAGES_OF_A_KIND and address.netloc == "":
                kinds[kind] = kinds.get(kind, 0) + 1
                found_on[new] = url
                waiting.append(new)
    return refused, len(found_on)


# Those who see as much as another column, and may do less or more, see no other links.
_ALIKE = {"anon", "pits-", "loyal-", "oper@", "oper"}


@pytest.mark.slow
class TestLinks:
    @pytest.mark.parametrize("column", [column for column in COLUMNS if column not in _ALIKE])
    def test_lead_nobody_to_a_page_that_is_refused(self, asking: Asking, column: str) -> None:
        refused, followed = refused_links(asking, column=column)

        assert "\n".join(refused) == ""
        assert followed > 1
