"""The functions, triggers and the sequence of the squashed migration, each in its last form."""

from django.db.migrations.operations import RunSQL

from core.append_only import append_only, refuse_delete, refuse_truncate, refuse_update
from core.changes.triggers import log_changes
from core.effective_dates import refuse_past

# A casino whose slips, entries or exports were dated keeps its time zone and the start of its day.
FIX_GAMING_DAYS = """
CREATE FUNCTION ratingslips_fix_gaming_day() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM ratingslips_ratingslip WHERE casino_id = OLD.id)
       OR EXISTS (SELECT FROM loyalty_ledger WHERE casino_id = OLD.id)
       OR EXISTS (SELECT FROM loyalty_ledgerexport WHERE casino_id = OLD.id) THEN
        RAISE EXCEPTION 'UPDATE of core_casino is refused: days of casino % were recorded by its time zone', OLD.code
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ratingslips_fix_gaming_day BEFORE UPDATE ON core_casino FOR EACH ROW
    WHEN ((OLD.time_zone, OLD.gaming_day_starts_at) IS DISTINCT FROM (NEW.time_zone, NEW.gaming_day_starts_at))
    EXECUTE FUNCTION ratingslips_fix_gaming_day();
ALTER TABLE core_casino ENABLE ALWAYS TRIGGER ratingslips_fix_gaming_day;
"""

# A slip changes only as its status allows, or with a correction.
FREEZE_SLIPS = """
CREATE FUNCTION ratingslips_freeze_slip() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    frozen ratingslips_ratingslip;
BEGIN
    frozen := OLD;
    IF OLD.status <> 'VOID' AND NEW.correction_count = OLD.correction_count + 1 AND EXISTS (
        SELECT FROM ratingslips_slipcorrection AS kept
        WHERE kept.slip_id = OLD.id AND kept.number = NEW.correction_count
          AND (kept.kind = 'VOIDED') = (NEW.status = 'VOID') AND kept.uncollected_after = NEW.uncollected_points
          AND (kept.status_before, kept.opened_at_before, kept.closed_at_before, kept.gaming_day_before)
              IS NOT DISTINCT FROM (OLD.status, OLD.opened_at, OLD.closed_at, OLD.gaming_day)
          AND (kept.theoretical_win_before, kept.table_before_id, kept.pit_before_id, kept.seat_before)
              IS NOT DISTINCT FROM (OLD.theoretical_win, OLD.table_id, OLD.pit_id, OLD.seat)
          AND kept.uncollected_before = OLD.uncollected_points
          AND kept.points_after IS NOT DISTINCT FROM NEW.corrected_points
    ) THEN
        frozen.correction_count := NEW.correction_count;
        frozen.corrected_points := NEW.corrected_points;
        frozen.uncollected_points := NEW.uncollected_points;
        frozen.opened_at := NEW.opened_at;
        frozen.gaming_day := NEW.gaming_day;
        frozen.closed_at := NEW.closed_at;
        frozen.theoretical_win := NEW.theoretical_win;
        frozen.table_id := NEW.table_id;
        frozen.pit_id := NEW.pit_id;
        frozen.seat := NEW.seat;
        frozen.ledger_entry_id := coalesce(OLD.ledger_entry_id, NEW.ledger_entry_id);
        IF NEW.status = 'VOID' OR OLD.status <> 'CLOSED' AND NEW.status <> 'CLOSED' THEN
            frozen.status := NEW.status;
            frozen.closed_by_id := coalesce(OLD.closed_by_id, NEW.closed_by_id);
        END IF;
    ELSIF OLD.status = 'CLOSED' THEN
        IF OLD.settled_at IS NULL AND NEW.settled_at IS NOT NULL THEN
            frozen.settled_at := NEW.settled_at;
            frozen.recovered_by_id := NEW.recovered_by_id;
            frozen.recovery_correlation_id := NEW.recovery_correlation_id;
        END IF;
        frozen.ledger_entry_id := coalesce(OLD.ledger_entry_id, NEW.ledger_entry_id);
        frozen.released_at := coalesce(OLD.released_at, NEW.released_at);
    ELSIF OLD.status IN ('OPEN', 'PAUSED') AND NEW.status <> 'VOID' THEN
        frozen.status := NEW.status;
        frozen.table_id := NEW.table_id;
        frozen.pit_id := NEW.pit_id;
        frozen.seat := NEW.seat;
        IF NEW.status = 'CLOSED' THEN
            frozen.closed_at := NEW.closed_at;
            frozen.closed_by_id := NEW.closed_by_id;
            frozen.theoretical_win := NEW.theoretical_win;
            frozen.correlation_id := NEW.correlation_id;
            frozen.settled_at := NEW.settled_at;
            frozen.ledger_entry_id := NEW.ledger_entry_id;
            frozen.owed_because := NEW.owed_because;
            frozen.withheld_because := NEW.withheld_because;
        END IF;
    END IF;
    IF NEW IS DISTINCT FROM frozen OR OLD.settled_at IS NOT NULL AND NEW IS NOT DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'UPDATE of ratingslips_ratingslip is refused: %', CASE OLD.status
            WHEN 'VOID' THEN 'a void slip never changes'
            WHEN 'CLOSED' THEN 'a closed slip can only be settled, once, or change with its correction'
            ELSE 'of a live slip all but status, place and closing changes only with its correction' END
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ratingslips_freeze_slip BEFORE UPDATE ON ratingslips_ratingslip
    FOR EACH ROW EXECUTE FUNCTION ratingslips_freeze_slip();
ALTER TABLE ratingslips_ratingslip ENABLE ALWAYS TRIGGER ratingslips_freeze_slip;
"""

