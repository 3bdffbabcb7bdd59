"""The pages of second factors: of the signed-in person, the second step of signing in, and the reset of another person's."""
