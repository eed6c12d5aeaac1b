"""Which values a search tries next: a function of what it knows, so that any process may go on where another stopped.

Optuna (T. Akiba, S. Sano, T. Yanase, T. Ohta and M. Koyama, Optuna: A Next-generation Hyperparameter Optimization
Framework, KDD 2019) samples; nothing of it is kept. Its tree-structured Parzen estimator is J. Bergstra, R. Bardenet,
Y. Bengio and B. Kégl, Algorithms for Hyper-Parameter Optimization, NeurIPS 2011, section 4.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

from kdcore.spec.studies.searchspec import Choices, Range, Search, Space, key

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler

Values = dict[str, Any]
"""A value for each pointer that the search goes over."""
Told = tuple[Values, float | None]
"""What was tried, and what it came to; None where it failed."""
_TRIES = 20


def proposals(search: Search, told: Sequence[Told], *, higher_is_better: bool) -> list[Values]:
    """What is tried next: so many as go together, or as are left; none that was tried before.

    The same facts give the same proposals. Those of one call know of each other: each counts as a bad one for the next
    (``constant_liar``), so that they differ. A trial that failed counts as worse than every other: the estimator keeps
    away from where it was.

    Args:
        told: every trial so far.
        higher_is_better: of the scores.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        sampler=_sampler(search, len(told)), direction="maximize" if higher_is_better else "minimize"
    )
    spaces = {at: _distribution(space) for at, space in search.over.items()}
    for values, score in told:
        _tell(study, search, spaces, values, score)
    seen = {key(values) for values, _ in told}
    found: list[Values] = []
    for _ in range(min(search.together, search.trials - len(told))):
        values = _new(study, search, spaces, seen)
        seen.add(key(values))
        found.append(values)
    return found


def _sampler(search: Search, told: int) -> BaseSampler:
    """A sampler whose draws no other search, and no other batch of this one, repeats."""
    from optuna.samplers import RandomSampler, TPESampler

    seed = (search.seed * 1000 + told) % 2**32
    return RandomSampler(seed=seed) if search.sampler == "random" else TPESampler(seed=seed, constant_liar=True)


def _distribution(space: Space) -> BaseDistribution:
    """What Optuna draws from; of choices, which may be any JSON, it draws the places."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(space, Choices):
        return CategoricalDistribution(range(len(space.choices)))
    if space.whole:
        return IntDistribution(int(space.low), int(space.high), log=space.log, step=int(space.step or 1))
    return FloatDistribution(float(space.low), float(space.high), log=space.log, step=space.step)


def _tell(
    study: Study, search: Search, spaces: Mapping[str, BaseDistribution], values: Values, score: float | None
) -> None:
    """A trial of before. One without a score is a pruned one: of those that nobody measured, and so the last."""
    from optuna.trial import TrialState, create_trial

    known = score is not None and math.isfinite(score)
    state = TrialState.COMPLETE if known else TrialState.PRUNED
    drawn = {at: _drawn(space, values[at]) for at, space in search.over.items()}
    trial = create_trial(state=state, value=score if known else None, params=drawn, distributions=dict(spaces))
    study.add_trial(trial)


def _drawn(space: Space, value: Any) -> Any:
    if isinstance(space, Choices):
        return [key(one) for one in space.choices].index(key(value))
    return int(value) if space.whole else float(value)


def _new(study: Study, search: Search, spaces: Mapping[str, BaseDistribution], seen: set[str]) -> Values:
    """What was not tried before: where the sampler comes back to the same, the first that is left, if any is."""
    from optuna.trial import TrialState

    for _ in range(_TRIES):
        trial = study.ask(dict(spaces))
        values = {at: _value(space, trial.params[at]) for at, space in search.over.items()}
        if key(values) not in seen:
            return values
        study.tell(trial, state=TrialState.FAIL)
    return next((left for left in _all(search) if key(left) not in seen), values)


def _value(space: Space, drawn: Any) -> Any:
    """The value as it is written into a job spec: of fractions twelve digits, so that steps of 0.1 read so."""
    if isinstance(space, Choices):
        return space.choices[drawn]
    if space.whole:
        return int(drawn)
    return min(max(float(f"{drawn:.12g}"), float(space.low)), float(space.high))


def _all(search: Search) -> Iterator[Values]:
    """Every combination of what can be counted."""
    every = (_values(space) for space in search.over.values())
    return (dict(zip(search.over, values, strict=True)) for values in product(*every))


def _values(space: Space) -> Sequence[Any]:
    if isinstance(space, Choices):
        return space.choices
    assert isinstance(space, Range)
    step = space.step or 1
    return [_value(space, space.low + number * step) for number in range(space.size or 0)]
