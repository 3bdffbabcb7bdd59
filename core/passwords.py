"""Refuse passwords that are built of names of the casino, the person and roles, and a year or another number."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import Case, When

from core.models import Casino, User

OTHER_CHARACTERS_MIN: Final = 8
NAME_PART_MIN_LENGTH: Final = 3
CASINOS_MAX: Final = 50
ROLES_MAX: Final = 50

_HELP: Final = (
    "Your password can’t be made of the casino’s name, your own name, the name of a role and a year or another number: "
    f"at least {OTHER_CHARACTERS_MIN} of its letters must be something else."
)
_OF_EVERY_CASINO: Final = ("casino", "password")
# A digit counts only between two letters of other words, as in “rain4ever”.
_NUMBER: Final = re.compile(r"\d{2,}|\b\d|\d\b")
_REPEATED: Final = re.compile(r"(.)\1+")
# Letters that are often written as digits and signs; 1 is i as well as l.
_WRITTEN_OTHERWISE: Final[tuple[dict[int, int], ...]] = (
    {},
    str.maketrans("013457892@$!|", "oieastbgzasii"),
    str.maketrans("013457892@$!|", "oleastbgzasll"),
)


class NotOfNamesValidator:
    """One of the validators of Django's setting AUTH_PASSWORD_VALIDATORS."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Check the new `password` of `user`.

        :raises ValidationError: without names, numbers and repeated characters, too little of it is left.
        """
        if len(password) < OTHER_CHARACTERS_MIN:
            return  # Too short for another reason to be of any use.
        names = sorted(_parts(_names(user)), key=len, reverse=True)
        folded = _folded(password)
        for letters in _WRITTEN_OTHERWISE:
            if len(_without(names, folded, letters=letters)) < OTHER_CHARACTERS_MIN:
                raise ValidationError(
                    "This password is made of the casino’s name, your own name, the name of a role, a number or a "
                    "repeated character: add other words.",
                    code="password_of_names",
                )

    def get_help_text(self) -> str:
        """The rule, as the forms for passwords say it."""
        return _HELP


def _names(user: User | None) -> Iterable[str]:
    """The names of the person, of roles and of casinos, the person's own casino first."""
    yield from _OF_EVERY_CASINO
    yield from Group.objects.order_by("pk").values_list("name", flat=True)[:ROLES_MAX]
    own = user.casino_id if user is not None else None
    for casino in Casino.objects.order_by(Case(When(pk=own, then=0), default=1), "pk")[:CASINOS_MAX]:
        yield from (casino.name, casino.code)
    if user is not None:
        # A form leaves a name empty that was refused.
        names = (user.username, user.first_name, user.last_name, (user.email or "").partition("@")[0])
        yield from (name for name in names if name)


def _parts(names: Iterable[str]) -> set[str]:
    """The words of the names, and each name in one word."""
    folded = [_folded(name) for name in names]
    words = {word for name in folded for word in re.split(r"[\W\d_]+", name)}
    words |= {re.sub(r"[\W_]+", "", name) for name in folded}
    return {word for word in words if len(word) >= NAME_PART_MIN_LENGTH}


def _without(names: Iterable[str], text: str, *, letters: dict[int, int]) -> str:
    """The characters of `text` that are in no name and no number. A character that is repeated is kept once.

    Names are found also where some of their letters are written otherwise (see `letters`).
    """
    read = [(sign, seen) for sign, seen in zip(text, text.translate(letters), strict=True) if seen.isalnum()]
    kept, seen = "".join(sign for sign, _ in read), "".join(seen for _, seen in read)
    for name in names:
        for found in re.finditer(re.escape(name), seen):
            kept = kept[: found.start()] + " " * len(name) + kept[found.end() :]
        seen = seen.replace(name, " " * len(name))
    return _REPEATED.sub(r"\1", re.sub(r"[\W_]+", "", _NUMBER.sub("", kept)))


def _folded(text: str) -> str:
    """The text without accents and capital letters."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))
