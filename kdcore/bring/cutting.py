"""Splits that were not given: drawn by a seed, stratified by class, or by group, and no group in two of them."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from kdcore.bring.findings import Findings
from kdcore.bring.room import Reading
from kdcore.errors import EngineError
from kdcore.spec.bringing import Cut
from kdcore.spec.cards import SplitName

SPLITS: Final[tuple[SplitName, ...]] = ("train", "validation", "test")
Places = NDArray[np.int64]


def cut(reading: Reading, options: Cut, twins: Places, found: Findings) -> dict[SplitName, Places]:
    """Which examples each split has, in their order.

    Args:
        reading: all examples; those that were given no split lie in ``train``, and others are cut off from there.
        options: shares of the examples to cut from.
        twins: int64 [N], for each example the first that is equal to it; equal ones stay together where examples
            have no groups.

    Raises:
        EngineError: ``invalid_data``, when given splits share a group, or nothing would be left of one.
    """
    given = np.asarray([SPLITS.index(name) for name in reading.given], dtype=np.int8)
    _no_shared_groups(reading, given)
    total = int((given == 0).sum())
    for number, name in ((2, "test"), (1, "validation")):
        share = options.test if name == "test" else options.validation
        if share is None:
            continue
        if (given == number).any():
            found.warn("split_given", f"the dataset has a {name} split of its own; none is cut", split=name)
            continue
        pool = np.flatnonzero(given == 0)
        random = np.random.default_rng((options.seed, number))
        given[_drawn(reading, pool, max(round(share * total), 1), twins, random)] = number
    parts = {name: np.flatnonzero(given == number) for number, name in enumerate(SPLITS)}
    if not len(parts["train"]):
        named = ", ".join(name for name, places in parts.items() if len(places))
        raise EngineError("invalid_data", f"there is nothing to train on, all examples are of {named}", "/source")
    return {name: places for name, places in parts.items() if len(places)}


def _no_shared_groups(reading: Reading, given: NDArray[np.int8]) -> None:
    if reading.groups is None:
        return
    seen = [set(reading.groups[given == number].tolist()) for number in range(len(SPLITS))]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        if shared := seen[one] & seen[other]:
            message = (
                f"{SPLITS[one]} and {SPLITS[other]} share {len(shared)} groups, such as number {min(shared)}: "
                "leave the splits out and have them cut by group"
            )
            raise EngineError("invalid_data", message, "/source")


def _drawn(reading: Reading, pool: Places, count: int, twins: Places, random: np.random.Generator) -> Places:
    """Of the examples in ``pool``, about ``count``."""
    is_classes = reading.task == "classification"
    labels = np.asarray(reading.targets)[pool] if is_classes else np.zeros(len(pool), np.int64)
    if reading.groups is not None:
        return pool[by_group(reading.groups[pool], labels, count, random)]
    _, firsts = np.unique(twins[pool], return_index=True)
    chosen = firsts[stratified(labels[firsts], min(count, len(firsts) - 1), random)]
    return pool[np.isin(twins[pool], twins[pool[chosen]])]


def stratified(labels: Places, count: int, random: np.random.Generator) -> Places:
    """``count`` places with every class in its share: largest remainders, ties to the lower class."""
    sizes = np.bincount(labels)
    shares = sizes * count / len(labels)
    quota = np.floor(shares).astype(np.int64)
    quota[np.argsort(quota - shares, kind="stable")[: count - int(quota.sum())]] += 1
    order = random.permutation(len(labels))
    ordered = order[np.argsort(labels[order], kind="stable")]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return np.sort(np.concatenate([ordered[start : start + take] for start, take in zip(starts, quota, strict=True)]))


def by_group(groups: Places, labels: Places, count: int, random: np.random.Generator) -> Places:
    """Places of whole groups, about ``count`` in all, with the classes in about their shares.

    Groups are looked at in a random order, and taken where that brings the classes' counts nearer to their quotas.

    Raises:
        EngineError: ``invalid_data``, when there are too few groups for that.
    """
    names, member = np.unique(groups, return_inverse=True)
    classes = int(labels.max()) + 1
    counts = np.zeros((len(names), classes))
    np.add.at(counts, (member, labels), 1)
    missing = np.bincount(labels, minlength=classes) * count / len(labels)
    taken = np.zeros(len(names), dtype=bool)
    for group in random.permutation(len(names)):
        if np.square(missing - counts[group]).sum() < np.square(missing).sum():
            taken[group], missing = True, missing - counts[group]
    if not taken.any() or taken.all():
        message = (
            f"{len(names)} groups are too few, or too large, to cut {count} of {len(groups)} examples off by group"
        )
        raise EngineError("invalid_data", f"{message}: change the shares, or bring more groups", "/cut")
    return np.flatnonzero(taken[member])