# Past play never changes; a correction supersedes it.
FREEZE_SEGMENTS = """
CREATE FUNCTION ratingslips_freeze_segment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    frozen ratingslips_playsegment;
BEGIN
    frozen := OLD;
    IF OLD.ended_at IS NULL THEN
        frozen.ended_at := NEW.ended_at;
        frozen.ended_as := NEW.ended_as;
        frozen.ended_by_id := NEW.ended_by_id;
        frozen.end_correlation_id := NEW.end_correlation_id;
    END IF;
    IF OLD.held_until IS NULL AND NEW.ended_at IS NOT NULL THEN
        frozen.held_until := NEW.held_until;
    END IF;
    IF OLD.superseded_by_id IS NULL AND EXISTS (
        SELECT FROM ratingslips_slipcorrection AS correction
        JOIN ratingslips_ratingslip AS slip ON slip.id = correction.slip_id
        WHERE correction.id = NEW.superseded_by_id AND slip.id = OLD.slip_id
          AND correction.number = slip.correction_count + 1
    ) THEN
        frozen.superseded_by_id := NEW.superseded_by_id;
    END IF;
    IF NEW IS DISTINCT FROM frozen OR OLD.held_until IS NOT NULL AND NEW IS NOT DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'UPDATE of ratingslips_playsegment is refused: past play never changes'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ratingslips_freeze_segment BEFORE UPDATE ON ratingslips_playsegment
    FOR EACH ROW EXECUTE FUNCTION ratingslips_freeze_segment();
ALTER TABLE ratingslips_playsegment ENABLE ALWAYS TRIGGER ratingslips_freeze_segment;
"""

# A seat is held until its player plays elsewhere, or the slip closes.
HOLD_SEATS = """
CREATE FUNCTION ratingslips_leave_seat() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE ratingslips_playsegment SET held_until = NEW.started_at
    WHERE slip_id = NEW.slip_id AND seq = NEW.seq - 1 AND held_until IS NULL;
    RETURN NEW;
END $$;

CREATE FUNCTION ratingslips_leave_table() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE ratingslips_playsegment SET held_until = NEW.closed_at WHERE slip_id = NEW.id AND held_until IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER ratingslips_leave_seat BEFORE INSERT ON ratingslips_playsegment
    FOR EACH ROW WHEN (NEW.seq > 1) EXECUTE FUNCTION ratingslips_leave_seat();
ALTER TABLE ratingslips_playsegment ENABLE ALWAYS TRIGGER ratingslips_leave_seat;
CREATE TRIGGER ratingslips_leave_table AFTER UPDATE OF closed_at ON ratingslips_ratingslip
    FOR EACH ROW WHEN (OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL) EXECUTE FUNCTION ratingslips_leave_table();
ALTER TABLE ratingslips_ratingslip ENABLE ALWAYS TRIGGER ratingslips_leave_table;
"""

