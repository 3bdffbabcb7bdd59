"""The project's settings in the environment of the tests: a server of their own, and cheap passwords."""

import os

os.environ.setdefault("LOCAL_SERVER", "test")

from config.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
