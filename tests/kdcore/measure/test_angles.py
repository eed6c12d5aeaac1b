"""Angles between layers, seen from the student."""

import json
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kdcore.measure.angles import layer_angles


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def point(*numbers):
    return torch.tensor([numbers], dtype=torch.float64)


def mean(student, *teachers):
    return layer_angles([student], list(teachers))["layers"][0]["mean"]


def test_the_corner_of_the_unit_square_sees_its_neighbours_at_half_a_right_angle():
    found = layer_angles([point(0, 0)], [point(1, 0), point(1, 1)])
    seen = found["layers"][0]
    assert seen["mean"] == pytest.approx(math.sqrt(0.5), abs=1e-12)
    assert seen["acute"] == 1
    assert seen["by_teacher"] == [seen["mean"]]
    assert [i for i, count in enumerate(seen["counts"]) if count] == [34]  # 0.7071 lies in [0.70, 0.75)
    assert found["space"] == "as is"


def test_between_two_layers_they_lie_in_opposite_directions():
    assert mean(point(1, 0.25), point(1, 0), point(1, 1)) == pytest.approx(-1)


def test_a_student_that_is_its_teacher_s_first_layer_sees_no_direction():
    seen = layer_angles([point(1, 0)], [point(1, 0), point(1, 1)])["layers"][0]
    assert (seen["mean"], seen["acute"]) == (0, 0)


def test_networks_that_move_alike_have_cosine_one_and_opposite_ones_minus_one():
    teachers = [noise(6, 4, seed=seed) for seed in range(3)]
    shifted = [teacher + 7 for teacher in teachers]
    assert [row[j] for row, j in zip(layer_angles(shifted, teachers)["displacements"], (1, 2, 0), strict=True)] == (
        pytest.approx([1, 1, 1])
    )
    mirrored = layer_angles([-teacher for teacher in teachers], teachers)["displacements"]
    assert mirrored[0][1] == pytest.approx(-1)
    assert mirrored[0][0] is None


def test_displacements_follow_the_forward_map():
    found = layer_angles([noise(5, 4, seed=seed) for seed in range(2)], [noise(5, 4, seed=seed) for seed in range(6)])
    assert found["followed"] == [2, 5]
    assert len(found["displacements"]) == len(found["layers"]) == 2
    assert len(found["layers"][0]["by_teacher"]) == 5


@given(st.integers(2, 6), st.integers(0, 1000))
def test_angles_do_not_change_when_both_networks_are_rotated_and_moved(width, seed):
    students, teachers = [noise(8, width, seed=seed)], [noise(8, width, seed=seed + i) for i in (1, 2, 3)]
    rotation, _ = torch.linalg.qr(noise(width, width, seed=seed + 9))
    moved = [[side @ rotation + 3 for side in sides] for sides in (students, teachers)]
    before, after = layer_angles(students, teachers), layer_angles(*moved)
    assert after["layers"][0]["by_teacher"] == pytest.approx(before["layers"][0]["by_teacher"], abs=1e-9)


@given(st.integers(1, 4), st.integers(2, 5), st.integers(1, 50))
def test_histograms_count_every_vector_once_for_each_further_layer(students, teachers, bins):
    found = layer_angles(
        [noise(9, 3, seed=i) for i in range(students)], [noise(9, 3, seed=99 + i) for i in range(teachers)], bins=bins
    )
    assert all(len(seen["counts"]) == bins and sum(seen["counts"]) == 9 * (teachers - 1) for seen in found["layers"])
    assert all(-1 <= seen["mean"] <= 1 and 0 <= seen["acute"] <= 1 for seen in found["layers"])


def test_padded_tokens_do_not_count():
    mask = torch.tensor([[True, True, False], [True, False, False]])
    students, teachers = [noise(2, 3, 4)], [noise(2, 3, 4, seed=seed) for seed in (1, 2)]
    expected = layer_angles(students, teachers, mask=mask)
    other = [teacher.masked_fill(~mask.unsqueeze(-1), 50) for teacher in teachers]
    assert layer_angles(students, other, mask=mask) == expected
    assert expected["vectors"] == 3
    assert layer_angles(students, teachers)["vectors"] == 6


def test_positions_of_equal_maps_are_vectors_and_other_resolutions_are_pooled():
    same = layer_angles([noise(2, 3, 4, 4)], [noise(2, 3, 4, 4, seed=seed) for seed in (1, 2)])
    assert (same["space"], same["width"], same["vectors"]) == ("as is", 3, 32)
    pooled = layer_angles([noise(2, 3, 8, 8)], [noise(2, 3, 4, 4, seed=seed) for seed in (1, 2)])
    assert (pooled["space"], pooled["width"], pooled["vectors"]) == ("pooled", 3, 2)


def test_other_widths_are_projected_by_the_seed_to_the_smallest():
    students, teachers = [noise(9, 5, 7)], [noise(9, 32, 4, 4), noise(9, 16)]
    found = layer_angles(students, teachers)
    assert (found["space"], found["width"], found["vectors"]) == ("projected", 7, 9)
    assert layer_angles(students, teachers) == found
    assert layer_angles(students, teachers, seed=1) != found


def test_the_outcome_is_ready_for_json():
    found = layer_angles([noise(4, 3), noise(4, 5)], [noise(4, 6, seed=seed) for seed in (1, 2)])
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@pytest.mark.parametrize(
    ("students", "teachers", "options"),
    [
        ([noise(4, 3)], [noise(4, 3)], {}),
        ([], [noise(4, 3), noise(4, 3)], {}),
        ([noise(4, 3)], [noise(4, 3), noise(5, 3)], {}),
        ([noise(4, 3)], [noise(4, 3), noise(4, 3) * float("nan")], {}),
        ([noise(4, 2, 3)], [noise(4, 2, 3)] * 2, {"mask": torch.ones(4, 3)}),
        ([noise(4, 2, 3)], [noise(4, 2, 3)] * 2, {"mask": torch.zeros(4, 2)}),
    ],
)
def test_what_has_no_angles_is_refused(students, teachers, options):
    with pytest.raises(ValueError, match=r"angles need|the mask has to"):
        layer_angles(students, teachers, **options)
