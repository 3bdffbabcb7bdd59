"""The page of a person's own sessions: where they are signed in, and ending it."""

from typing import Final

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from core.console.devices import device_name
from core.console.display import moment
from core.console.scope import staff_of
from core.console.site import site_page
from core.errors import DomainError
from core.origins import Client
from core.sessions import Session, hashed
from core.sign_ins import end_sessions
from core.words import counted

SESSIONS_SHOWN: Final = 50
OTHERS: Final = "others"
ALL: Final = "all"


@site_page("sessions/", name="sessions")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def own_sessions(request: HttpRequest) -> HttpResponse:
    """Show the own sessions, the one used last first, and end one, all others, or all."""
    mine = Session.objects.in_force(now=timezone.now()).filter(staff=staff_of(request)).order_by("-last_used_at")
    here = hashed(request.session.session_key)
    if request.method == "POST":
        return _end(request, mine, here=here)
    shown = [
        {
            "key": session.pk,
            "device": device_name(session.device),
            "client_address": session.client_address,
            "since": moment(session.signed_in_at),
            "last_used": moment(session.last_used_at),
            "is_here": session.pk == here,
        }
        for session in mine[:SESSIONS_SHOWN]
    ]
    context = {**admin.site.each_context(request), "title": "Where you are signed in", "sessions": shown}
    request.current_app = admin.site.name
    return TemplateResponse(request, "core/admin/sessions.html", context)


def _end(request: HttpRequest, mine: "QuerySet[Session]", *, here: str) -> HttpResponse:
    """End the sessions that `end` names: a hash, all others, or all; ending this one is a sign-out."""
    asked = request.POST.get("end", "")
    chosen = mine
    if asked not in {OTHERS, ALL}:
        named = [session.pk for session in mine[:SESSIONS_SHOWN] if session.pk == asked]
        chosen = mine.filter(pk__in=named)
    ends_this_one = asked != OTHERS and chosen.filter(pk=here).exists()
    try:
        ended = end_sessions(
            staff=staff_of(request),
            sessions=chosen.exclude(pk=here),
            client=Client.of(request),
            at=timezone.now(),
        )
    except DomainError as error:
        messages.error(request, error.message)
        return HttpResponseRedirect(request.path)
    if ends_this_one:
        return admin.site.logout(request)
    done = f"{counted(ended, 'session')} ended." if ended else "That session had ended already."
    messages.success(request, done)
    return HttpResponseRedirect(request.path)
