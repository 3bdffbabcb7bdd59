"""What is wrong with the index of tests in docs/reliability.md; its making is compared by `--check`."""

from tests.reliability import RULES, problems_of

ALL = {rule: {f"test_some.py::TestSome::test_{rule}"} for rule in RULES}


class TestProblems:
    def test_are_none_where_each_rule_has_a_test(self) -> None:
        assert problems_of(ALL) == []

    def test_name_a_rule_without_a_test(self) -> None:
        assert problems_of({rule: tests for rule, tests in ALL.items() if rule != 17}) == ["No test shows rule 17."]

    def test_name_the_tests_of_no_rule(self) -> None:
        after = max(RULES) + 1

        assert problems_of({**ALL, after: {"test_b", "test_a"}}) == [f"There is no rule {after}: test_a, test_b"]
