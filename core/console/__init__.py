"""The parts that the console's pages are built from: scope, lists, links, fields, formats, confirmations and grants."""
