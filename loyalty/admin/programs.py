"""The pages of programmes, with pause and resume."""

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID, uuid4

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from core.console.display import pill
from core.console.grants import GrantingAdmin
from core.console.links import Link, adds_links, page_url
from core.console.pages import form_page, viewable
from core.console.reasons import REASON_FIELDS, ReasonForm
from core.console.scope import holds_on, staff_of
from core.console.site import keeps_typed, typed_before
from core.correlation import parse
from core.errors import DomainError
from core.reasons.models import Operation
from core.sent_forms.sending import REQUEST_ID, FormAlreadyUsed
from loyalty.admin.rules import rates_table
from loyalty.models import EarningRate, LoyaltyProgram
from loyalty.permissions import ADJUST, AWARD, CHANGE_PROGRAM, PAUSE_PROGRAM, REDEEM, REVERSE
from loyalty.services import pause_program, resume_program

PAUSES_SHOWN: Final = 50


@admin.register(LoyaltyProgram)
class LoyaltyProgramAdmin(GrantingAdmin[LoyaltyProgram]):
    """Programmes, read-only: `load_casino` sets them up, with their tiers."""

    casino_lookup = "casino"
    grantable = (AWARD, REDEEM, REVERSE, ADJUST, PAUSE_PROGRAM, CHANGE_PROGRAM)
    list_display = ("name", "casino", "state", "paused_at", "pause_reason")
    list_select_related = ("casino",)
    fields = ("casino", "name", "state", "paused_at", "paused_by", "pause_reason", "pauses", "rates")
    readonly_fields = ("state", "paused_at", "paused_by", "pause_reason", "pauses", "rates")

    @admin.display(description="status")
    def state(self, program: LoyaltyProgram) -> str:
        return pill("Paused", state="paused") if program.is_paused else pill("Running", state="open")

    @admin.display(description="all pauses")
    def pauses(self, program: LoyaltyProgram) -> str:
        newest = program.pauses.select_related("paused_by", "resumed_by")[: PAUSES_SHOWN + 1]
        shown = {"pauses": newest[:PAUSES_SHOWN], "shown": PAUSES_SHOWN, "is_cut": len(newest) > PAUSES_SHOWN}
        return render_to_string("loyalty/programs/pauses.html", shown)

    @admin.display(description="earning rates")
    def rates(self, program: LoyaltyProgram) -> str:
        return rates_table(EarningRate.objects.filter(program=program))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        pages = [
            path(f"<path:object_id>/{name}/", self.admin_site.admin_view(view), name=f"loyalty_loyaltyprogram_{name}")
            for name, view in (("pause", self.pause_view), ("resume", self.resume_view))
        ]
        return [*pages, *super().get_urls()]  # type: ignore[no-untyped-call]

    @keeps_typed(*REASON_FIELDS)
    def pause_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the form for the reason, or pause."""
        return self._switch(request, object_id, verb="Pause")

    @keeps_typed(*REASON_FIELDS)
    def resume_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the form for the reason, or resume."""
        return self._switch(request, object_id, verb="Resume")

    def _switch(self, request: HttpRequest, object_id: str, *, verb: str) -> HttpResponse:
        program = viewable(self, request, object_id)
        form = ReasonForm(
            request.POST if request.method == "POST" else None,
            initial=typed_before(request, *REASON_FIELDS),
            casino_id=program.casino_id,
            operation=Operation.PAUSE_PROGRAM if verb == "Pause" else Operation.RESUME_PROGRAM,
        )
        request_id = parse(request.POST.get(REQUEST_ID))
        if request.method == "POST" and form.is_valid():
            try:
                return self._carry_out(request, program, form, verb=verb, request_id=request_id)
            except FormAlreadyUsed as error:
                form.add_error(None, error.message)
                request_id = None
            except DomainError as error:
                form.add_refusal(error)
        elif request.method != "POST" and not holds_on(staff_of(request), PAUSE_PROGRAM, program):
            raise PermissionDenied
        return form_page(
            self,
            request,
            title=f"{verb} {program}",
            form=form,
            submit_label=f"{verb} the programme",
            cancel_url=page_url(program),
            original=program,
            request_id=request_id or uuid4(),
            explanation="While it is paused, no points are posted. Play goes on; slips that close are owed points."
            if verb == "Pause"
            else "Points are posted again. The next page lists the points that are still owed, to be paid.",
        )

    def _carry_out(
        self, request: HttpRequest, program: LoyaltyProgram, form: ReasonForm, *, verb: str, request_id: UUID | None
    ) -> HttpResponse:
        """Pause or resume; after resuming, show the home page, which lists the slips that became owed."""
        switch = pause_program if verb == "Pause" else resume_program
        by: dict[str, Any] = {"actor": staff_of(request), "at": timezone.now(), "request_id": request_id}
        if switch(program=program, **by, **form.cleaned_data):
            self.message_user(request, f"{program}: {verb.lower()}d.", messages.SUCCESS)
        else:
            self.message_user(request, "This form was sent before: nothing was done again.", messages.WARNING)
        return HttpResponseRedirect(page_url(program) if verb == "Pause" else reverse("admin:index"))


@adds_links(LoyaltyProgram)
def _switch_link(request: HttpRequest, program: LoyaltyProgram) -> Iterable[Link]:
    if holds_on(staff_of(request), PAUSE_PROGRAM, program):
        name = "resume" if program.is_paused else "pause"
        url = reverse(f"admin:loyalty_loyaltyprogram_{name}", args=[program.pk])
        yield Link(label=name.capitalize(), url=url, is_primary=True)
