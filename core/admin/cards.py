"""The page of cards of staff: who declared which player account as whose, and the form that declares one."""

from collections.abc import Iterable, Sequence

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from core import correlation
from core.cards.models import StaffCard
from core.cards.services import declare_card, withdraw_card
from core.console.confirmation import ConfirmingAdmin, run
from core.console.display import exact_moment, moment_in, pill
from core.console.links import Link, link_to, list_url
from core.console.lists import LongList, PlayerSearch
from core.console.pages import form_page
from core.console.row_actions import LEVELS, Outcome, OutcomeKind, Row, RowAction
from core.console.scope import ServiceOwnedAdmin, in_casino_of, staff_of
from core.console.widgets import NoLabelSuffix, PlayerByCardField
from core.errors import DomainError
from core.models import Player, User
from core.permissions import DECLARE_CARD


class StaffByName(forms.ModelChoiceField):  # type: ignore[type-arg]
    """A member of staff, shown with the login."""

    def label_from_instance(self, obj: User) -> str:
        return obj.name_and_login


class DeclarationForm(NoLabelSuffix, forms.Form):
    """A player account, and the member of staff to whom it belongs."""

    player = PlayerByCardField(label="Card number", queryset=Player.objects.none())
    staff = StaffByName(label="Member of staff", queryset=User.objects.none(), empty_label="Choose one")

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request.POST or None)
        actor = staff_of(request)
        staff = User.objects.filter(is_active=True).exclude(pk=actor.pk).order_by("username")
        for name, rows in (("player", Player.objects.all()), ("staff", staff)):
            self.fields[name].queryset = in_casino_of(actor, rows, lookup="casino")  # type: ignore[attr-defined]


def _describe(cards: Sequence[StaffCard]) -> list[Row]:
    return [Row(obj=card, name=str(card), cells=(link_to(card.player), card.staff.name_and_login)) for card in cards]


def _withdraw(request: HttpRequest, row: Row) -> Outcome:
    card = withdraw_card(card=row.obj, actor=staff_of(request), at=timezone.now())
    if card.withdrawal_correlation_id == correlation.current():
        return Outcome(kind=OutcomeKind.DONE, sentence=f"{row.name}: withdrawn.")
    assert card.withdrawn_by is not None
    by = f"{card.withdrawn_by.name_and_login}, {moment_in(card.withdrawn_at, card.player.casino)}"
    return Outcome(kind=OutcomeKind.REPLAYED, sentence=f"{row.name}: was already withdrawn by {by}.")


WITHDRAW = RowAction(
    name="withdraw",
    label="Withdraw",
    done="withdrawn",
    submit_label="Withdraw",
    explanation="For a card that was declared by mistake. The member of staff may then act for this player again.",
    columns=("Player", "Member of staff"),
    describe=_describe,
    perform=_withdraw,
)


@admin.register(StaffCard)
class StaffCardAdmin(LongList, PlayerSearch, ConfirmingAdmin[StaffCard], ServiceOwnedAdmin[StaffCard]):
    """Declared cards, also those that were withdrawn; the services write them."""

    casino_lookup = "casino"
    list_display = ("player_link", "person", "declared", "state")
    list_display_links = None
    list_select_related = ("staff", "declared_by", "withdrawn_by")
    actions = ("withdraw",)
    fields = ("player_link", "person", "declared", "state", "correlation_id", "withdrawal_correlation_id")
    readonly_fields = ("player_link", "person", "declared", "state")

    @admin.display(description="player")
    def player_link(self, card: StaffCard) -> str:
        return link_to(card.player)

    @admin.display(description="member of staff")
    def person(self, card: StaffCard) -> str:
        return str(card.staff.name_and_login)

    @admin.display(description="declared")
    def declared(self, card: StaffCard) -> str:
        by = card.declared_by.name_and_login if card.declared_by else "author not recorded"
        return f"{exact_moment(card.declared_at)}, {by}"

    @admin.display(description="status")
    def state(self, card: StaffCard) -> str:
        if card.withdrawn_by is None:
            return pill("Declared", state="active")
        return f"Withdrawn {exact_moment(card.withdrawn_at)}, {card.withdrawn_by.name_and_login}"

    def has_withdraw_permission(self, request: HttpRequest) -> bool:
        """Whether withdrawing is offered."""
        return staff_of(request).has_perm(DECLARE_CARD)

    @admin.action(description="Withdraw …", permissions=["withdraw"])
    def withdraw(self, request: HttpRequest, cards: "QuerySet[StaffCard]") -> HttpResponse | None:
        return run(self, request, cards, WITHDRAW)

    def list_links(self, request: HttpRequest) -> Iterable[Link]:
        if staff_of(request).has_perm(DECLARE_CARD):
            yield Link(label="Declare a card", url=reverse("admin:core_staffcard_declare"), is_primary=True)

    def get_urls(self) -> list[URLPattern]:
        page = path("declare/", self.admin_site.admin_view(self.declare), name="core_staffcard_declare")
        return [page, *super().get_urls()]

    def declare(self, request: HttpRequest) -> HttpResponse:
        """Show the form, or declare the card."""
        actor = staff_of(request)
        if not (actor.has_perm(DECLARE_CARD) and self.has_view_permission(request)):
            raise PermissionDenied
        form = DeclarationForm(request)
        if request.method == "POST" and form.is_valid() and (outcome := self._declare(request, form)):
            self.message_user(request, outcome.sentence, LEVELS[outcome.kind])
            return HttpResponseRedirect(list_url(StaffCard))
        return form_page(
            self,
            request,
            title="Declare a card of staff",
            form=form,
            submit_label="Declare",
            cancel_url=list_url(StaffCard),
            explanation=(
                "The player account belongs to a member of staff, who then can neither act on its slips nor award it "
                "points. A person may have several. Nobody declares their own."
            ),
        )

    def _declare(self, request: HttpRequest, form: DeclarationForm) -> Outcome | None:
        try:
            card = declare_card(**form.cleaned_data, actor=staff_of(request), at=timezone.now())
        except DomainError as error:
            form.add_error(None, error.message)
            return None
        if card.correlation_id == correlation.current():
            return Outcome(kind=OutcomeKind.DONE, sentence=f"{card}: declared.")
        return Outcome(kind=OutcomeKind.REPLAYED, sentence=f"{card}: was declared already. Nothing was done twice.")
