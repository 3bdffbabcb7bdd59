"""The drill of a restore: pgBackRest backs up a PostgreSQL under load, which is lost, and an instant comes back."""
