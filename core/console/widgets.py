"""What people fill in on the admin's forms: the browser's own fields, none that needs a script or another window."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.admin.options import BaseModelAdmin
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.validators import ProhibitNullCharactersValidator
from django.db import models
from django.http import HttpRequest

from core.models import Player

# Ticking rows has a script; everything else works, and weighs less, without Django's, which brings styles that the
# policy refuses.
SCRIPTS = forms.Media(js=["admin/js/actions.js"])


def _native_time(**attrs: Any) -> dict[str, Any]:
    return {"time_format": "%H:%M", "time_attrs": {"type": "time"} | attrs}


class InstantWidget(forms.SplitDateTimeWidget):
    """A date and a time of day, each with the browser's own way to choose one."""

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


class PlainForms(_Base):
    """Mixed into an admin before Django's: plain fields, and no script but the list's."""

    formfield_overrides = {
        models.DateTimeField: {"form_class": forms.SplitDateTimeField, "widget": InstantWidget},
        models.TimeField: {"widget": forms.TimeInput(format="%H:%M", attrs={"type": "time"})},
    }

    @property
    def media(self) -> forms.Media:
        """The scripts of the page."""
        return SCRIPTS

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Without the icons that open a window over the form; another row is added on its own page."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        """Each choice as a box to tick."""
        kwargs.setdefault("widget", forms.CheckboxSelectMultiple)
        return super().formfield_for_manytomany(db_field, request, **kwargs)


class PlayerByCardField(_PlayerField):
    """A player, by card number: a list of them all would be as long as the house has players."""

    widget = forms.TextInput

    def prepare_value(self, value: Any) -> Any:
        """The card number of the player that a row refers to; what was typed as it was typed."""
        if not isinstance(value, int):
            return super().prepare_value(value)
        player = self._players().filter(pk=value).first()
        return player.card_number if player else ""

    def to_python(self, value: Any) -> Player | None:
        if value in self.empty_values:
            return None
        # Django asks for null bytes when a value is known, and here PostgreSQL is asked for it.
        ProhibitNullCharactersValidator()(value)
        found = list(self._players().filter(card_number__iexact=str(value).strip())[:2])
        if len(found) != 1:
            words = "Several casinos have" if found else "No player has"
            raise forms.ValidationError(f"{words} the card “{value}”.")
        return found[0]

    def _players(self) -> "models.QuerySet[Player]":
        assert self.queryset is not None
        return self.queryset.all()
