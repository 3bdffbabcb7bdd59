"""Django's backend for who is signed in and what they may do, with half as many statements for a page."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.db.models import Model

from core.models import User
from core.permissions import held_globally


class StaffBackend(ModelBackend):
    """Reads a member of staff together with their casino, and all that they hold globally at once.

    Only pages ask it. Services act by what is granted at that moment (`core.permissions`).
    """

    def get_user(self, user_id: int) -> User | None:
        """Find who is signed in, with their casino; nobody who is deactivated."""
        user = User.objects.select_related("casino").filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None

    def get_all_permissions(self, user_obj: Any, obj: Model | None = None) -> set[str]:
        """What Django gives; read once for each `user_obj`, which is one of a request."""
        is_common = user_obj.is_active and not user_obj.is_superuser
        if is_common and obj is None and not hasattr(user_obj, "_perm_cache"):
            user_obj._perm_cache = held_globally(user_obj)
        return super().get_all_permissions(user_obj, obj)
