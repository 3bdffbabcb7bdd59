"""Reword help texts; makes no SQL."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0009_folded_names"),
        ("loyalty", "0008_narrowed_by_gaming_day"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="balancerebuild",
            name="accounts",
            field=models.IntegerField(help_text="Number of accounts set."),
        ),
        migrations.AlterField(
            model_name="balancerebuild",
            name="changes",
            field=models.JSONField(help_text="The values of each account before and after."),
        ),
        migrations.AlterField(
            model_name="checkpoint",
            name="accounts_root",
            field=models.BinaryField(help_text="Merkle root over all accounts.", max_length=32),
        ),
        migrations.AlterField(
            model_name="checkpoint",
            name="changes",
            field=models.BigIntegerField(help_text="Number of accounts that changed since the last checkpoint."),
        ),
        migrations.AlterField(
            model_name="checkpoint",
            name="changes_root",
            field=models.BinaryField(help_text="Merkle root over the accounts that changed.", max_length=32),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="casino",
            field=models.ForeignKey(
                db_index=False,
                help_text="The casino of the account, repeated so that an index can give a casino's newest entries.",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="core.casino",
            ),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="staff",
            field=models.ForeignKey(
                db_index=False,
                help_text="The member of staff who posted it; empty for the system.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="ledgerexport",
            name="casino",
            field=models.ForeignKey(
                help_text="The casino of the entries; empty if a superuser exported those of all casinos.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="core.casino",
            ),
        ),
        migrations.AlterField(
            model_name="ledgerexport",
            name="filters",
            field=models.JSONField(help_text="The filters of the list, by name."),
        ),
        migrations.AlterField(
            model_name="ledgerexport",
            name="is_whole",
            field=models.BooleanField(help_text="Whether all entries that were asked for were sent.", null=True),
        ),
        migrations.AlterField(
            model_name="ledgerexport",
            name="rows",
            field=models.BigIntegerField(help_text="Number of entries sent.", null=True),
        ),
        migrations.AlterField(
            model_name="ledgerverification",
            name="first_break",
            field=models.JSONField(
                help_text="The first break: the entry, what was expected and what was found.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="playerloyalty",
            name="head_hash",
            field=models.BinaryField(
                help_text="The hash of the newest entry; empty if there is none.", max_length=32, null=True
            ),
        ),
        migrations.AlterField(
            model_name="sealedaccount",
            name="head_hash",
            field=models.BinaryField(
                help_text="Hash of the newest entry; the genesis hash if there is none.", max_length=32
            ),
        ),
    ]
