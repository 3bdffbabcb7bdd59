"""The database engine of a checkout without DATABASE_URL: a PostgreSQL of its own that starts itself."""
