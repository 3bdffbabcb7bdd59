"""The project's settings in the environment of the tests: a server of their own, and cheap passwords."""

import os

os.environ.setdefault("LOCAL_SERVER", "test")

from config.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Two people who test one checkout at the same time take a database each.
DATABASES["default"]["TEST"] = {"NAME": f"test_loyalty{os.environ.get('TEST_DATABASE_SUFFIX', '')}"}  # noqa: F405

# A test that takes a checkpoint says where its line goes.
CHECKPOINT_FILE = ""

# Else every client that a test makes would begin by looking up all static files.
WHITENOISE_AUTOREFRESH = True
