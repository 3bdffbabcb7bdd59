"""What the owner of the tables tampers with: guards, and rows while the guards are off."""

from collections.abc import Iterator
from typing import Final

from django.db import connection

from core.macs import MIGRATION
from core.models import Change, Player
from loyalty.models import LedgerEntry
from loyalty.proof.breaks import BreakKind
from tests.floor import Floor
from tests.loyalty.attacking import rehash
from tests.loyalty.postings import award
from tests.loyalty.rows import account_of
from tests.tamperings.kinds import NOT_SIGNED, NOT_TRIED, NOTHING, Act, By, Tampering, again, sql, unguarded

_GUARDS: Final = "guards_of_this_release"
_OLD: Final = f"`check_invariants`: `{_GUARDS}`"
_LEDGER: Final = "ALTER TABLE loyalty_ledger"
_NOT_ZERO: Final = "CONSTRAINT loyalty_ledger_points_not_zero"
_NO_UPDATE: Final = "TRIGGER loyalty_ledger_refuse_update"
_NO_ROW: Final = "LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
_DROPPED: Final = "`check_invariants`: `ledger_guarded`"
_INVALID: Final = "`check_invariants`: `constraints_validated`"
_ALTERED: Final = "`check_invariants`: `chain_is_whole`; `verify_ledger`: changed"


def _rows(statement: str, *tables: str) -> Act:
    """Run a statement while the triggers of tables are off."""

    def act(_floor: Floor) -> Iterator[None]:
        yield
        with unguarded(*tables), connection.cursor() as cursor:
            cursor.execute(statement)

    return act


def _first() -> LedgerEntry:
    return LedgerEntry.objects.get(idempotency_key="reward:first")


def _entry_hashed_again(_floor: Floor) -> Iterator[None]:
    yield
    with unguarded("loyalty_ledger", "loyalty_playerloyalty"):
        sql("UPDATE loyalty_ledger SET gaming_day = gaming_day - 1 WHERE id = %s", _first().pk)
        rehash(_first().account)


def _newest_entry(floor: Floor) -> Iterator[None]:
    yield
    award(floor, _first().account.player, points=700, reward_id="second")
    with unguarded("loyalty_ledger", "loyalty_playerloyalty"):
        sql("DELETE FROM loyalty_ledger WHERE idempotency_key = 'reward:second'")
        rehash(_first().account)


def _newest_change(floor: Floor) -> Iterator[None]:
    yield
    Player.objects.filter(pk=_first().account.player_id).update(first_name="Later")
    with unguarded("core_change"):
        sql("DELETE FROM core_change WHERE id = %s", Change.objects.latest("pk").pk)


def _change_hashed_again(_floor: Floor) -> Iterator[None]:
    yield
    with unguarded("core_change"):
        newest = Change.objects.latest("pk").pk
        sql("UPDATE core_change SET actor_id = 1 WHERE id = %s", newest)
        sql("UPDATE core_change AS change SET change_hash = core_hash_change(change) WHERE id = %s", newest)


def _entry_of_before(floor: Floor) -> Iterator[None]:
    """A promotion without a code, where nothing says since when there are codes."""
    yield
    sql(f"DELETE FROM django_migrations WHERE app = 'loyalty' AND name LIKE '%%{MIGRATION}'")
    account = account_of(floor.player())
    values = {"id": 999_999, "account_id": account.pk, "mac": None, "idempotency_key": "promotion:forged", "seq": 1}
    again("loyalty_ledger", LedgerEntry.objects.get(kind="PROMOTION").pk, **values)
    with unguarded("loyalty_ledger", "loyalty_playerloyalty"):
        rehash(account)


