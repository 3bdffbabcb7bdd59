"""Replacing a function of the product wherever it was imported, so that a control can do without what it does."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

PRODUCT = ("config", "core", "loyalty", "ratingslips")


def replace(monkeypatch: pytest.MonkeyPatch, original: Callable[..., Any], by: Callable[..., Any]) -> None:
    """Replace a public function in every module of the product that has imported it under its name."""
    name = original.__name__
    modules = [module for path, module in sys.modules.items() if path.partition(".")[0] in PRODUCT]
    users = [module for module in modules if getattr(module, name, None) is original]
    assert users
    for module in users:
        monkeypatch.setattr(module, name, by)
