"""Django's authentication backend, with a limit on wrong passwords and half as many SQL statements for each page."""

from typing import Any

import structlog
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db.models import Model
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from core.metrics import BREAK_GLASS
from core.models import User
from core.origins import Client, record_sent
from core.permissions import held_by
from core.sessions import SessionStore, store_of, take_staff
from core.sign_ins import check_sign_in, is_break_glass, record_signed_in, record_signed_out

log = structlog.get_logger(__name__)


class StaffBackend(ModelBackend):
    """Gives the member of staff who was read with the session, together with their casino and all their permissions.

    So it answers for the permissions that django-guardian keeps for single rows as well.

    Only pages use it. Services check permissions in the database at that moment (`core.permissions`).
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """The member of staff with this name and password; None if there is none.

        :raises SignInLocked: too many passwords were wrong.
        """
        if username is None or password is None:
            return None
        person = check_sign_in(username=username, password=password, client=Client.of(request), at=timezone.now())
        if person is not None and request is not None:
            record_sent(request, actor=person)  # A password whose hash has become too weak was hashed again.
        return person

    def get_user(self, user_id: int) -> User | None:
        """The signed-in member of staff with the casino, as read with their session; None if not active."""
        user = take_staff(user_id) or User.objects.select_related("casino").filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None

    def get_all_permissions(self, user_obj: Any, obj: Model | None = None) -> set[str]:
        """What the member of staff holds globally, or on the row `obj` alone, read once for each `user_obj`."""
        if user_obj.is_active and not user_obj.is_superuser:
            return held_by(user_obj).on(obj)
        return super().get_all_permissions(user_obj, obj)


@receiver(user_logged_in)
def _record_signed_in(request: HttpRequest, user: User, **_signal: Any) -> None:
    client, now = Client.of(request), timezone.now()
    record_signed_in(staff=user, client=client, at=now)
    if is_break_glass(user):
        BREAK_GLASS.inc()
        log.warning("core.break_glass_used", staff_id=user.pk, client_address=client.address)
    store_of(request).note_sign_in(address=client.address, device=client.device, at=now)
    SessionStore.clear_expired()


@receiver(user_logged_out)
def _record_signed_out(request: HttpRequest, user: User | None, **_signal: Any) -> None:
    if user is not None:
        record_signed_out(staff=user, client=Client.of(request), at=timezone.now())
