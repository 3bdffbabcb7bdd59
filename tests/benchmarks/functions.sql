-- What a completion and an award cost PostgreSQL alone: one function each that does what the service does, on the same
-- tables, with the same locks, look-ups and checks. Only benchmarks call them. What the service computes in Python is
-- computed here as well: fingerprints, codes (HMAC-SHA256 under two padded keys), theo and points.

CREATE FUNCTION benchmark_code(claims jsonb, inner_key bytea, outer_key bytea) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT encode(sha256(outer_key || sha256(inner_key || sha256(convert_to(claims::text, 'UTF8')))), 'hex')
$$;

CREATE FUNCTION benchmark_may(actor bigint, permission text, app text, object_key bigint, casino bigint, player bigint)
RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT NOT EXISTS (
        SELECT FROM core_staffcard card
        WHERE card.player_id = player AND card.staff_id = actor AND card.withdrawn_at IS NULL
    ) AND EXISTS (
        SELECT FROM core_user staff
        WHERE staff.id = actor AND staff.is_active AND staff.casino_id = casino AND (
            staff.is_superuser OR EXISTS (
                SELECT FROM auth_permission right_
                JOIN django_content_type kind ON kind.id = right_.content_type_id
                JOIN (
                    SELECT user_id AS staff_id, permission_id, NULL AS object_pk FROM core_user_user_permissions
                    UNION ALL
                    SELECT user_id, permission_id, object_pk FROM guardian_userobjectpermission
                    UNION ALL
                    SELECT member.user_id, held.permission_id, held.object_pk
                    FROM core_user_groups member
                    JOIN (
                        SELECT group_id, permission_id, NULL AS object_pk FROM auth_group_permissions
                        UNION ALL
                        SELECT group_id, permission_id, object_pk FROM guardian_groupobjectpermission
                    ) held ON held.group_id = member.group_id
                ) held ON held.permission_id = right_.id
                WHERE kind.app_label = app AND right_.codename = permission AND held.staff_id = staff.id
                  AND (held.object_pk IS NULL OR held.object_pk = object_key::text)
            )
        )
    )
$$;

