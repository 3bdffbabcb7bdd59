"""Second factors: authenticator apps, security keys and recovery codes, and what changes or checks them."""
