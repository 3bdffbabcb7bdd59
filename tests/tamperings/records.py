"""What somebody with the application's role inserts or changes of parameters, people and logs, past the console."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final
from uuid import uuid4

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType

from core import correlation
from core.macs import mac_of
from core.models import RequestOrigin
from core.origins import record_command
from loyalty.models import Checkpoint, LedgerVerification, PlayerLoyalty
from loyalty.proof.breaks import BreakKind
from ratingslips.models import GameValues
from tests.factories import CompTypeFactory, GameFactory, TableFactory
from tests.floor import Floor, declared
from tests.second_factors import with_app
from tests.tamperings.kinds import NAMED, NOTHING, REFUSED, Act, Tampering, again, sql

_MISSING: Final = f"`verify_ledger`: {BreakKind.CHECKPOINT_MISSING}"
_RAISED: Final = "UPDATE core_casino SET cash_report_amount = coalesce(cash_report_amount, 0) + 1"


def _claimed(actor: int, correlation_id: object) -> str:
    """The comment by which the application names the author of a change."""
    return f"\n/* actor={actor} correlation_id={correlation_id} */"


def _in_another_name(floor: Floor) -> Iterator[None]:
    """With a request for it, and the code of another one."""
    real = RequestOrigin(correlation_id=uuid4(), actor=floor.boss, method="POST", origin="/")
    real.mac = mac_of(real.claims())
    real.save(force_insert=True)
    yield
    forged = uuid4()
    again("core_requestorigin", real.pk, id=real.pk + 1000, correlation_id=str(forged), actor_id=floor.supervisor.pk)
    sql(_RAISED + _claimed(floor.supervisor.pk, forged))


def _in_the_name_of_a_command(floor: Floor) -> Iterator[None]:
    with correlation.bound() as command:
        record_command("rebuild_balances", actor=floor.boss)
    yield
    sql(_RAISED + _claimed(floor.supervisor.pk, command))


def _grant(floor: Floor) -> Iterator[None]:
    yield
    sql(
        "INSERT INTO guardian_userobjectpermission (object_pk, content_type_id, permission_id, user_id)"
        " VALUES (%s, %s, %s, %s)",
        str(floor.program.pk),
        ContentType.objects.get_for_model(floor.program).pk,
        Permission.objects.get(codename="award", content_type__app_label="loyalty").pk,
        floor.boss.pk,
    )


def _role(floor: Floor) -> Iterator[None]:
    yield
    sql(
        "INSERT INTO core_user_groups (user_id, group_id) SELECT %s, id FROM auth_group WHERE name = 'Auditor'",
        floor.boss.pk,
    )


def _comp_type(floor: Floor) -> Iterator[None]:
    comp = CompTypeFactory.create(program=floor.program)
    yield
    sql("UPDATE loyalty_comptype SET point_value = 2 * point_value WHERE id = %s", comp.pk)


def _rate(days: int) -> Act:
    def act(floor: Floor) -> Iterator[None]:
        yield
        sql(
            "INSERT INTO loyalty_earningrate (program_id, points_per_unit, effective_from) VALUES (%s, 99, %s)",
            floor.program.pk,
            floor.now + timedelta(days=days),
        )

    return act


def _values(floor: Floor) -> Iterator[None]:
    yield
    values, begins = GameValues.objects.filter(game=floor.table.game).latest("pk"), floor.now + timedelta(days=1)
    again(
        "ratingslips_gamevalues",
        values.pk,
        id=values.pk + 1000,
        effective_from=begins.isoformat(),
        house_edge_percent=9,
    )


def _pause(floor: Floor) -> Iterator[None]:
    """A pause of last week, in the supervisor's name."""
    yield
    sql(
        "INSERT INTO loyalty_programpause (program_id, paused_by_id, paused_at, reason, correlation_id, resumed_by_id,"
        " resumed_at, resume_correlation_id, resume_reason)"
        " VALUES (%s, %s, %s, 'Maintenance of tiers', %s, %s, %s, %s, '')",
        floor.program.pk,
        floor.supervisor.pk,
        floor.ago(days=7),
        str(uuid4()),
        floor.supervisor.pk,
        floor.ago(days=6),
        str(uuid4()),
    )


