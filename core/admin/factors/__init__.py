"""The pages of second factors: one's own, the second step of signing in, and the reset of another person's."""
