"""Read-only pages of verifications, checkpoints and rebuilt balances."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from core.console import display
from core.console.scope import M, ModelAdmin, ServiceOwnedAdmin, sees_all_casinos, staff_of
from core.text import isolated
from loyalty.models import BalanceRebuild, Checkpoint, LedgerVerification
from loyalty.proof.restores import restore_of

_COMPARED: Final = ("expected", "found")


class AllCasinosAdmin(ServiceOwnedAdmin[M]):
    """Pages of rows that belong to no casino, for all staff who may view the model. They name no player.

    Staff of one casino do not see the fields `of_all_casinos`, which count what all casinos have together.
    """

    casino_lookup: ClassVar[str] = ""
    of_all_casinos: ClassVar[frozenset[str]]

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        return self._seen(request, super().get_list_display(request))

    def get_fields(self, request: HttpRequest, obj: M | None = None) -> tuple[str, ...]:
        return self._seen(request, super().get_fields(request, obj))

    def _seen(self, request: HttpRequest, names: Iterable[Any]) -> tuple[Any, ...]:
        hidden = frozenset() if sees_all_casinos(staff_of(request)) else self.of_all_casinos
        return tuple(name for name in names if name not in hidden)

    def get_queryset(self, request: HttpRequest) -> "QuerySet[M]":
        return ModelAdmin.get_queryset(self, request)


@admin.register(LedgerVerification)
class LedgerVerificationAdmin(AllCasinosAdmin[LedgerVerification]):
    """Runs of `verify_ledger`, newest first."""

    of_all_casinos = frozenset({"entries", "accounts", "expected_and_found"})
    list_display = ("ended", "looked_at", "entries", "accounts", "checkpoints", "outcome")
    list_filter = ("is_clean", "scope")
    fields = (
        *("ended", "looked_at", "entries", "accounts", "checkpoints", "outcome", "what", "expected_and_found"),
        "correlation_id",
    )
    readonly_fields = ("ended", "looked_at", "outcome", "what", "expected_and_found")

    @admin.display(description="verified", ordering="ended_at")
    def ended(self, verification: LedgerVerification) -> str:
        return display.moment(verification.ended_at)

    @admin.display(description="looked at")
    def looked_at(self, verification: LedgerVerification) -> str:
        if verification.about is None:
            return verification.get_scope_display()
        what = "account" if verification.scope == LedgerVerification.Scope.ACCOUNT else "since checkpoint"
        return f"{what} {verification.about}"

    @admin.display(description="outcome")
    def outcome(self, verification: LedgerVerification) -> str:
        return "clean" if verification.first_break is None else f"BROKEN: {verification.first_break['kind']}"

    @admin.display(description="first break")
    def what(self, verification: LedgerVerification) -> str:
        return _values_of(verification, lambda name: name not in _COMPARED)

    @admin.display(description="expected and found")
    def expected_and_found(self, verification: LedgerVerification) -> str:
        """What was compared: of a checkpoint its line, with the sums of all casinos."""
        return _values_of(verification, lambda name: name in _COMPARED)


def _values_of(verification: LedgerVerification, is_wanted: Callable[[str], bool]) -> str:
    found = verification.first_break or {}
    return display.nested_list(
        {name: value for name, value in found.items() if is_wanted(name) and value not in (None, "")}
    )


class AfterRestoreFilter(admin.SimpleListFilter):
    """Checkpoints that were taken after a restore."""

    title = "after a restore"
    parameter_name = "after_restore"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Checkpoint]) -> Sequence[tuple[str, str]]:
        return [("yes", "Yes")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Checkpoint]") -> "QuerySet[Checkpoint]":
        return queryset.exclude(after_restore=None) if self.value() == "yes" else queryset


@admin.register(Checkpoint)
class CheckpointAdmin(AllCasinosAdmin[Checkpoint]):
    """Checkpoints, newest first."""

    of_all_casinos = frozenset({"entries", "accounts", "changes", "points_total", "balance_total", "lacked"})
    list_display = ("number", "taken", "entries", "accounts", "changes", "points_total", "key_id", "restored")
    list_filter = (AfterRestoreFilter,)
    fields = (
        *("number", "taken", "entries", "accounts", "changes", "points_total", "balance_total", "hashes"),
        *("restored", "lacked"),
    )
    readonly_fields = ("taken", "hashes", "restored", "lacked")

    @admin.display(description="taken", ordering="taken_at")
    def taken(self, checkpoint: Checkpoint) -> str:
        return display.moment(checkpoint.taken_at)

    @admin.display(description="hashes")
    def hashes(self, checkpoint: Checkpoint) -> str:
        hashes = {name: value.hex() for name, value in checkpoint.values().items() if isinstance(value, bytes)}
        return display.nested_list({**hashes, "signed_with_key": checkpoint.key_id})

    @admin.display(description="after a restore")
    def restored(self, checkpoint: Checkpoint) -> str:
        """Who sealed it after a restore, and why."""
        restore = restore_of(checkpoint)
        return f"sealed by {isolated(restore.by)}: {isolated(restore.reason)}" if restore else "–"

    @admin.display(description="lacking then")
    def lacked(self, checkpoint: Checkpoint) -> str:
        """What the restored database lacked, and each account with the numbers of its entries."""
        restore = restore_of(checkpoint)
        if restore is None:
            return "–"
        named = {f"account {key}": f"entries number {first} to {last}" for key, first, last in restore.named}
        return display.nested_list({"in short": str(restore), **named})


@admin.register(BalanceRebuild)
class BalanceRebuildAdmin(ServiceOwnedAdmin[BalanceRebuild]):
    """Accounts that were set to the values of their ledger entries, by whom and why, newest first."""

    casino_lookup = "casino"
    list_display = ("rebuilt", "staff", "accounts", "reason", "reason_code", "correlation_id")
    list_select_related = ("staff",)
    fields = ("rebuilt", "staff", "accounts", "reason", "reason_code", "each", "correlation_id")
    readonly_fields = ("rebuilt", "each")

    @admin.display(description="rebuilt", ordering="rebuilt_at")
    def rebuilt(self, rebuild: BalanceRebuild) -> str:
        return display.moment(rebuild.rebuilt_at)

    @admin.display(description="changes")
    def each(self, rebuild: BalanceRebuild) -> str:
        return display.nested_list({f"account {change['account']}": _difference(change) for change in rebuild.changes})


def _difference(change: Mapping[str, Any]) -> dict[str, str]:
    """The fields of an account that were changed: from → to."""
    return {
        name: f"{before} → {change['after'][name]}"
        for name, before in change["before"].items()
        if before != change["after"][name]
    }
