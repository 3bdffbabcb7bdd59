#!/usr/bin/env python
"""The command line of the project: `manage.py demo`, `manage.py report`, `manage.py help`."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import OperationalError

FAILED = 1
WRONG_USE = 2


def main() -> None:
    """Run the command that the arguments name; wrong settings and a database that is away are said in a sentence."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.stderr.write(f"The settings are wrong: {error}\n")
        sys.exit(WRONG_USE)
    except OperationalError as error:
        sys.stderr.write(f"The database cannot do this just now: {str(error).strip()}\n")
        sys.exit(FAILED)


if __name__ == "__main__":
    main()
