"""The formats that Django uses for days and times, the same as in the rest of the console."""
