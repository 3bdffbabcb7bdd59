"""The page on which staff who manage others reset a second factor that was lost."""

from collections.abc import Iterable

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from core.admin.factors.own import show
from core.console.asking_again import asks_again
from core.console.links import Link, adds_links, page_url
from core.console.scope import in_casino_of, staff_of
from core.errors import DomainError
from core.factors.services import reset_second_factors
from core.managing import may_manage
from core.models import User
from core.words import counted


@require_http_methods(["GET", "HEAD", "POST"])
@asks_again()
def reset_page(request: HttpRequest, person_id: int) -> HttpResponse:
    """Show the second factors of another member of staff, or remove all of them."""
    person = in_casino_of(staff_of(request), User.objects.all(), lookup="casino").filter(pk=person_id).first()
    if person is None:
        raise Http404
    if not _may_reset(request, person):
        raise PermissionDenied
    if request.method == "POST":
        try:
            removed = reset_second_factors(person=person, actor=staff_of(request))
            messages.success(request, f"{counted(removed, 'second factor')} of {person.display_name} removed.")
        except DomainError as error:
            messages.error(request, error.message)
        return HttpResponseRedirect(page_url(person))
    factors = list(person.second_factors.all())
    title = f"Second factor of {person.display_name}"
    return show(request, "core/factors/reset.html", title=title, person=person, factors=factors)


def _may_reset(request: HttpRequest, person: User) -> bool:
    return person.pk != staff_of(request).pk and may_manage(staff_of(request), person)


@adds_links(User)
def _staff_links(request: HttpRequest, person: User) -> Iterable[Link]:
    if _may_reset(request, person):
        yield Link(label="Second factor", url=reverse("factors:reset", args=[person.pk]))
