from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0017_second_factors"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="signinevent",
            name="core_sign_in_by_staff",
        ),
        migrations.RemoveIndex(
            model_name="signinevent",
            name="core_sign_in_by_address",
        ),
        migrations.AddIndex(
            model_name="signinevent",
            index=models.Index(fields=["staff", "at"], name="core_sign_in_by_staff_at"),
        ),
        migrations.AddIndex(
            model_name="signinevent",
            index=models.Index(fields=["client_address", "at"], name="core_sign_in_by_address_at"),
        ),
    ]
