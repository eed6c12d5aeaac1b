"""What is said of two features before anything is built is what building the adapter says."""

from itertools import product

import pytest
from adapter_cases import ANY, BATCH, ROWS

from kdcore.objective.adapters import adapter
from kdcore.spec.joining import joining_fault

TOLD = (
    "auto",
    "linear",
    "convolution",
    "translator",
    "fusion",
    "pointwise",
    "tokens",
    "classifier",
    "orthogonal",
    "subspace",
)


def builds(kind, student, teacher):
    try:
        adapter(kind, [(BATCH, *student)], [(BATCH, *teacher)])
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("kind", TOLD)
def test_a_pair_is_refused_exactly_where_the_adapter_cannot_be_built(kind):
    for student, teacher in product(ANY, ANY):
        reason = joining_fault(kind, [(student, teacher)])
        assert (reason is None) == builds(kind, student, teacher), (student, teacher, reason)


def test_maps_that_grow_one_way_and_shrink_the_other_are_refused_where_a_convolution_has_to_join_them():
    student, teacher = (6, 4, 9), (6, 7, 3)
    assert "both grow or both shrink" in joining_fault("auto", [(student, teacher)])
    assert not builds("auto", student, teacher)
    assert joining_fault("orthogonal", [(student, teacher)]) is None


@pytest.mark.parametrize("kind", ROWS)
def test_what_an_adapter_joins_is_refused_by_nobody(kind):
    for students, teachers in ROWS[kind].joins:
        assert joining_fault(kind, list(zip(students, teachers, strict=False))) is None
