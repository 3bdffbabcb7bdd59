"""Log every change of programmes, their pauses, rates and tiers by triggers."""

from django.db import migrations

from core.changes.triggers import log_changes

OF_PROGRAM = "(SELECT casino_id FROM loyalty_loyaltyprogram WHERE id = (this->>'program_id')::bigint)"
PROGRAM = {"loyalty_loyaltyprogram": "program_id"}


class Migration(migrations.Migration):
    dependencies = [("core", "0011_change_log"), ("loyalty", "0010_accounts_in_order")]

    operations = [
        *log_changes("loyalty_loyaltyprogram"),
        *log_changes("loyalty_programpause", casino=OF_PROGRAM, concerns=PROGRAM, refuses_truncate=True),
        *log_changes("loyalty_earningrate", casino=OF_PROGRAM, concerns=PROGRAM, refuses_truncate=True),
        *log_changes("loyalty_tier", casino=OF_PROGRAM, concerns=PROGRAM),
    ]
