"""Log every change of pits, games and tables, and of permissions granted on a pit or a programme, by triggers."""

from django.db import migrations

from core.changes.triggers import log_changes

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


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0011_change_log"),
        ("guardian", "0003_remove_groupobjectpermission_guardian_gr_content_ae6aec_idx_and_more"),
        ("loyalty", "0011_change_log"),
        ("ratingslips", "0013_bets_of_a_table"),
    ]

    operations = [
        *log_changes("ratingslips_pit"),
        *log_changes("ratingslips_gamesettings"),
        *log_changes(
            "ratingslips_gamingtable", concerns={"ratingslips_pit": "pit_id", "ratingslips_gamesettings": "game_id"}
        ),
        *log_changes(
            "guardian_userobjectpermission", casino=OF_OBJECT, concerns={"core_user": "user_id"}, about=OBJECT
        ),
        *log_changes(
            "guardian_groupobjectpermission", casino=OF_OBJECT, concerns={"auth_group": "group_id"}, about=OBJECT
        ),
    ]
