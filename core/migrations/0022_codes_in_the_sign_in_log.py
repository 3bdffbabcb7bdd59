"""Call a wrong password or code by one name, and the password or second factor that was given again by another."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0021_casino_of_a_card"),
    ]

    operations = [
        migrations.AlterField(
            model_name="signinevent",
            name="kind",
            field=models.CharField(
                choices=[
                    ("SIGNED_IN", "Signed in"),
                    ("CONFIRMED", "Confirmed who they are"),
                    ("WRONG", "Wrong password or code"),
                    ("REFUSED", "Refused while locked"),
                    ("LIFTED", "Lock lifted"),
                    ("SIGNED_OUT", "Signed out"),
                ],
                max_length=10,
            ),
        ),
    ]
