"""Signing in by an identity provider (OpenID Connect): docs/decisions/2026-11-30-single-sign-on.md."""
