"""Counted random numbers: functions of seed and counters, even, and unrelated to each other."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from kdcore.data import dice

PLACES = torch.arange(20_000)
SIGNED, MASK = st.integers(-(2**63), 2**63 - 1), 2**64 - 1


def slowly(seed, *counters):
    """SplitMix64's finaliser folded over the counters, in Python's unbounded integers."""
    state = seed & MASK
    for counter in counters:
        state = finalised((state + (counter + 1) * 0x9E3779B97F4A7C15) & MASK)
    return state


def finalised(state):
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & MASK
    return state ^ (state >> 31)


def test_the_first_numbers_of_splitmix64_with_seed_zero_are_the_published_ones():
    published = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert [int(dice.keys(0, count)) & MASK for count in range(3)] == published


@given(SIGNED, st.lists(st.integers(0, 2**40), min_size=1, max_size=4))
def test_keys_are_those_of_unbounded_integers(seed, counters):
    assert int(dice.keys(seed, *counters)) & MASK == slowly(seed, *counters)


@given(st.integers(0, 2**62), st.integers(0, 1000), st.integers(2, 50))
def test_the_numbers_of_a_place_do_not_depend_on_who_else_is_asked_for(seed, epoch, size):
    all_keys, some_keys = dice.keys(seed, epoch, PLACES[:64]), dice.keys(seed, epoch, PLACES[:64][-size:])
    assert torch.equal(dice.bits(all_keys, "any", 3)[-size:], dice.bits(some_keys, "any", 3))
    assert torch.equal(dice.bits(all_keys, "any", 3)[:, :2], dice.bits(all_keys, "any", 2))


def test_fractions_are_even_from_0_to_1():
    found = dice.fractions(dice.keys(3, 7, PLACES), "any", 2).double()
    assert found.min() >= 0
    assert found.max() < 1
    assert (torch.histc(found, 10, 0, 1) / found.numel() - 0.1).abs().max() < 0.01
    assert abs(found.mean() - 0.5) < 0.005
    assert abs(found.var() - 1 / 12) < 0.002


@given(st.integers(1, 1000))
def test_whole_numbers_stay_below_their_bound(below):
    found = dice.whole(dice.keys(0, PLACES[:500]), "any", below)
    assert found.min() >= 0
    assert found.max() < below


def test_all_whole_numbers_come_equally_often():
    counts = torch.bincount(dice.whole(dice.keys(0, PLACES), "any", 9)[:, 0], minlength=9)
    assert (counts / len(PLACES) - 1 / 9).abs().max() < 0.01


def test_purposes_epochs_neighbours_and_draws_are_uncorrelated():
    keys = dice.keys(0, 5, PLACES)
    first, second = dice.fractions(keys, "shift", 2).unbind(1)
    others = [second, dice.fractions(keys, "flip")[:, 0], first.roll(1)]
    others += [dice.fractions(dice.keys(seed, epoch, PLACES), "shift")[:, 0] for seed, epoch in [(0, 6), (1, 5)]]
    for other in others:
        assert abs(torch.corrcoef(torch.stack([first, other]).double())[0, 1]) < 0.03


def test_counters_in_another_order_give_another_key():
    assert int(dice.keys(0, 1, 2)) != int(dice.keys(0, 2, 1))
