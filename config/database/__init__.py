"""Who may do what in the database: the owner migrates, the application serves, the reader audits."""
