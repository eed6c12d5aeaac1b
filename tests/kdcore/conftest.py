"""Small jobs for the engine's tests."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from kdcore.spec import Plan, parse_spec, plan

TINY = {
    "name": "tiny",
    "dataset": {"name": "digits", "limit": 128},
    "teacher": {"architecture": "resnet8", "width": 0.5, "train": {"epochs": 2}},
    "student": {"architecture": "resnet8", "width": 0.25, "labels": 40},
    "method": "fitnet",
    "training": {"epochs": 4, "batch_size": 32, "augment": {"shift": 1}, "checkpoints": {"every_seconds": 3600}},
    "deliver": ["safetensors", "onnx"],
    "resources": {"device": "cpu", "threads": 1},
}


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    result = copy.deepcopy(base)
    for key, value in changes.items():
        nested = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if nested else value
    return result


@pytest.fixture(scope="session")
def tiny_plan() -> Callable[..., Plan]:
    """A plan of a job of a few seconds; keyword arguments change the spec."""

    def make(**changes: Any) -> Plan:
        return plan(parse_spec(merged(TINY, changes)), allow_paths=True)

    return make
