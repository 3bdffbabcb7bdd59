"""Let an account have the subject by which an identity provider names its person."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("core", "0040_copies_without_passwords"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="provider_subject",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="By which the identity provider names this person, for ever; empty for who uses a password.",
                max_length=255,
                verbose_name="subject at the identity provider",
            ),
        ),
        migrations.AlterField(
            model_name="signinevent",
            name="kind",
            field=models.CharField(
                choices=[
                    ("SIGNED_IN", "Signed in"),
                    ("CONFIRMED", "Confirmed who they are"),
                    ("WRONG", "Wrong password or code"),
                    ("REFUSED", "Refused"),
                    ("LIFTED", "Lock lifted"),
                    ("SIGNED_OUT", "Signed out"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(
                condition=models.Q(("provider_subject", ""), _negated=True),
                fields=("provider_subject",),
                name="core_staff_subject_of_one_person",
                violation_error_message="Another member of staff has this subject.",
            ),
        ),
    ]
