"""Keep what a restored database lacked with the first checkpoint after the restore."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("loyalty", "0024_codes_of_requests"),
    ]

    operations = [
        migrations.AddField(
            model_name="checkpoint",
            name="after_restore",
            field=models.TextField(
                help_text="What a restored database lacked, who sealed it and why; empty in versions 1 and 2.",
                null=True,
            ),
        ),
        migrations.AddIndex(
            model_name="checkpoint",
            index=models.Index(
                condition=models.Q(("after_restore__isnull", False)),
                fields=["number"],
                name="loyalty_checkpoint_restores",
            ),
        ),
        migrations.AddConstraint(
            model_name="checkpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("after_restore", None),
                    models.Q(("log_root__isnull", False), models.Q(("after_restore", ""), _negated=True)),
                    _connector="OR",
                ),
                name="loyalty_checkpoint_restore_says_what",
            ),
        ),
    ]
