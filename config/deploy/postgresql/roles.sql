-- The three roles and the database, made once by a superuser:
--   psql -v owner_password=… -v app_password=… -v reader_password=… -f roles.sql
-- docs/runbook.md, “Database roles”, says what each is for.
\set ON_ERROR_STOP on
CREATE ROLE ratings_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE ratings_app LOGIN NOINHERIT PASSWORD :'app_password';
CREATE ROLE ratings_reader LOGIN NOINHERIT PASSWORD :'reader_password';
ALTER ROLE ratings_app SET lock_timeout = '3s';
ALTER ROLE ratings_app SET statement_timeout = '15s';
ALTER ROLE ratings_app SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE ratings_owner SET lock_timeout = '3s';
ALTER ROLE ratings_owner SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE ratings_reader SET lock_timeout = '3s';
ALTER ROLE ratings_reader SET idle_in_transaction_session_timeout = '30s';
CREATE DATABASE ratings OWNER ratings_owner ENCODING 'UTF8' TEMPLATE template0;
