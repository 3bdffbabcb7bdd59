"""The forms for signing in and for passwords."""

from typing import Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm, AdminPasswordChangeForm
from django.contrib.auth.forms import UsernameField

from core.models import User


class SignInForm(AdminAuthenticationForm):
    """Django's form, with a limit on the user name: a longer one would not fit into the record of failed tries."""

    username = UsernameField(
        label="Username",
        max_length=User._meta.get_field("username").max_length,
        widget=forms.TextInput(attrs={"autofocus": True}),
    )


class PasswordAlone:
    """Mixed into a password form before Django's, which saves the whole account and would undo its deactivation."""

    def set_password_and_save(self, user: User, *args: Any, **kwargs: Any) -> User:
        """Save the password, and nothing else of the account."""
        super().set_password_and_save(user, *args, **kwargs | {"commit": False})  # type: ignore[misc]
        user.save(update_fields=["password"])
        return user


class OwnPasswordForm(PasswordAlone, AdminPasswordChangeForm):
    """Django's form in which staff change their own password."""
