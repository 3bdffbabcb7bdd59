"""Why a person did something by hand: the codes of a casino, and a text; auditors read both."""
