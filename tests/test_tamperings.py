"""What the application's role and the owner of the tables can write past the application, and what is found then.

docs/security.md names what nothing finds.
"""

from typing import Any

import pytest
from django.conf import settings

from tests.floor import Floor
from tests.tamperings.every import EVERY
from tests.tamperings.kinds import Tampering
from tests.tamperings.saying import build_casino, said_of


@pytest.fixture
def casino(db: None) -> Floor:
    return build_casino()


@pytest.mark.django_db
@pytest.mark.shows(47)
class TestTampering:
    @pytest.mark.parametrize("tampering", EVERY, ids=str)
    def test_is_found_or_named_as_open(self, casino: Floor, tampering: Tampering, record_property: Any) -> None:
        if settings.HAS_OWN_DATABASE:
            pytest.skip("only the tests' own server has both roles")

        said = said_of(tampering, casino)

        record_property("said", str(said))
        assert tampering.found in said, said
