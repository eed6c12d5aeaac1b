"""Cells as numbers: exactly what is written, or a fault; never a guess."""

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdcore.bring.rows.numbers import as_text, is_missing, numbers

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)


def read(cells, **options):
    faults = []
    found = numbers(cells, lambda row, code, message: faults.append((row, code)), **options)
    return found, faults


@given(st.lists(FINITE))
def test_what_python_writes_is_read_back(values):
    for cells in (values, [repr(value) for value in values], [f"{value:.9e}" for value in values]):
        found, faults = read(cells)
        assert not faults
        assert np.array_equal(found.astype(np.float32), np.array(values, np.float32))


@given(st.lists(FINITE, min_size=1))
def test_commas_are_points_where_they_are_announced(values):
    found, faults = read([repr(value).replace(".", ",") for value in values], comma=True)
    assert not faults
    assert found.tolist() == values


@given(st.lists(st.text(max_size=6) | st.integers() | st.none() | st.booleans(), min_size=1))
def test_every_cell_is_a_number_missing_or_a_fault(cells):
    found, faults = read(cells)
    bad = {row for row, _ in faults}
    for row, cell in enumerate(cells):
        assert math.isnan(found[row]) == (row in bad or is_missing(cell))


@pytest.mark.parametrize("cell", ["", " ", "NA", "n/a", "NaN", "NULL", "None", "?", None, float("nan")])
def test_missing_values_are_missing(cell):
    assert is_missing(cell)
    found, faults = read([cell, "1"])
    assert math.isnan(found[0])
    assert not faults


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("1,234", "thousands"), ("1 234", "thousands"), ("1.234.567", "thousands"), ("1'234", "thousands"),
        ("1,5", "no_number"), ("0x10", "no_number"), ("1_0", "no_number"), ("1e", "no_number"),
        ("--1", "no_number"), ("١", "no_number"),
        ("inf", "not_finite"), ("-Infinity", "not_finite"), ("1e999", "not_finite"), ("3.5e38", "not_finite"),
        (10**400, "not_finite"), (float("inf"), "not_finite"), ([1], "no_number"), (Decimal("1e50"), "not_finite"),
    ],
)  # fmt: skip
def test_what_is_no_number_is_a_fault(cell, code):
    assert read([cell])[1] == [(0, code)]


@pytest.mark.parametrize(
    ("cells", "name"),
    [((1, 1.0, "1", "1.0", " 1 "), "1"), ((0, "0.0", 0.0), "0"), ((True,), "true"), (("1.5", 1.5), "1.5")],
)
def test_a_value_has_one_name_however_it_is_written(cells, name):
    assert {as_text(cell) for cell in cells} == {name}
