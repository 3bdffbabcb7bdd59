"""Imports of CSV files: a casino's set-up, and the rating events recorded elsewhere."""
