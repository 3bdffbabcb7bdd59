"""The database engine of a checkout without DATABASE_URL: a private PostgreSQL that is started on demand."""
