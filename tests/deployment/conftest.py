"""Programs of Debian that read the files of config/deploy."""

import pytest


@pytest.fixture(scope="session")
def deployment() -> None:
    """Asked for by tests that need these programs (`tests.needs`)."""
