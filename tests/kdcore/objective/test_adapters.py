"""Adapters bring shapes together, with the paper's arithmetic where the paper has one."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from kdcore.objective import adapter
from kdcore.objective.adapters import BUILDERS
from kdcore.spec.rooms import ADAPTERS


def brought(kind, student, teacher, **options):
    piece = adapter(kind, [student], [teacher], **options)
    students, teachers = piece([torch.zeros(student)], [torch.zeros(teacher)])
    assert tuple(teachers[0].shape) == teacher
    return piece, tuple(students[0].shape)


def test_the_engine_has_exactly_the_adapters_that_specs_may_name():
    assert set(BUILDERS) == set(ADAPTERS)


@pytest.mark.parametrize(("guided", "hint"), [(8, 8), (10, 8), (12, 6)])
def test_the_regressor_s_kernel_follows_the_paper_s_arithmetic(guided, hint):
    student, teacher = (2, 5, guided, guided), (2, 7, hint, hint)
    piece, shape = brought("convolution", student, teacher)
    assert shape == teacher
    kernel = guided - hint + 1
    assert sum(p.numel() for p in piece.parameters()) == kernel * kernel * 5 * 7 + 7


@settings(deadline=None, max_examples=30)
@given(*(st.integers(1, 12) for _ in range(4)))
def test_auto_brings_any_map_to_any_other_of_the_same_aspect(a, b, c, d):
    student, teacher = (2, c, a, a), (2, d, b, b)
    assert brought("auto", student, teacher)[1] == teacher


def test_auto_changes_nothing_where_shapes_agree():
    piece, _ = brought("auto", (2, 5, 4, 4), (2, 5, 4, 4))
    assert isinstance(piece.maps[0], nn.Identity)
    assert list(piece.parameters()) == []


@pytest.mark.parametrize(
    ("student", "teacher"), [((2, 16), (2, 32)), ((2, 9, 16), (2, 9, 32)), ((2, 8, 4, 4), (2, 32))]
)
def test_auto_is_linear_for_vectors_and_tokens(student, teacher):
    assert brought("auto", student, teacher)[1] == teacher


def test_a_regressor_may_end_in_norm_and_relu():
    piece, shape = brought("auto", (2, 5, 8, 8), (2, 7, 4, 4), norm=True)
    assert shape == (2, 7, 4, 4)
    assert [type(layer) for layer in piece.maps[0]] == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU]


def test_none_refuses_shapes_that_differ():
    with pytest.raises(ValueError, match="use adapter 'auto'"):
        adapter("none", [(2, 5, 8, 8)], [(2, 7, 8, 8)])


def test_every_adapter_parameter_is_registered_and_learns():
    piece = adapter("auto", [(2, 5, 8, 8), (2, 5, 4, 4)], [(2, 7, 8, 8), (2, 7, 2, 2)])
    students, _ = piece([torch.ones(2, 5, 8, 8), torch.ones(2, 5, 4, 4)], [torch.zeros(1)] * 2)
    sum(s.sum() for s in students).backward()
    assert len(list(piece.parameters())) == 4
    assert all(p.grad is not None for p in piece.parameters())
