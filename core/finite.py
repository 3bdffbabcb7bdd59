"""A constraint for decimal columns, which PostgreSQL lets hold NaN."""

from django.db.models import Q


def is_finite(**whole_digits: int) -> Q:
    """Each column is empty or a number of at most so many digits before the point: `is_finite(amount=12)`.

    PostgreSQL orders NaN above all numbers, so only an upper bound refuses it.
    """
    return Q(**{f"{column}__lt": 10**digits for column, digits in whole_digits.items()})
