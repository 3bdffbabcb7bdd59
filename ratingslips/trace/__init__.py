"""Following one request through everything that it touched, from the database alone."""
