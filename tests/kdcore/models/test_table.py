"""Perceptrons for tables: sizes, shortcuts, and that the catalogue tells what they are."""

import pytest
import torch
from described import assert_described
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kdcore.models import build
from kdcore.models.table import PERCEPTRONS
from kdcore.spec.catalogue import BadOption, WrongInput, architecture_info, describe


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, 6), st.integers(1, 30), st.integers(1, 200), st.floats(0.004, 2), st.booleans())
def test_any_perceptron_is_as_described(depth, classes, features, width, residual):
    assert_described(f"mlp-{depth}", classes, (features,), width=width, residual=residual)


def test_parameters_are_those_of_a_count_by_hand():
    told = describe("mlp-3", num_classes=2, input_shape=(13,))
    assert told.parameters == 13 * 256 + 2 * 256 * 256 + 3 * 2 * 256 + 257 * 2
    assert told.macs == 13 * 256 + 2 * 256 * 256 + 256 * 2
    assert told.features == ("blocks.0", "blocks.1", "blocks.2")
    assert told.aliases["preactivations"] == ("blocks.0.relu@in", "blocks.1.relu@in", "blocks.2.relu@in")


def test_shortcuts_add_what_enters_and_the_first_layer_has_none():
    torch.manual_seed(0)
    model = build("mlp-2", 3, features=5, width=0.1, residual=True).eval()
    hidden = model.blocks[0](torch.randn(4, 5))
    second = model.blocks[1]
    assert torch.allclose(second(hidden), hidden + second.relu(second.bn(second.linear(hidden))))
    assert not model.blocks[0].shortcut


def test_names_beyond_the_family_are_not_its_own():
    assert [PERCEPTRONS.owns(name) for name in ("mlp-1", "mlp-64", "mlp-65", "mlp-0", "mlp", "mlp-1x")] == [
        True, True, False, False, False, False,
    ]  # fmt: skip


def test_features_follow_the_table_and_pictures_are_refused():
    assert architecture_info("mlp-2").input == "table"
    with pytest.raises(BadOption, match="features=4: must be 13"):
        describe("mlp-2", num_classes=2, input_shape=(13,), features=4)
    with pytest.raises(WrongInput, match="rows of a table"):
        describe("mlp-2", num_classes=2, input_shape=(1, 8, 8))