def _tier(floor: Floor) -> Iterator[None]:
    yield
    sql(
        "INSERT INTO loyalty_tier (program_id, name, threshold_points, multiplier) VALUES (%s, 'Diamond', 90000, 9)",
        floor.program.pk,
    )


def _password(floor: Floor) -> Iterator[None]:
    yield
    now, forged = floor.now, uuid4()
    sql(
        "INSERT INTO core_signinevent (kind, at, staff_id, correlation_id, device)"
        " VALUES ('SIGNED_IN', %s, %s, %s, '')",
        now,
        floor.boss.pk,
        str(forged),
    )
    sql("UPDATE core_user SET password = 'of somebody' WHERE id = %s" + _claimed(floor.boss.pk, forged), floor.boss.pk)


def _checkpoint(_floor: Floor) -> Iterator[None]:
    yield
    number = Checkpoint.objects.latest("number").number
    sql(
        "INSERT INTO loyalty_checkpoint SELECT (jsonb_populate_record(one, jsonb_build_object('number', %s))).*"
        " FROM loyalty_checkpoint AS one WHERE number = %s",
        number + 1,
        number,
    )


def _sealed(floor: Floor) -> Iterator[None]:
    """An account that no checkpoint sealed, as sealed by the newest one."""
    yield
    account = PlayerLoyalty.objects.get(player=floor.player())
    sql(
        "INSERT INTO loyalty_sealedaccount (checkpoint_id, account_id, entry_count, head_hash) VALUES (%s, %s, 0, %s)",
        Checkpoint.objects.latest("number").number,
        account.pk,
        b"\7" * 32,
    )


def _verification(_floor: Floor) -> Iterator[None]:
    yield
    last = LedgerVerification.objects.latest("pk").pk
    again("loyalty_ledgerverification", last, id=last + 1000)


def _of_boss(change: str) -> Act:
    def act(floor: Floor) -> Iterator[None]:
        yield
        sql(f"UPDATE core_user SET {change} WHERE id = %s", floor.boss.pk)

    return act


def _withdrawn(floor: Floor) -> Iterator[None]:
    """So that who is a player as well may award themselves points."""
    card = declared(floor.boss, floor.player())
    yield
    sql(
        "UPDATE core_staffcard SET withdrawn_by_id = %s, withdrawn_at = %s, withdrawal_correlation_id = %s"
        " WHERE id = %s",
        floor.supervisor.pk,
        floor.now,
        uuid4(),
        card.pk,
    )


def _not_required(floor: Floor) -> Iterator[None]:
    floor.casino.second_factor_roles.add(Group.objects.get(name="Pit boss"))
    yield
    sql("DELETE FROM core_casino_second_factor_roles")


def _factor(statement: str) -> Act:
    def act(floor: Floor) -> Iterator[None]:
        with_app(floor.boss)
        yield
        sql(statement)

    return act


def _game(floor: Floor) -> Iterator[None]:
    table, game = TableFactory.create(casino=floor.casino, pit=floor.pit), GameFactory.create(casino=floor.casino)
    yield
    sql("UPDATE ratingslips_gamingtable SET game_id = %s WHERE id = %s", game.pk, table.pk)


def _new_comp_type(floor: Floor) -> Iterator[None]:
    yield
    sql(
        "INSERT INTO loyalty_comptype (program_id, code, label, point_value, is_active)"
        " VALUES (%s, 'SUITE', 'Suite', 9, true)",
        floor.program.pk,
    )


_PLAYER: Final = "id = (SELECT max(id) FROM core_player)"

