"""The change log: its list with filters, the page of one change, and its export."""