# A slip is in the pit of its table, and a table with a live slip keeps its pit and its game.
KEEP_PITS = """
CREATE FUNCTION ratingslips_require_pit_of_table() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'ratingslips_ratingslip' THEN
        PERFORM FROM ratingslips_gamingtable WHERE id = NEW.table_id FOR SHARE;
    END IF;
    IF NEW.pit_id IS NOT DISTINCT FROM (SELECT pit_id FROM ratingslips_gamingtable WHERE id = NEW.table_id) THEN
        RETURN NEW;
    END IF;
    IF TG_TABLE_NAME = 'ratingslips_ratingslip' THEN
        IF TG_OP = 'UPDATE' AND NEW.closed_at IS NOT NULL AND EXISTS (
            SELECT FROM ratingslips_playsegment WHERE slip_id = NEW.id
            AND table_id = NEW.table_id AND pit_id = NEW.pit_id AND superseded_by_id IS NULL
        ) THEN
            RETURN NEW;
        END IF;
        IF TG_OP = 'INSERT' AND NEW.closed_at IS NOT NULL AND EXISTS (
            SELECT FROM ratingslips_ratingslip WHERE id = NEW.reassigned_from_id
            AND status = 'VOID' AND table_id = NEW.table_id AND pit_id = NEW.pit_id
        ) THEN
            RETURN NEW;
        END IF;
    ELSIF EXISTS (
        SELECT FROM ratingslips_playsegment AS past
        WHERE past.slip_id IN (NEW.slip_id, (SELECT reassigned_from_id FROM ratingslips_ratingslip WHERE id = NEW.slip_id))
        AND past.table_id = NEW.table_id AND past.pit_id = NEW.pit_id AND past.superseded_by_id IS NOT NULL
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% of % is refused: the pit is not the one that the table is in', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION ratingslips_keep_table_in_pit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM ratingslips_ratingslip WHERE table_id = NEW.id AND status IN ('OPEN', 'PAUSED')) THEN
        RAISE EXCEPTION 'UPDATE of ratingslips_gamingtable is refused: a table with a live slip keeps its pit and its game'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ratingslips_slip_opens_in_pit BEFORE INSERT ON ratingslips_ratingslip
    FOR EACH ROW EXECUTE FUNCTION ratingslips_require_pit_of_table();
ALTER TABLE ratingslips_ratingslip ENABLE ALWAYS TRIGGER ratingslips_slip_opens_in_pit;
CREATE TRIGGER ratingslips_slip_moves_with_pit BEFORE UPDATE OF table_id, pit_id ON ratingslips_ratingslip FOR EACH ROW
    WHEN (OLD.table_id IS DISTINCT FROM NEW.table_id OR OLD.pit_id IS DISTINCT FROM NEW.pit_id)
    EXECUTE FUNCTION ratingslips_require_pit_of_table();
ALTER TABLE ratingslips_ratingslip ENABLE ALWAYS TRIGGER ratingslips_slip_moves_with_pit;
CREATE TRIGGER ratingslips_segment_in_pit BEFORE INSERT ON ratingslips_playsegment
    FOR EACH ROW EXECUTE FUNCTION ratingslips_require_pit_of_table();
ALTER TABLE ratingslips_playsegment ENABLE ALWAYS TRIGGER ratingslips_segment_in_pit;
CREATE TRIGGER ratingslips_keep_table_in_pit BEFORE UPDATE OF pit_id, game_id ON ratingslips_gamingtable FOR EACH ROW
    WHEN (OLD.pit_id IS DISTINCT FROM NEW.pit_id OR OLD.game_id IS DISTINCT FROM NEW.game_id)
    EXECUTE FUNCTION ratingslips_keep_table_in_pit();
ALTER TABLE ratingslips_gamingtable ENABLE ALWAYS TRIGGER ratingslips_keep_table_in_pit;
"""

