"""Settings that stand guard, and the checks that refuse wrong ones."""

from tests.guards.guard import Guard, Kind, edit

_SETTINGS = "config/settings.py"
_CHECKS = "core/checks.py"
_T_CHECKS = "tests/core/test_checks.py"
_WHOLE = (f"{_T_CHECKS}::TestCheckProductionIsWhole::test_names_each_thing_that_is_wrong",)
_HARDENED = "tests/config/test_hardening.py"

SETTINGS = (
    Guard(
        name="no other database",
        kind=Kind.SETTING,
        edits=edit(_CHECKS, '        if connections[alias].vendor != "postgresql"\n', "        if False\n"),
        claimed_by=(f"{_T_CHECKS}::TestCheckDatabaseIsPostgresql::test_refuses_any_other",),
    ),
    Guard(
        name="no older PostgreSQL",
        kind=Kind.SETTING,
        edits=edit(_CHECKS, "if major < MINIMUM_POSTGRESQL_MAJOR:", "if False:"),
        claimed_by=(f"{_T_CHECKS}::TestCheckPostgresqlVersion::test_refuses_an_older_one",),
    ),
    Guard(
        name="a known environment",
        kind=Kind.SETTING,
        edits=edit(_CHECKS, 'if settings.ENVIRONMENT not in {"development", "production"}:', "if False:"),
        claimed_by=_WHOLE,
    ),
    Guard(
        name="production has its database",
        kind=Kind.SETTING,
        edits=edit(_CHECKS, "(not settings.HAS_OWN_DATABASE, ", "(False, "),
        claimed_by=_WHOLE,
    ),
    Guard(
        name="production has its names",
        kind=Kind.SETTING,
        edits=edit(_CHECKS, "(not settings.ALLOWED_HOSTS, ", "(False, "),
        claimed_by=_WHOLE,
    ),
    Guard(
        name="production shows no debug pages",
        kind=Kind.SETTING,
        edits=edit(_CHECKS, "(settings.DEBUG, ", "(False, "),
        claimed_by=_WHOLE,
    ),
    Guard(
        name="production has its secret",
        kind=Kind.SETTING,
        edits=edit(_CHECKS, "(not _has_secret_key(), ", "(False, "),
        claimed_by=_WHOLE,
    ),
    Guard(
        name="the demo does not run in production",
        kind=Kind.SETTING,
        edits=edit(_SETTINGS, '[] if IS_PRODUCTION else ["config', '["config'),
        claimed_by=("tests/config/test_demo.py::TestDemo::test_does_not_run_in_production",),
    ),
    Guard(
        name="Content-Security-Policy",
        kind=Kind.SETTING,
        edits=edit(_SETTINGS, '    "csp.middleware.CSPMiddleware",\n', ""),
        claimed_by=("tests/core/test_admin.py::TestEveryModel::test_has_pages_that_a_strict_policy_lets_through",),
        goes_red_as=("KeyError",),
    ),
    Guard(
        name="correlation id outside everything else",
        kind=Kind.TRACE,
        edits=edit(
            _SETTINGS,
            '    "core.middleware.CorrelationMiddleware",\n    "django.middleware.security.SecurityMiddleware",\n',
            '    "django.middleware.security.SecurityMiddleware",\n    "core.middleware.CorrelationMiddleware",\n',
        ),
        claimed_by=(
            (
                "tests/core/test_middleware.py::TestCorrelationMiddleware::"
                "test_stands_outermost_so_that_refusals_and_errors_carry_it_as_well"
            ),
        ),
        goes_red_as=("KeyError",),
    ),
    Guard(
        name="forged posts (CSRF)",
        kind=Kind.SETTING,
        # The middleware and each of the admin's views ask for the token: both are told not to.
        edits=edit(
            "core/middleware.py",
            "        response = self.get_response(request)\n        response[correlation.HEADER]",
            "        request._dont_enforce_csrf_checks = True\n"
            "        response = self.get_response(request)\n        response[correlation.HEADER]",
        ),
        claimed_by=(f"{_HARDENED}::TestForgedPost::test_is_refused_on_every_page_that_moves_value",),
    ),
    Guard(
        name="guessed passwords (axes)",
        kind=Kind.SETTING,
        edits=edit(_SETTINGS, '    "axes.backends.AxesStandaloneBackend",\n', ""),
        claimed_by=(f"{_HARDENED}::TestGuessedPassword::test_locks_the_account_after_five",),
    ),
    Guard(
        name="no page in a frame",
        kind=Kind.SETTING,
        edits=edit(_SETTINGS, '    "django.middleware.clickjacking.XFrameOptionsMiddleware",\n', ""),
        claimed_by=(f"{_HARDENED}::TestAnswer::test_may_stand_in_no_frame",),
        goes_red_as=("KeyError",),
    ),
    Guard(
        name="cookies over TLS alone",
        kind=Kind.SETTING,
        edits=edit(
            _SETTINGS,
            "SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = IS_PRODUCTION",
            "SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = False",
        ),
        claimed_by=(f"{_HARDENED}::TestProduction::test_passes_django_s_own_check_for_deployment",),
    ),
    Guard(
        name="TLS for a year (HSTS)",
        kind=Kind.SETTING,
        edits=edit(_SETTINGS, "365 * 24 * 60 * 60 if IS_PRODUCTION else 0", "0"),
        claimed_by=(f"{_HARDENED}::TestProduction::test_passes_django_s_own_check_for_deployment",),
    ),
    Guard(
        name="a session ends with the shift",
        kind=Kind.SETTING,
        edits=edit(_SETTINGS, "SESSION_COOKIE_AGE = 12 * 60 * 60  # a shift\n", ""),
        claimed_by=(f"{_HARDENED}::TestSession::test_ends_with_the_shift",),
    ),
)
