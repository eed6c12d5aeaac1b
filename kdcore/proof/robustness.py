"""What scores come to when the test inputs are disturbed, each network's on the same disturbed inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

from torch import Tensor, nn

from kdcore.data.examples import Examples
from kdcore.measure.corruptions import Disturbance, Given, disturbances
from kdcore.measure.documents import Corruption, Parts, Robustness
from kdcore.prepare import Workshop
from kdcore.proof.unmeasured import Unmeasured, affordable
from kdcore.spec.plan import STUDENT, TEACHER

MOST_EXAMPLES = 512


def robustness(workshop: Workshop, networks: Mapping[str, nn.Module]) -> Robustness:
    """Scores of the first test examples under every disturbance that their kind has; None for a table of answers.

    Raises:
        Unmeasured: for inputs that nothing is known to disturb.
    """
    found = disturbances(_given(workshop))
    if not found:
        raise Unmeasured("the vocabulary has no token for what is unknown that others could be replaced by")
    examples = _examples(workshop, networks, len(found))
    seed = workshop.plan.spec.training.seed
    clean = _scores(workshop, networks, examples, examples.inputs)
    rows = [_row(workshop, networks, examples, one, clean, seed) for one in found]
    return Robustness(
        examples=len(examples),
        clean=clean,
        rows=rows,
        mean_drop={name: _mean([row["drop"][name] for row in rows]) for name in networks},
    )


def _given(workshop: Workshop) -> Given:
    dataset, data = workshop.plan.dataset, workshop.data
    return Given(
        kind=data.kind,
        shape=dataset.input_shape,
        mean=data.mean,
        std=data.std,
        special=dataset.input.special,
        places=dataset.task in ("detection", "segmentation"),
    )


def _examples(workshop: Workshop, networks: Mapping[str, nn.Module], passes: int) -> Examples:
    test, plans = workshop.data.test, workshop.plan.networks
    macs = sum(plans[TEACHER if name == TEACHER else STUDENT].macs for name in networks)
    most = min(MOST_EXAMPLES, workshop.task.most_checked or MOST_EXAMPLES, len(test))
    count = min(len(test), affordable(macs * passes, most, device=workshop.machine.device))
    return Examples(test.inputs[:count], test.targets[:count], test.origin[:count])


def _row(
    workshop: Workshop,
    networks: Mapping[str, nn.Module],
    examples: Examples,
    disturbance: Disturbance,
    clean: Parts,
    seed: int,
) -> Corruption:
    scores = _scores(workshop, networks, examples, disturbance(examples.inputs, seed))
    sign = 1 if workshop.task.info.metric.higher_is_better else -1
    return Corruption(
        name=disturbance.name,
        severity=disturbance.severity,
        setting=disturbance.setting,
        scores=scores,
        drop={name: _less(clean[name], scores[name], sign) for name in networks},
    )


def _scores(workshop: Workshop, networks: Mapping[str, nn.Module], examples: Examples, inputs: Tensor) -> Parts:
    """The deciding figure of every network that is asked, and not looked up."""
    task, given = workshop.task, workshop.normalise(inputs)
    found: Parts = {}
    for name, network in networks.items():
        if name in workshop.tables:
            found[name] = None
            continue
        value = float(task.glanced(network, given, examples).figures()[task.info.metric.name])
        found[name] = value if math.isfinite(value) else None
    return found


def _less(clean: float | None, score: float | None, sign: int) -> float | None:
    return None if clean is None or score is None else sign * (clean - score)


def _mean(drops: list[float | None]) -> float | None:
    known = cast(list[float], [drop for drop in drops if drop is not None])
    return sum(known) / len(known) if known else None
