"""The layer maps of the layer-selection study."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdcore.spec import layer_pairs
from kdcore.spec.matching import EMBEDDING, copy_map

PUBLISHED = {
    1: [11],
    2: [5, 11],
    3: [3, 7, 11],
    4: [2, 5, 8, 11],
    6: [1, 3, 5, 7, 9, 11],
    9: [1, 2, 3, 5, 6, 7, 9, 10, 11],
}


def teachers_of(strategy, students, teachers, **options):
    return [pair.teacher for pair in layer_pairs(strategy, students, teachers, **options)]


@pytest.mark.parametrize(("students", "expected"), PUBLISHED.items())
def test_forward_gives_the_published_lists_for_twelve_teacher_layers(students, expected):
    assert teachers_of("forward", students, 12) == expected


def test_forward_from_36_to_9_takes_every_fourth():
    assert teachers_of("forward", 9, 36) == list(range(3, 36, 4))


def test_all_to_one_takes_the_block_behind_hidden_state_six_of_twelve():
    assert teachers_of("all-to-one", 3, 12) == [5, 5, 5]


def test_all_to_one_works_for_a_teacher_of_one_block():
    assert teachers_of("all-to-one", 3, 1) == [0, 0, 0]


counts = st.integers(1, 40)


@given(counts, counts)
def test_reverse_of_reverse_is_forward(students, teachers):
    assert teachers_of("reverse", students, teachers)[::-1] == teachers_of("forward", students, teachers)


@given(counts, counts, st.integers(0, 1000))
def test_random_is_a_permutation_of_forward_and_the_same_for_a_seed(students, teachers, seed):
    drawn = teachers_of("random", students, teachers, seed=seed)
    assert sorted(drawn) == teachers_of("forward", students, teachers)
    assert drawn == teachers_of("random", students, teachers, seed=seed)


def test_random_differs_between_seeds():
    assert len({tuple(teachers_of("random", 9, 12, seed=seed)) for seed in range(20)}) > 10


@given(counts, counts, st.integers(0, 1000))
def test_in_order_random_never_goes_back(students, teachers, seed):
    drawn = teachers_of("in-order-random", students, teachers, seed=seed)
    assert drawn == sorted(drawn)
    assert len(drawn) == students


def test_last_k_pairs_the_ends():
    assert [(p.student, p.teacher) for p in layer_pairs("last-k", 4, 12, k=2)] == [(2, 10), (3, 11)]


def test_k_spreads_the_chosen_student_blocks_evenly():
    assert [p.student for p in layer_pairs("forward", 12, 12, k=3)] == [3, 7, 11]


def test_none_pairs_nothing():
    assert layer_pairs("none", 3, 12) == []


@pytest.mark.parametrize("k", [0, 13])
def test_k_outside_the_networks_is_refused_with_the_range(k):
    with pytest.raises(ValueError, match=r"between 1 and 12 \(got"):
        layer_pairs("forward", 12, 12, k=k)


def test_an_unknown_strategy_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="all-to-one"):
        layer_pairs("forwards", 3, 12)


@given(counts, counts)
def test_all_pairs_every_student_block_with_every_teacher_block_at_one_in_total(students, teachers):
    pairs = layer_pairs("all", students, teachers)
    assert len({(p.student, p.teacher) for p in pairs}) == len(pairs) == students * teachers
    for student in range(students):
        assert sum(p.weight for p in pairs if p.student == student) == pytest.approx(1)
    assert layer_pairs("weighted", students, teachers) == pairs


@pytest.mark.parametrize("strategy", ["forward", "reverse", "random", "in-order-random", "last-k", "all", "weighted"])
def test_embeddings_are_paired_in_front_of_the_blocks_which_stay_the_same(strategy):
    pairs = layer_pairs(strategy, 3, 12, embeddings=True)
    assert pairs[0] == (EMBEDDING, EMBEDDING, 1)
    assert pairs[1:] == layer_pairs(strategy, 3, 12)


def test_in_all_to_one_the_embedding_follows_the_middle_block_too():
    assert [(p.student, p.teacher) for p in layer_pairs("all-to-one", 2, 12, embeddings=True)] == [
        (EMBEDDING, 5),
        (0, 5),
        (1, 5),
    ]


def test_none_pairs_no_embeddings_either():
    assert layer_pairs("none", 3, 12, embeddings=True) == []


@pytest.mark.parametrize(
    ("students", "teachers", "expected"), [(3, 12, [0, 6, 11]), (9, 36, [0, 4, 9, 13, 18, 22, 27, 31, 35])]
)
def test_the_copy_map_gives_the_published_lists(students, teachers, expected):
    assert copy_map(students, teachers) == expected


@given(counts, counts)
def test_the_copy_map_goes_from_first_to_last_and_never_back(students, teachers):
    places = copy_map(students, teachers)
    assert places == sorted(places)
    assert places[0] == 0
    assert students == 1 or places[-1] == teachers - 1


@pytest.mark.parametrize(("students", "teachers"), [(7, 28), (10, 40)])
def test_forward_takes_every_fourth_of_28_and_of_40_as_published(students, teachers):
    assert teachers_of("forward", students, teachers) == list(range(3, teachers, 4))