_WHEN_FALSE: Final = (
    f"DROP {_NO_UPDATE} ON loyalty_ledger; CREATE {_NO_UPDATE} BEFORE UPDATE ON loyalty_ledger FOR EACH STATEMENT"
    " WHEN (pg_trigger_depth() > 99) EXECUTE FUNCTION core_refuse_change('it is append-only');"
    f" {_LEDGER} ENABLE ALWAYS {_NO_UPDATE}"
)
_ADDED: Final = (
    "CREATE FUNCTION more() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.points := 2 * NEW.points; RETURN NEW; END';"
    " CREATE TRIGGER a_first BEFORE INSERT ON loyalty_ledger FOR EACH ROW EXECUTE FUNCTION more()"
)
_SHADOW: Final = (
    "CREATE SCHEMA elsewhere;"
    " CREATE FUNCTION elsewhere.more(varchar, varchar) RETURNS boolean LANGUAGE sql RETURN true;"
    " CREATE OPERATOR public.~ (FUNCTION = elsewhere.more, LEFTARG = varchar, RIGHTARG = varchar)"
)
_OF_EXTENSION: Final = (
    "CREATE FUNCTION length(varchar) RETURNS int LANGUAGE sql RETURN 0;"
    " ALTER EXTENSION pg_trgm ADD FUNCTION length(varchar)"
)
_WEAKER: Final = f"{_LEDGER} DROP {_NOT_ZERO}, ADD {_NOT_ZERO} CHECK "
_CHECKPOINTS: Final = ("loyalty_checkpoint", "loyalty_sealedaccount", "loyalty_sealedchange")
_NO_CHECKPOINT: Final = "; ".join(f"DELETE FROM {table}" for table in reversed(_CHECKPOINTS))
_ENTRY: Final = "idempotency_key = 'reward:first'"
_NEWEST: Final = "id = (SELECT max(id) FROM core_change)"
_MISSING: Final = f"`verify_ledger`: {BreakKind.CHECKPOINT_MISSING}"
_BET: Final = "UPDATE ratingslips_playsegment SET average_bet = 500 WHERE ended_as = 'CLOSED'"
_THEO: Final = "theo_is_of_its_segments"


def _of_guards(what: str, statement: str, before: str = NOTHING) -> Tampering:
    return Tampering(by=By.OWNER, what=what, act=statement, found=_GUARDS, before=before)


def _of_rows(what: str, act: Act, found: str, before: str = NOTHING) -> Tampering:
    return Tampering(by=By.OWNER, what=what, act=act, found=found, before=before)


