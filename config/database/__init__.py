"""The database's roles and their rights: the owner migrates, the application serves, the reader audits."""
