"""The form for earning rates."""

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict

from core.console.dated import BeginningField
from core.console.fields import DecimalField
from loyalty.models import MAX_POINTS_PER_UNIT, LoyaltyProgram


class RateForm(forms.Form):
    """An earning rate of one of `programs`, and its beginning."""

    program = forms.ModelChoiceField(LoyaltyProgram.objects.none(), label="Programme", empty_label="Choose one")
    points_per_unit = DecimalField(
        label="Points per unit",
        min_value=0,
        max_value=MAX_POINTS_PER_UNIT,
        max_digits=8,
        decimal_places=4,
        help_text="Points per unit of theoretical win.",
    )
    effective_from = BeginningField()

    def __init__(self, data: QueryDict | None = None, *, programs: QuerySet[LoyaltyProgram]) -> None:
        only = programs.first() if programs.count() == 1 else None
        super().__init__(data, initial={"program": only}, label_suffix="")
        self.fields["program"].queryset = programs  # type: ignore[attr-defined]
