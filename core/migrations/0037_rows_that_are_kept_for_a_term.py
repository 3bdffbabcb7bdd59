from django.db import migrations

from core.append_only import CREATE_REFUSAL_FOR_A_TERM, DROP_REFUSAL_FOR_A_TERM, refuse_early_delete


class Migration(migrations.Migration):
    dependencies = [("core", "0036_hashed_session_keys")]

    operations = [
        migrations.RunSQL(CREATE_REFUSAL_FOR_A_TERM, DROP_REFUSAL_FOR_A_TERM),
        refuse_early_delete("core_requestorigin", days=90),
        refuse_early_delete("core_signinevent", days=90),
    ]
