"""How the desk writes instants, ages and names."""

from datetime import datetime, timedelta

from django import template
from django.utils import timezone

from core.console import display
from core.console.links import page_url
from core.models import Casino, User

register = template.Library()

register.filter("page_url", page_url)
register.filter("amount", display.amount)
register.filter("points", display.points)
register.filter("played", display.played)
register.filter("moment", display.moment)


@register.filter
def signed_points(value: int) -> str:
    """Points with their sign, as they move a balance."""
    return display.points(value, signed=True)


@register.filter
def moment_in(at: datetime | None, casino: Casino) -> str:
    """An instant in the time of `casino`, whoever is looking."""
    with timezone.override(casino.zone):
        return display.moment(at)


@register.filter
def age(length: timedelta | None) -> str:
    """How long something has stood, in its two largest units: 2 d 3 h, 1 h 05 min, 12 min."""
    if length is None:
        return display.NOTHING
    minutes = max(length // timedelta(minutes=1), 0)
    hours, minutes = divmod(minutes, 60)
    if hours >= 24:
        return f"{hours // 24} d {hours % 24} h"
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


@register.filter
def named(staff: User | None) -> str:
    """A member of staff by name, else by login; what nobody did, the system did."""
    return (staff.get_full_name() or staff.get_username()) if staff else "system"
