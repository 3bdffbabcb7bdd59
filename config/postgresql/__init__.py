"""The database engine of the product: Django's for PostgreSQL, which waits for a database that is away for a moment."""