RECORDS: Final = (
    Tampering(what="a threshold of cash changed in psql", before=NOTHING, act=_RAISED, found=NAMED),
    Tampering(
        what="the same in the name of a request that it inserted", before=NOTHING, act=_in_another_name, found=NAMED
    ),
    Tampering(
        what="the same in the name of a member of staff, under the id of a command",
        before=NOTHING,
        act=_in_the_name_of_a_command,
        found=NAMED,
    ),
    Tampering(what="a grant given to a colleague in psql", before=NOTHING, act=_grant, found=NAMED),
    Tampering(what="a role given to a colleague in psql", act=_role, found=NAMED),
    Tampering(what="a colleague made a superuser", act=_of_boss("is_superuser = true"), found=NAMED),
    Tampering(what="a password changed, with a row in the log of sign-ins", before=NOTHING, act=_password, found=NAMED),
    Tampering(what="a colleague given a subject of the provider", act=_of_boss("provider_subject = 'me'"), found=NAMED),
    Tampering(
        what="when a colleague last signed in changed",
        before=NOTHING,
        act=_of_boss("last_login = now()"),
        found=NOTHING,
    ),
    Tampering(what="the card of a colleague withdrawn", act=_withdrawn, found=NAMED),
    Tampering(what="no second factor required of a role any more", act=_not_required, found=NAMED),
    Tampering(what="a second factor deleted", act=_factor("DELETE FROM core_secondfactor"), found=NAMED),
    Tampering(
        what="the counter of a second factor set back",
        before=NOTHING,
        act=_factor("UPDATE core_secondfactor SET counter = counter - 1"),
        found=NOTHING,
    ),
    Tampering(what="a table given another game", act=_game, found=NAMED),
    Tampering(what="a comp type inserted", act=_new_comp_type, found=NAMED),
    Tampering(
        what="a player given another card",
        act=f"UPDATE core_player SET card_number = '999999' WHERE {_PLAYER}",
        found=NAMED,
    ),
    Tampering(what="a tier with a multiplier of 9 inserted", act=_tier, found=REFUSED),
    Tampering(what="a rate of 99 from tomorrow on inserted", act=_rate(1), found=NAMED),
    Tampering(what="a rate of 99 from yesterday on inserted", act=_rate(-1), found=REFUSED),
    Tampering(what="a house edge of 9 % from tomorrow on inserted", act=_values, found=NAMED),
    Tampering(what="what a point is worth doubled", act=_comp_type, found=NAMED),
    Tampering(what="a pause of last week inserted in the supervisor's name", act=_pause, found=NAMED),
    Tampering(what="a player barred", act=f"UPDATE core_player SET status = 'BARRED' WHERE {_PLAYER}", found=NAMED),
    Tampering(
        what="a permission given to a role",
        act="INSERT INTO auth_group_permissions (group_id, permission_id) SELECT role.id, permission.id"
        " FROM auth_group AS role CROSS JOIN auth_permission AS permission"
        " WHERE role.name = 'Pit boss' AND permission.codename = 'view_user'",
        found=NAMED,
    ),
    Tampering(
        what="the highest bet of a table raised",
        act="UPDATE ratingslips_gamingtable SET maximum_bet = 99999",
        found=NAMED,
    ),
    Tampering(
        what="a change of the change log inserted",
        act="INSERT INTO core_change SELECT * FROM core_change LIMIT 1",
        found=REFUSED,
    ),
    Tampering(
        what="a checkpoint inserted that nobody signed",
        act=_checkpoint,
        found=BreakKind.CHECKPOINT_ALTERED,
        before=_MISSING,
    ),
    Tampering(what="an account inserted as sealed", act=_sealed, found=BreakKind.CHECKPOINT_ALTERED),
    Tampering(what="a verification inserted that says clean", before=NOTHING, act=_verification, found=NOTHING),
    Tampering(what="a sign-in deleted", act="DELETE FROM core_signinevent", found=REFUSED),
    Tampering(what="an origin of a request altered", act="UPDATE core_requestorigin SET origin = '/'", found=REFUSED),
)
