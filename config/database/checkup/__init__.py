"""`manage.py doctor`: the checks of everything that production needs."""
