"""Instants and days as people at a casino read them."""

from datetime import date, datetime
from typing import Final

from django.utils import timezone
from django.utils.formats import date_format

from core.models import Casino, User

NOTHING: Final = "–"


def time_in(value: datetime | None, casino: Casino) -> str:
    """The time of day in `casino`, with the date unless it is of the running gaming day: 19:30, 14 Nov 19:30."""
    return _time_in(value, casino, "H:i")


def exact_time_in(value: datetime | None, casino: Casino) -> str:
    """The same, to the second."""
    return _time_in(value, casino, "H:i:s")


def _time_in(value: datetime | None, casino: Casino, time_format: str) -> str:
    if value is None:
        return NOTHING
    now = timezone.now()
    local = timezone.localtime(value, casino.zone)
    if casino.gaming_day_at(value) == casino.gaming_day_at(now):
        return date_format(local, time_format)
    is_this_year = local.year == timezone.localtime(now, casino.zone).year
    return date_format(local, f"j M {'' if is_this_year else 'Y '}{time_format}")


def running_gaming_day(user: User) -> date:
    """The gaming day that runs in the casino of `user`; without one, the earliest that runs in any casino."""
    now = timezone.now()
    casinos = [user.casino] if user.casino else Casino.objects.all()
    return min((casino.gaming_day_at(now) for casino in casinos), default=timezone.localdate(now))
