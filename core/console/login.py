"""The sign-in form."""

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import UsernameField

from core.models import User


class SignInForm(AdminAuthenticationForm):
    """Django's form, with a limit on the user name: a longer one would not fit into the record of failed tries."""

    username = UsernameField(
        label="Username",
        max_length=User._meta.get_field("username").max_length,
        widget=forms.TextInput(attrs={"autofocus": True}),
    )
