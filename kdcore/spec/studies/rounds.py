"""Rounds of a study: after how many seeds arms are given up, and how many jobs that makes."""

from __future__ import annotations

from math import ceil

from kdcore.spec.studies.spec import StopEarly


def rounds_of(seeds: int, stop_early: StopEarly | None) -> tuple[int, ...]:
    """How many seeds each round ends at; the last is all of them."""
    if stop_early is None:
        return (seeds,)
    ends, end = [], stop_early.first
    while end < seeds:
        ends.append(end)
        end *= stop_early.factor
    return (*ends, seeds)


def survivors(arms: int, factor: int) -> int:
    """How many of the arms go on after a round."""
    return max(1, ceil(arms / factor))


def jobs_of(arms: int, rounds: tuple[int, ...], stop_early: StopEarly | None) -> int:
    """How many jobs the arms are at most, over all rounds; the reference goes on beside the best."""
    jobs, before, left = 0, 0, arms
    for end in rounds:
        jobs += left * (end - before)
        before = end
        if stop_early is not None:
            left = min(left, survivors(left, stop_early.factor) + 1)
    return jobs
