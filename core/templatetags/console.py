"""The filters of the console's templates: `core.console.display`, words, names, and the address of a row's page.

Two tags: the id of the request, for error pages, which have no context, and the version of the product.
"""

from django import template
from django.conf import settings

from core import correlation
from core.console import display
from core.console.links import page_url
from core.text import isolated
from core.words import counted, noun

register = template.Library()

register.simple_tag(correlation.current, name="correlation_id")
register.simple_tag(lambda: settings.VERSION, name="version")
register.filter("isolated", isolated)
register.filter("page_url", page_url)
# With both forms of the noun in one text: {{ count|counted:"slip is,slips are" }}.
register.filter("counted", lambda number, forms: counted(number, *forms.split(",")))
register.filter("noun", lambda number, forms: noun(number, *forms.split(",")))
for show in (
    display.age,
    display.amount,
    display.amount_text,
    display.apart,
    display.exact_moment,
    display.exact_time_in,
    display.factor,
    display.hours_and_minutes,
    display.moment,
    display.moment_in,
    display.played,
    display.points,
    display.recorded,
    display.short_amount,
    display.signed_points,
    display.staff_name,
    display.time_in,
    display.nested_list,
):
    register.filter(show)
