-- Publish what the reader may read, for a copy by logical replication: on the primary, by a superuser or the owner, in
-- the database of the console, and again after each new version:
--   psql -d ratings -v reader=ratings_reader -f publication.sql
-- docs/production.md, “A copy by logical replication”, has the commands of both sides.
\set ON_ERROR_STOP on
-- Nothing of the product is ever emptied, and a TRUNCATE of a superuser's shall not empty the copy.
SELECT 'CREATE PUBLICATION ratings WITH (publish = ''insert, update, delete'')'
WHERE NOT EXISTS (SELECT FROM pg_publication WHERE pubname = 'ratings') \gexec
-- A table is left out if the copy could not make its rows without a column that the reader may not see. Generated
-- columns are made by the copy itself.
SELECT format('ALTER PUBLICATION ratings SET TABLE %s', string_agg(
    format('%s (%s)', published.name, published.columns), ', ' ORDER BY published.name
))
FROM (
    SELECT attrelid::regclass::text AS name, string_agg(quote_ident(attname), ', ' ORDER BY attnum)
        FILTER (WHERE attgenerated = '' AND has_column_privilege(:'reader', attrelid, attnum, 'SELECT')) AS columns
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
    GROUP BY attrelid
    HAVING bool_and(
        has_column_privilege(:'reader', attrelid, attnum, 'SELECT') OR NOT attnotnull OR atthasdef
    ) AND bool_or(has_column_privilege(:'reader', attrelid, attnum, 'SELECT'))
) AS published \gexec
