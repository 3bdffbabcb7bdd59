"""All operations of both apps in random order, against a model: after each, the rows are those of the model.

`MACHINE_EXAMPLES=500 MACHINE_STEPS=80 pytest tests/scenarios/test_random_operations.py` tries others, and more of them.
"""

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.properties import property_settings
from tests.scenarios.machine_corrections import CorrectionRules
from tests.scenarios.machine_house import HouseRules
from tests.scenarios.machine_imports import ImportRules
from tests.scenarios.machine_play import PlayRules
from tests.scenarios.machine_points import PointsRules


class Operations(PlayRules, PointsRules, CorrectionRules, ImportRules, HouseRules):
    """Every rule."""


@pytest.mark.usefixtures("db")
def test_rows_are_those_of_the_model_after_each_operation() -> None:
    machine_settings = settings(
        property_settings,
        max_examples=int(os.environ.get("MACHINE_EXAMPLES", "3")),
        stateful_step_count=int(os.environ.get("MACHINE_STEPS", "25")),
        derandomize="MACHINE_EXAMPLES" not in os.environ,
        suppress_health_check=list(HealthCheck),
    )

    run_state_machine_as_test(Operations, settings=machine_settings)
