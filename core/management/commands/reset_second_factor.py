"""Remove the second factors of a member of staff who lost them."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from core.commands import WRONG_USE, ProjectCommand
from core.factors.services import reset_second_factors
from core.models import User
from core.roles import system_account
from core.words import counted


class Command(ProjectCommand):
    help = (
        "Remove all second factors and recovery codes of a member of staff who lost them and whom nobody else may "
        "reset, such as the only superuser. The password stays as it is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--username", required=True, help="the user name of the member of staff")

    def describe_work_done(self) -> str:
        return "Nothing was changed."

    def run(self, *, username: str, **_: Any) -> None:
        person = User.objects.filter(username=username).first()
        if person is None:
            raise CommandError(f"There is no member of staff “{username}”.", returncode=WRONG_USE)
        removed = reset_second_factors(person=person, actor=system_account())
        self.say(f"{counted(removed, 'second factor')} of {username} removed.")