# Only a live slip, or one that is corrected, gets play, and a live slip is where its last segment is.
GUARD_PLAY = """
CREATE FUNCTION ratingslips_require_live_slip() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    slip ratingslips_ratingslip;
BEGIN
    FOR slip IN SELECT * FROM ratingslips_ratingslip WHERE id IN (SELECT slip_id FROM added) FOR SHARE LOOP
        CONTINUE WHEN slip.status IN ('OPEN', 'PAUSED');
        CONTINUE WHEN slip.status = 'CLOSED' AND NOT EXISTS (
            SELECT FROM ratingslips_playsegment AS segment
            WHERE segment.slip_id = slip.id AND segment.id NOT IN (SELECT id FROM added)
        );
        CONTINUE WHEN slip.status = 'CLOSED' AND EXISTS (
            SELECT FROM ratingslips_slipcorrection AS correction
            WHERE correction.slip_id = slip.id AND correction.number = slip.correction_count + 1
              AND correction.kind = 'CORRECTED'
              AND correction.last_seq_before < (SELECT min(seq) FROM added WHERE slip_id = slip.id)
        );
        RAISE EXCEPTION 'INSERT of ratingslips_playsegment is refused: a % slip gets no more play', lower(slip.status)
            USING ERRCODE = 'restrict_violation';
    END LOOP;
    RETURN NULL;
END $$;

CREATE FUNCTION ratingslips_require_place_of_play() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM ratingslips_ratingslip AS slip
        CROSS JOIN LATERAL (
            SELECT table_id, pit_id, seat, ended_at FROM ratingslips_playsegment
            WHERE slip_id = slip.id ORDER BY seq DESC LIMIT 1
        ) AS last
        WHERE slip.id = NEW.id AND slip.status IN ('OPEN', 'PAUSED')
          AND (slip.table_id, slip.pit_id, slip.seat, slip.status = 'OPEN')
              <> (last.table_id, last.pit_id, last.seat, last.ended_at IS NULL)
    ) THEN
        RAISE EXCEPTION 'UPDATE of ratingslips_ratingslip is refused: a live slip is where and as its last segment is'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ratingslips_segment_of_live_slip AFTER INSERT ON ratingslips_playsegment
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ratingslips_require_live_slip();
ALTER TABLE ratingslips_playsegment ENABLE ALWAYS TRIGGER ratingslips_segment_of_live_slip;
CREATE CONSTRAINT TRIGGER ratingslips_slip_is_where_it_plays
    AFTER UPDATE OF status, table_id, pit_id, seat ON ratingslips_ratingslip
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status IN ('OPEN', 'PAUSED'))
    EXECUTE FUNCTION ratingslips_require_place_of_play();
ALTER TABLE ratingslips_ratingslip ENABLE ALWAYS TRIGGER ratingslips_slip_is_where_it_plays;
"""

# Money is of the slip's player and of a request, and a strike is the opposite of its row.
GUARD_MONEY = """
CREATE FUNCTION ratingslips_require_fitting_money() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    slip ratingslips_ratingslip;
BEGIN
    SELECT * INTO slip FROM ratingslips_ratingslip WHERE id = NEW.slip_id FOR SHARE;
    IF slip.status = 'VOID' THEN
        RAISE EXCEPTION 'INSERT of % is refused: a void slip gets no more money', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.player_id IS DISTINCT FROM slip.player_id THEN
        RAISE EXCEPTION 'INSERT of % is refused: the player is not the one of the slip', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.strikes_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM ratingslips_moneyrow AS struck WHERE struck.id = NEW.strikes_id AND struck.strikes_id IS NULL
        AND (struck.slip_id, struck.kind, struck.means, struck.amount, struck.gaming_day)
          = (NEW.slip_id, NEW.kind, NEW.means, -NEW.amount, NEW.gaming_day)
    ) THEN
        RAISE EXCEPTION 'INSERT of % is refused: it is not the opposite of the row that it strikes', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ratingslips_moneyrow_fits BEFORE INSERT ON ratingslips_moneyrow
    FOR EACH ROW EXECUTE FUNCTION ratingslips_require_fitting_money();
ALTER TABLE ratingslips_moneyrow ENABLE ALWAYS TRIGGER ratingslips_moneyrow_fits;
CREATE TRIGGER ratingslips_moneyrow_has_request BEFORE INSERT ON ratingslips_moneyrow FOR EACH ROW WHEN (NEW.request_id IS NULL)
    EXECUTE FUNCTION core_refuse_change('it does not name the request that recorded it');
ALTER TABLE ratingslips_moneyrow ENABLE ALWAYS TRIGGER ratingslips_moneyrow_has_request;
"""

