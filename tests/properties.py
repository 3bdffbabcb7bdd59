"""How properties are tested: many examples, no stopwatch (the machine may be busy), nothing kept between runs."""

from hypothesis import settings

property_settings = settings(deadline=None, max_examples=200, database=None)
