"""The forms for signing in and for a new password, and the page where people change their password."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.forms import AdminAuthenticationForm, AdminPasswordChangeForm
from django.contrib.auth.forms import UsernameField
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from core.console.second_step import require_no_second_step
from core.console.site import site_page
from core.errors import DomainError
from core.models import User
from core.origins import Client
from core.sign_ins import require_own_password


class SignInForm(AdminAuthenticationForm):
    """Django's form, with a limit on the user name: a longer one belongs to nobody."""

    error_messages = AdminAuthenticationForm.error_messages | {
        "invalid_login": "The username or the password is wrong. Check capital letters, and type both again."
    }
    username = UsernameField(
        label="Username",
        max_length=User._meta.get_field("username").max_length,
        widget=forms.TextInput(attrs={"autofocus": True}),
    )

    def clean(self) -> dict[str, Any]:
        """Django's, which looks at the password; say so if it was chosen before the rules for passwords.

        :raises SecondStepNeeded: the password is right, and the person has to take a second step.
        """
        cleaned: dict[str, Any] = super().clean()
        if self.user_cache is not None and self.request is not None:
            try:
                validate_password(cleaned["password"], self.user_cache)
            except ValidationError as error:
                advice = "Choose another one under “Change password”, in the menu with your name."
                messages.warning(self.request, " ".join([*error.messages, advice]))
            require_no_second_step(self.user_cache)
        return cleaned


class PasswordAlone:
    """Mixed into a password form before Django's, which saves the whole account and would undo its deactivation."""

    def set_password_and_save(self, user: User, *args: Any, **kwargs: Any) -> User:
        """Save the password, and nothing else of the account."""
        super().set_password_and_save(user, *args, **kwargs | {"commit": False})  # type: ignore[misc]
        user.save(update_fields=["password"])
        return user


def check_own_password(request: HttpRequest, password: str) -> None:
    """Check, for a form, the password of the person who is signed in; a wrong one counts as a try to sign in.

    Call it outside a transaction (`require_own_password`).

    :raises ValidationError: it is wrong, or too many were.
    """
    assert isinstance(request.user, User), "only a signed-in person has a password to give"
    try:
        require_own_password(actor=request.user, password=password, client=Client.of(request), at=timezone.now())
    except DomainError as error:
        raise ValidationError(error.message, code=error.code) from error


class OwnPasswordForm(PasswordAlone, AdminPasswordChangeForm):
    """Django's form in which staff change their own password."""

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_old_password(self) -> str:
        """Check it as a try to sign in."""
        old: str = self.cleaned_data["old_password"]
        check_own_password(self.request, old)
        return old


class OwnPasswordView(PasswordChangeView):
    """Django's page on which staff change their own password."""

    form_class = OwnPasswordForm

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "request": self.request}


@site_page("password_change/", name="password_change")
def change_own_password(request: HttpRequest) -> Any:
    """In place of the page of Django's admin, whose form saves the whole account."""
    context = admin.site.each_context(request)
    view = OwnPasswordView.as_view(success_url=reverse("admin:password_change_done"), extra_context=context)
    return view(request)
