"""SQL for migrations that make a column unique without regard to case."""


def refuse_alike(*, table: str, column: str, what: str) -> str:
    """A statement that fails where two rows of a casino differ in `column` only by case, naming `what` they are."""
    return f"""
DO $alike$
DECLARE alike text;
BEGIN
    SELECT string_agg(casino || ': ' || names, '; ') INTO alike FROM (
        SELECT casino.code AS casino, string_agg({column}, ' and ' ORDER BY {column}) AS names
        FROM {table} JOIN core_casino casino ON casino.id = casino_id
        GROUP BY casino.code, upper({column}) HAVING count(*) > 1 ORDER BY 1, 2 LIMIT 20
    ) AS found;
    IF alike IS NOT NULL THEN
        RAISE EXCEPTION '{what} of one casino differ only in capital and small letters: %. '
            'Nothing was changed: give one of them another number, then migrate again.', alike;
    END IF;
END $alike$;
"""  # noqa: S608 - of names in migrations