CREATE FUNCTION benchmark_post(
    player bigint, kind_ text, theo numeric, points_ bigint, reason_ text, key text, staff bigint, happened_at timestamptz,
    correlation uuid, play jsonb, inner_key bytea, outer_key bytea, key_id text
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    account loyalty_playerloyalty;
    casino core_casino;
    program loyalty_loyaltyprogram;
    rate numeric;
    before loyalty_tier;
    after loyalty_tier;
    progress integer;
    request jsonb;
    lifetime bigint;
    entry loyalty_ledger;
BEGIN
    SELECT * INTO STRICT account FROM loyalty_playerloyalty WHERE player_id = player FOR NO KEY UPDATE;
    SELECT held.* INTO STRICT casino FROM core_player p JOIN core_casino held ON held.id = p.casino_id WHERE p.id = player;
    IF EXISTS (SELECT FROM loyalty_ledger WHERE idempotency_key = key) THEN
        RAISE 'posted before';
    END IF;
    IF kind_ = 'MANUAL_BONUS' THEN
        IF NOT benchmark_may(staff, 'award', 'loyalty', account.program_id, casino.id, player) THEN
            RAISE 'not permitted';
        END IF;
        PERFORM FROM core_player p WHERE p.id = player AND p.status = 'ACTIVE';
        IF NOT FOUND THEN
            RAISE 'not active';
        END IF;
        IF (
            SELECT count(*) FROM loyalty_ledger given
            WHERE given.adjusts_id IS NULL AND given.kind IN ('MANUAL_BONUS', 'ADJUSTMENT') AND given.staff_id = staff
              AND given.created_at > happened_at - interval '1 minute' AND given.created_at < happened_at + interval '1 minute'
        ) >= 10 THEN
            RAISE 'too many awards';
        END IF;
    END IF;
    SELECT * INTO STRICT program FROM loyalty_loyaltyprogram WHERE id = account.program_id;
    IF program.paused_at IS NOT NULL THEN
        RAISE 'paused';
    END IF;
    SELECT * INTO STRICT before FROM loyalty_tier WHERE id = account.tier_id;
    IF theo IS NOT NULL THEN
        SELECT points_per_unit INTO STRICT rate FROM loyalty_earningrate
        WHERE program_id = program.id AND effective_from <= happened_at ORDER BY effective_from DESC LIMIT 1;
        points_ := round(theo * rate * before.multiplier);
    END IF;
    lifetime := account.lifetime_points + points_;
    SELECT * INTO STRICT after FROM loyalty_tier
    WHERE program_id = program.id AND threshold_points <= lifetime ORDER BY threshold_points DESC LIMIT 1;
    SELECT COALESCE(floor((lifetime - after.threshold_points) * 100 / (threshold_points - after.threshold_points)), 100)
    INTO progress FROM loyalty_tier
    WHERE program_id = program.id AND threshold_points > lifetime ORDER BY threshold_points LIMIT 1;
    request := jsonb_build_object('kind', kind_, 'player', player, 'theo', theo, 'points', points_, 'at', happened_at);
    INSERT INTO loyalty_ledger (
        casino_id, account_id, seq, kind, points, reason, idempotency_key, fingerprint, staff_id, mac, balance_before,
        balance_after, lifetime_points_before, lifetime_points_after, tier_before_id, tier_after_id, gaming_day,
        correlation_id, inputs, created_at
    ) VALUES (
        casino.id, account.id, account.entry_count + 1, kind_, points_, reason_, key,
        encode(sha256(convert_to(request::text, 'UTF8')), 'hex'), staff,
        key_id || benchmark_code(request || jsonb_build_object('key', key), inner_key, outer_key), account.balance,
        account.balance + points_, account.lifetime_points, lifetime, before.id, after.id,
        ((happened_at AT TIME ZONE casino.time_zone) - (casino.gaming_day_starts_at - time '00:00'))::date, correlation,
        jsonb_build_object(
            'request', request, 'tier_progress_percent', progress, 'calculation', jsonb_build_object(
                'theoretical_win', theo, 'points_per_unit', rate, 'multiplier', before.multiplier, 'tier', before.name,
                'exact_points', theo * rate * before.multiplier, 'play', play
            )
        ), happened_at
    ) RETURNING * INTO entry;
    UPDATE loyalty_playerloyalty
    SET balance = entry.balance_after, lifetime_points = lifetime, tier_id = after.id, entry_count = entry.seq,
        head_hash = entry.entry_hash, updated_at = happened_at
    WHERE id = account.id;
    RETURN entry.id;
END
$$;

CREATE FUNCTION benchmark_complete(
    slip_key uuid, actor bigint, ends_at timestamptz, request_key uuid, correlation uuid, inner_key bytea, outer_key bytea,
    key_id text
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    slip ratingslips_ratingslip;
    last_segment ratingslips_playsegment;
    theo numeric;
    play jsonb;
    entry bigint;
    owed text := '';
    contents jsonb := '{"buy_in": null, "chips_out": null}';
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('slip_request:' || request_key, 0));
    IF EXISTS (SELECT FROM ratingslips_sliprequest WHERE id = request_key) THEN
        RAISE 'sent before';
    END IF;
    SELECT * INTO STRICT slip FROM ratingslips_ratingslip WHERE id = slip_key FOR NO KEY UPDATE;
    PERFORM FROM core_player WHERE id = slip.player_id AND status = 'ACTIVE' FOR NO KEY UPDATE;
    IF NOT FOUND OR slip.status NOT IN ('OPEN', 'PAUSED') THEN
        RAISE 'not to be closed and paid';
    END IF;
    SELECT * INTO STRICT last_segment FROM ratingslips_playsegment
    WHERE slip_id = slip_key AND superseded_by_id IS NULL ORDER BY seq DESC LIMIT 1;
    IF NOT benchmark_may(actor, 'operate_pit', 'ratingslips', last_segment.pit_id, slip.casino_id, slip.player_id) THEN
        RAISE 'not permitted';
    END IF;
    IF ends_at < (SELECT max(happened_at) FROM ratingslips_moneyrow WHERE slip_id = slip_key) THEN
        RAISE 'before the last money';
    END IF;
    UPDATE ratingslips_playsegment
    SET ended_at = ends_at, ended_as = 'CLOSED', ended_by_id = actor, end_correlation_id = correlation
    WHERE id = last_segment.id AND ended_at IS NULL;
    SELECT round(sum(
               average_bet * house_edge_percent / 100 * decisions_per_hour * extract(epoch FROM ended_at - started_at) / 3600
           ), 2),
           jsonb_agg(jsonb_build_object(
               'table', table_id, 'seat', seat, 'average_bet', average_bet, 'house_edge_percent', house_edge_percent,
               'decisions_per_hour', decisions_per_hour, 'started_at', started_at, 'ended_at', ended_at
           ) ORDER BY seq)
    INTO theo, play FROM ratingslips_playsegment WHERE slip_id = slip_key AND superseded_by_id IS NULL;
    BEGIN
        entry := benchmark_post(
            slip.player_id, 'GAMEPLAY', theo, NULL, 'Play on slip ' || slip.slip_number, slip_key::text, NULL, ends_at,
            correlation, play, inner_key, outer_key, key_id
        );
    EXCEPTION WHEN OTHERS THEN
        owed := 'UNEXPECTED_ERROR';
    END;
    UPDATE ratingslips_ratingslip
    SET status = 'CLOSED', closed_at = ends_at, closed_by_id = actor, theoretical_win = theo, correlation_id = correlation,
        settled_at = CASE owed WHEN '' THEN ends_at END, ledger_entry_id = entry, owed_because = owed
    WHERE id = slip_key;
    INSERT INTO ratingslips_sliprequest (id, slip_id, kind, actor_id, contents, fingerprint, correlation_id, happened_at, mac)
    VALUES (
        request_key, slip_key, 'CLOSE', actor, contents, encode(sha256(convert_to(contents::text, 'UTF8')), 'hex'),
        correlation, ends_at,
        key_id || benchmark_code(contents || jsonb_build_object('request', request_key), inner_key, outer_key)
    );
END
$$;

CREATE FUNCTION benchmark_award(
    player bigint, points bigint, reason text, actor bigint, happened_at timestamptz, correlation uuid, inner_key bytea,
    outer_key bytea, key_id text
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM core_user WHERE id = actor FOR NO KEY UPDATE;
    PERFORM benchmark_post(
        player, 'MANUAL_BONUS', NULL, points, reason, 'manual:' || correlation, actor, happened_at, correlation, NULL,
        inner_key, outer_key, key_id
    );
END
$$;