OWNER: Final = (
    _of_guards(
        "a guard function replaced by one that does nothing",
        f"CREATE OR REPLACE FUNCTION core_refuse_change() RETURNS trigger {_NO_ROW}",
    ),
    _of_guards(
        "the logging function replaced by one that does nothing",
        f"CREATE OR REPLACE FUNCTION core_log_changes() RETURNS trigger {_NO_ROW}",
    ),
    _of_guards("a trigger of the ledger dropped", f"DROP {_NO_UPDATE} ON loyalty_ledger", _DROPPED),
    _of_guards("a trigger made again with a condition that is never true", _WHEN_FALSE),
    _of_guards("the trigger of the chain disabled", f"{_LEDGER} DISABLE TRIGGER loyalty_chain_entry", _DROPPED),
    _of_guards(
        "a constraint replaced by a weaker one of the same name", f"{_WEAKER} (points <> 0 OR kind = 'PROMOTION')"
    ),
    _of_guards("a constraint made again NOT VALID", f"{_WEAKER} (points <> 0) NOT VALID", _INVALID),
    _of_guards("a unique index dropped", "DROP INDEX ratingslips_slip_one_live_per_seat", _INVALID),
    _of_guards("a trigger added that changes points", _ADDED),
    _of_guards(
        "a rule that drops inserts into the change log",
        "CREATE RULE more AS ON INSERT TO core_change DO INSTEAD NOTHING",
    ),
    _of_guards("UPDATE on the ledger granted to the application", "GRANT UPDATE ON loyalty_ledger TO {application}"),
    _of_guards(
        "UPDATE on all new tables granted to the application",
        "ALTER DEFAULT PRIVILEGES GRANT UPDATE ON TABLES TO {application}",
    ),
    _of_guards("an operator added that columns find before PostgreSQL's own", _SHADOW),
    _of_guards("a function added that columns find first, as a part of an extension", _OF_EXTENSION),
    _of_guards(
        "a ledger added that the application finds before its own",
        "CREATE SCHEMA {application} CREATE TABLE loyalty_ledger (id int)",
    ),
    _of_guards("the numbers of entries made to count down", "ALTER SEQUENCE loyalty_ledger_id_seq INCREMENT BY -1"),
    _of_rows(
        "an entry altered, guards put back",
        _rows(f"UPDATE loyalty_ledger SET reason = reason || '!' WHERE {_ENTRY}", "loyalty_ledger"),
        BreakKind.CHANGED,
        _ALTERED,
    ),
    _of_rows(
        "an entry altered and its account hashed again",
        _entry_hashed_again,
        BreakKind.REWRITTEN,
        "`verify_ledger`: account rewritten",
    ),
    _of_rows(
        "points moved from one account to another in the balances",
        _rows(
            "UPDATE loyalty_playerloyalty SET balance = balance + CASE WHEN balance = 200 THEN -100 ELSE 100 END"
            " WHERE balance IN (200, 500)",
            "loyalty_playerloyalty",
        ),
        NOT_SIGNED,
        "`checkpoint` refuses to sign",
    ),
    _of_rows("the newest entry deleted before it is sealed, the account set back", _newest_entry, NOTHING),
    _of_rows(
        "all checkpoints deleted with what they sealed",
        _rows(_NO_CHECKPOINT, *_CHECKPOINTS),
        BreakKind.CHECKPOINT_MISSING,
        _MISSING,
    ),
    _of_rows(
        "a sealed change of the change log altered",
        _rows(f"UPDATE core_change SET actor_id = 1 WHERE {_NEWEST}", "core_change"),
        BreakKind.CHANGE_ALTERED,
    ),
    _of_rows("a sealed change altered and hashed again", _change_hashed_again, BreakKind.CHANGE_ALTERED),
    _of_rows(
        "a sealed change deleted",
        _rows(f"DELETE FROM core_change WHERE {_NEWEST}", "core_change"),
        BreakKind.CHANGE_MISSING,
    ),
    _of_rows("the newest change of a row deleted before it is sealed", _newest_change, NOTHING),
    _of_rows(
        "a threshold changed while the log's trigger is off",
        _rows("UPDATE loyalty_tier SET threshold_points = 4000 WHERE name = 'Gold'", "loyalty_tier"),
        NOTHING,
    ),
    _of_rows(
        "a bet of a closed slip raised",
        _rows(_BET, "ratingslips_playsegment"),
        _THEO,
        f"`check_invariants`: `{_THEO}`",
    ),
    _of_rows(
        "a promotion without a code, and the row deleted that says since when there are codes",
        _entry_of_before,
        "entries_are_authentic",
    ),
    _of_rows(
        "a buy-in of a closed slip deleted",
        _rows("DELETE FROM ratingslips_moneyrow WHERE kind = 'BUY_IN'", "ratingslips_moneyrow"),
        NOTHING,
        NOT_TRIED,
    ),
    _of_rows(
        "the request of a closing deleted",
        _rows("DELETE FROM ratingslips_sliprequest WHERE kind = 'CLOSE'", "ratingslips_sliprequest"),
        "slip_was_closed_by_a_request",
        NOT_TRIED,
    ),
    _of_rows(
        "a request given to another member of staff",
        _rows(
            "UPDATE ratingslips_sliprequest SET actor_id = (SELECT max(id) FROM core_user) WHERE kind = 'CHANGE_BET'",
            "ratingslips_sliprequest",
        ),
        "requests_are_authentic",
        NOT_TRIED,
    ),
    _of_rows(
        "a checkpoint given another total",
        _rows("UPDATE loyalty_checkpoint SET points_total = points_total + 1", "loyalty_checkpoint"),
        BreakKind.CHECKPOINT_ALTERED,
        NOT_TRIED,
    ),
)
