"""Widgets and form fields of the admin: the browser's own, without scripts and pop-up windows."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.admin.options import BaseModelAdmin
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.contrib.auth.forms import ReadOnlyPasswordHashWidget
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.core.validators import ProhibitNullCharactersValidator
from django.db import models
from django.forms.utils import flatatt
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from core.console.display import NOTHING
from core.console.fields import DecimalField, IntegerField, TextField, number_input
from core.models import Player

# The script for the checkboxes of lists. Django's other scripts add styles that the Content-Security-Policy refuses.
SCRIPTS = forms.Media(js=["admin/js/actions.js"])


def _native_time(**attrs: Any) -> dict[str, Any]:
    return {"time_format": "%H:%M", "time_attrs": {"type": "time"} | attrs}


class InstantWidget(forms.SplitDateTimeWidget):
    """A date and a time of day, in the browser's own fields."""

    def __init__(self, **kwargs: Any) -> None:
        date_attrs = {"type": "date", "aria-label": "Date"}
        super().__init__(date_format="%Y-%m-%d", date_attrs=date_attrs, **_native_time(**{"aria-label": "Time"}))


# Django's own classes come after it; mypy has to know them.
if TYPE_CHECKING:
    _Base = BaseModelAdmin[Any]
    _PlayerField = forms.ModelChoiceField[Player]
else:
    _Base = object
    _PlayerField = forms.ModelChoiceField


class NoLabelSuffix:
    """Mixed into a form before Django's: labels without a colon."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": ""} | kwargs)


class ChecksCasino:
    """Mixed into a form before Django's: a row is unique in its casino also where the form does not show the casino."""

    instance: models.Model

    def _get_validation_exclusions(self) -> set[str]:
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded - {"casino"} if self.instance.pk else excluded


class PlainForms(_Base):
    """Mixed into an admin before Django's: plain fields, one save button, and no script but the one for checkboxes."""

    empty_value_display = NOTHING
    formfield_overrides = {
        models.DateTimeField: {"form_class": forms.SplitDateTimeField, "widget": InstantWidget},
        models.CharField: {"form_class": TextField},
        models.SlugField: {"form_class": forms.SlugField},
        models.EmailField: {"form_class": forms.EmailField},
        models.DecimalField: {"form_class": DecimalField},
        models.IntegerField: {"form_class": IntegerField, "widget": number_input(mode="numeric")},
        models.TimeField: {"widget": forms.TimeInput(format="%H:%M", attrs={"type": "time"})},
    }

    @property
    def media(self) -> forms.Media:
        """The scripts of the page."""
        return SCRIPTS

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Django's field without the icons that open a pop-up window."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is None:
            return None
        if isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        if isinstance(field, forms.ModelChoiceField) and field.empty_label is not None:
            field.empty_label = "Choose one" if field.required else "None"
        return field

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        """Each choice as a checkbox."""
        kwargs.setdefault("widget", forms.CheckboxSelectMultiple)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Django's form with labels without a colon."""
        form = super().get_form(request, obj, change=change, **kwargs)  # type: ignore[misc]
        return type(form.__name__, (NoLabelSuffix, ChecksCasino, form), {})

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        """Show the row's name as the title, and one save button, which leads back to the list."""
        context |= {"show_save_and_continue": False, "show_save_and_add_another": add}
        if obj is not None:
            kind = capfirst(self.opts.verbose_name)
            context |= {"title": str(obj), "subtitle": kind if self.has_change_permission(request, obj) else None}
        response: HttpResponse = super().render_change_form(  # type: ignore[misc]
            request, context, add, change, form_url, obj
        )
        return response


class PasswordLink(ReadOnlyPasswordHashWidget):
    """Whether there is a password, and a link to set one, in place of the hash."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        has_one = value and not str(value).startswith(UNUSABLE_PASSWORD_PREFIX)
        words = "Set. Nobody can read it." if has_one else "None: nobody can sign in with this name."
        return format_html(
            '<div{}><p>{}</p><p><a href="../password/" class="button">Set a new password</a></p></div>',
            flatatt({"id": (attrs or {}).get("id", "")}),
            words,
        )


class PlayerByCardField(_PlayerField):
    """A player, by card number: a list of all players would be too long."""

    widget = forms.TextInput

    def prepare_value(self, value: Any) -> Any:
        """The card number of the player that a row refers to; typed text unchanged."""
        if not isinstance(value, int):
            return super().prepare_value(value)
        player = self._players().filter(pk=value).first()
        return player.card_number if player else ""

    def to_python(self, value: Any) -> Player | None:
        if value in self.empty_values:
            return None
        # Django checks for null bytes after `to_python`, but the query below needs it now.
        ProhibitNullCharactersValidator()(value)
        found = list(self._players().filter(card_number__iexact=str(value).strip())[:2])
        if len(found) != 1:
            words = "Several casinos have" if found else "No player has"
            raise forms.ValidationError(f"{words} the card “{value}”.")
        return found[0]

    def _players(self) -> "models.QuerySet[Player]":
        assert self.queryset is not None
        return self.queryset.all()
