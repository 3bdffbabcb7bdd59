"""How the ledger's pages write cells, figures and instants."""

from django import template
from django.utils.safestring import SafeString

from core.console import display
from core.console.links import page_url
from loyalty.admin.columns import posted_by
from loyalty.admin.extensions import Column
from loyalty.models import LedgerEntry

register = template.Library()

register.filter("page_url", page_url)
register.filter("amount", display.amount)
register.filter("points", display.points)
register.filter("played", display.played)
register.filter("exact_moment", display.exact_moment)
register.filter("tree", display.tree)
register.filter("posted_by", posted_by)


@register.simple_tag
def cell(column: Column, entry: LedgerEntry) -> SafeString | str:
    """What a column shows of an entry; escaped unless it is HTML already."""
    assert column.shown is not None
    return column.shown(entry)


@register.filter
def signed_points(value: int) -> str:
    """Points with their sign, as they move a balance."""
    return display.points(value, signed=True)


@register.filter
def factor(value: object) -> str:
    """A frozen factor without the zeros that its column adds: 0.75, 70."""
    return f"{value.normalize():f}" if hasattr(value, "normalize") else str(value)
