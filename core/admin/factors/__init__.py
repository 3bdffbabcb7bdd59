"""The pages of second factors: a person's own, the second step of signing in, and the reset of another person's."""
