"""`manage.py demo`: start the whole product with one command."""

import logging
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from config.database.grants import wrong_rights
from config.database.owner import as_owner
from config.demo import evening
from config.demo.progress import Progress
from config.demo.proof import seal_and_verify
from config.demo.serving import HOST, PortTaken, require_free_port, serve
from config.demo.staff import LOGINS, passwords_are_valid
from core.errors import DomainError


class Command(BaseCommand):
    help = (
        "Start the product with a gaming day on its floor: brings up the database (a private PostgreSQL unless "
        "DATABASE_URL is set), loads the demo casino, replays its day up to this evening, and serves the console on "
        "this machine. A second start keeps the data."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="port to serve on (default: 8000)")
        parser.add_argument("--once", action="store_true", help="do everything but serve")

    def handle(self, *, port: int, once: bool, **_: Any) -> None:
        self.started_at = time.monotonic()
        try:
            if not once:
                require_free_port(port)
            self._prepare()
        except (PortTaken, DomainError) as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise CommandError(f"The database cannot be used for the demo: {reason}") from error
        except KeyboardInterrupt:
            raise CommandError("Stopped. Nothing is broken: start it again and it goes on.", returncode=130) from None
        self._introduce()
        if not once:
            self.stdout.write(f"The console: http://{HOST}:{port}/   (Ctrl-C stops it, the data stays)")
            self.stdout.flush()
            connections.close_all()
            serve(port=port)

    def _prepare(self) -> None:
        connection.ensure_connection()
        major, minor = divmod(connection.connection.info.server_version, 10_000)
        whose = "the one that DATABASE_URL names" if settings.HAS_OWN_DATABASE else "a private one, in this checkout"
        self._say(f"PostgreSQL {major}.{minor}: {whose}")
        # Otherwise each event of a whole day logs a line.
        logging.getLogger().setLevel(logging.ERROR)
        with evening.only_demo():
            if self._migration_is_due():
                call_command("migrate", interactive=False, skip_checks=True, stdout=Progress(self._say))
                self._say("Schema and roles: up to date")
            if evening.is_loaded():
                self._say("Demo casino: kept from an earlier start")
            else:
                now = timezone.now().replace(microsecond=0)
                evening.load_demo(now=now, say=self._say)
                seal_and_verify(now=now, say=self._say)
        logging.getLogger().setLevel(logging.INFO)

    def _migration_is_due(self) -> bool:
        """Whether the schema or the rights of a role differ from what this version needs."""
        with as_owner():
            executor = MigrationExecutor(connection)
            return bool(executor.migration_plan(executor.loader.graph.leaf_nodes())) or bool(wrong_rights())

    def _introduce(self) -> None:
        self.stdout.write("")
        passwords = passwords_are_valid()
        if not passwords:
            self.stdout.write("  The logins were made with another SECRET_KEY and keep its passwords;")
            self.stdout.write("  to set a new one: manage.py changepassword NAME\n")
        for login in LOGINS:
            self.stdout.write(f"  {login.title:<11} {login.username:<11} {login.password if passwords else '–'}")
        self.stdout.write("")

    def _say(self, what: str) -> None:
        self.stdout.write(f"{time.monotonic() - self.started_at:5.1f} s  {what}")
        self.stdout.flush()
