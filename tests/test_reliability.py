"""The index of tests in docs/reliability.md."""

from tests.reliability import RULES, index_of, problems_of, with_index

ALL = {rule: {f"test_some.py::TestSome::test_{rule}"} for rule in RULES}


class TestProblems:
    def test_are_none_where_each_rule_has_a_test(self) -> None:
        assert problems_of(ALL) == []

    def test_name_a_rule_without_a_test(self) -> None:
        assert problems_of({rule: tests for rule, tests in ALL.items() if rule != 17}) == ["No test shows rule 17."]

    def test_name_the_tests_of_no_rule(self) -> None:
        assert problems_of({**ALL, 41: {"test_b", "test_a"}}) == ["There is no rule 41: test_a, test_b"]


class TestIndex:
    def test_replaces_its_own_part_of_the_page_alone(self) -> None:
        page = with_index(
            "Before.\n<!-- Made by python -m tests.reliability: -->\nold\n<!-- end -->\nAfter.\n", "new\n"
        )

        assert page == "Before.\n<!-- Made by python -m tests.reliability: -->\nnew\n<!-- end -->\nAfter.\n"

    def test_names_the_tests_of_a_rule_in_order(self) -> None:
        index = index_of({**ALL, 2: {"test_b", "test_a"}})

        assert "| 2 | `test_a`, `test_b` |\n" in index
