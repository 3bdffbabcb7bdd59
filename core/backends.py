"""Who is signed in, and what they may do on every page: Django's backend, in a statement each."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.db.models import Model

from core.models import User
from core.permissions import held_everywhere


class StaffBackend(ModelBackend):
    """Django's own, which would ask twice as often who is signed in, where they work and what they may do.

    Services never ask it: they act by what is granted at that moment (`core.permissions`).
    """

    def get_user(self, user_id: int) -> User | None:
        """Find who is signed in, with their casino; nobody who is deactivated."""
        user = User.objects.select_related("casino").filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None

    def get_all_permissions(self, user_obj: Any, obj: Model | None = None) -> set[str]:
        """What Django says; asked for once a request, in one statement."""
        if not (user_obj.is_anonymous or user_obj.is_superuser or hasattr(user_obj, "_perm_cache")):
            user_obj._perm_cache = held_everywhere(user_obj)
        return super().get_all_permissions(user_obj, obj)