# No INSERT says when a request was recorded.
RECORD_REQUESTS_NOW = """
CREATE FUNCTION ratingslips_request_recorded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.recorded_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER ratingslips_request_recorded BEFORE INSERT ON ratingslips_sliprequest
    FOR EACH ROW EXECUTE FUNCTION ratingslips_request_recorded();
ALTER TABLE ratingslips_sliprequest ENABLE ALWAYS TRIGGER ratingslips_request_recorded;
"""

OF_GAME = "(SELECT casino_id FROM ratingslips_gamesettings WHERE id = (this->>'game_id')::bigint)"
OF_OBJECT = """(
    SELECT coalesce(pit.casino_id, program.casino_id)
    FROM django_content_type AS kind
    LEFT JOIN ratingslips_pit AS pit
        ON (kind.app_label, kind.model) = ('ratingslips', 'pit') AND pit.id::text = this->>'object_pk'
    LEFT JOIN loyalty_loyaltyprogram AS program
        ON (kind.app_label, kind.model) = ('loyalty', 'loyaltyprogram') AND program.id::text = this->>'object_pk'
    WHERE kind.id = (this->>'content_type_id')::bigint
)"""
OBJECT = """(
    SELECT app_label || '_' || model || ':' || (this->>'object_pk')
    FROM django_content_type WHERE id = (this->>'content_type_id')::bigint
)"""

GUARDS = [
    RunSQL("CREATE SEQUENCE ratingslips_slip_number AS bigint;", "DROP SEQUENCE ratingslips_slip_number;"),
    refuse_delete("ratingslips_ratingslip"),
    refuse_truncate("ratingslips_ratingslip"),
    refuse_delete("ratingslips_playsegment"),
    refuse_truncate("ratingslips_playsegment"),
    *append_only("ratingslips_moneyrow"),
    *append_only("ratingslips_slipcorrection"),
    *append_only("ratingslips_sliprequest"),
    refuse_update("ratingslips_gamevalues"),
    refuse_delete("ratingslips_gamevalues"),
    *log_changes("ratingslips_pit"),
    *log_changes("ratingslips_gamesettings"),
    *log_changes(
        "ratingslips_gamingtable", concerns={"ratingslips_pit": "pit_id", "ratingslips_gamesettings": "game_id"}
    ),
    *log_changes("ratingslips_gamevalues", casino=OF_GAME, concerns={"ratingslips_gamesettings": "game_id"}),
    *log_changes("guardian_userobjectpermission", casino=OF_OBJECT, concerns={"core_user": "user_id"}, about=OBJECT),
    *log_changes("guardian_groupobjectpermission", casino=OF_OBJECT, concerns={"auth_group": "group_id"}, about=OBJECT),
    refuse_past("ratingslips_gamevalues", owner="game_id", owners="ratingslips_gamesettings"),
    RunSQL(FIX_GAMING_DAYS, "DROP FUNCTION ratingslips_fix_gaming_day() CASCADE;"),
    RunSQL(FREEZE_SLIPS, "DROP FUNCTION ratingslips_freeze_slip() CASCADE;"),
    RunSQL(FREEZE_SEGMENTS, "DROP FUNCTION ratingslips_freeze_segment() CASCADE;"),
    RunSQL(HOLD_SEATS, "DROP FUNCTION ratingslips_leave_table(), ratingslips_leave_seat() CASCADE;"),
    RunSQL(KEEP_PITS, "DROP FUNCTION ratingslips_keep_table_in_pit(), ratingslips_require_pit_of_table() CASCADE;"),
    RunSQL(GUARD_PLAY, "DROP FUNCTION ratingslips_require_place_of_play(), ratingslips_require_live_slip() CASCADE;"),
    RunSQL(GUARD_MONEY, "DROP FUNCTION ratingslips_require_fitting_money() CASCADE;"),
    RunSQL(RECORD_REQUESTS_NOW, "DROP FUNCTION ratingslips_request_recorded() CASCADE;"),
]
