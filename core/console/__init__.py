"""What the console's pages are made of: who sees what, lists without full counts, links, fields and grants."""
