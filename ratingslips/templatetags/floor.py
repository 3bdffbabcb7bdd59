"""How the floor writes figures and names: short, so that they are read at arm's length."""

from datetime import timedelta
from decimal import Decimal

from django import template

from core.models import User

register = template.Library()


@register.filter
def money(amount: Decimal | None) -> str:
    """An amount with thousands separators, and with cents only where there are some: 1,250 or 12.50."""
    if amount is None:
        return "–"
    return f"{amount:,.2f}".removesuffix(".00")


@register.filter
def hours(length: timedelta | None) -> str:
    """A length of time as h:mm, rounded down."""
    if length is None:
        return "–"
    minutes = length // timedelta(minutes=1)
    return f"{minutes // 60}:{minutes % 60:02d}"


@register.filter
def who(staff: User) -> str:
    """A member of staff by name, else by login."""
    return staff.get_full_name() or staff.get_username()
