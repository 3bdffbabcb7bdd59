"""The project's settings in the environment of the tests: a server of their own, and cheap passwords."""

import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("LOCAL_SERVER", "test")

from django.db.migrations.state import ProjectState

from config.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Two people who test one checkout at the same time take a database each.
DATABASES["default"]["TEST"] = {"NAME": f"test_loyalty{os.environ.get('TEST_DATABASE_SUFFIX', '')}"}  # noqa: F405

# A test that takes a checkpoint says where its line goes.
CHECKPOINT_FILE = ""

# Else every client that a test makes would begin by looking up all static files.
WHITENOISE_AUTOREFRESH = True


def _without_rendering(change: Callable[..., None]) -> Callable[..., None]:
    """Leave the historical models as they are when a constraint or an index comes or goes, which they do not have.

    Django makes each model again that is related to one that changes: nearly half of the time of all migrations.
    """

    def changed(state: ProjectState, *arguments: Any) -> None:
        apps = state.__dict__.pop("apps", None)
        change(state, *arguments)
        if apps is not None:
            state.__dict__["apps"] = apps

    return changed


for _name in ("add_constraint", "remove_constraint", "add_index", "remove_index"):
    setattr(ProjectState, _name, _without_rendering(getattr(ProjectState, _name)))
