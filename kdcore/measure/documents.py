"""What the proof measures beside a score, as it stands in ``result.json``: every type ready for JSON.

``None`` stands for what a task has no such thing of, or what this machine cannot tell; the reason stands beside it
where the reader would ask for it. ``part`` is always ``teacher``, ``alone`` or ``student``.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

Parts = dict[str, float | None]
"""A figure of each network of the comparison, by part."""


class ReliabilityBin(TypedDict):
    """Examples whose confidence lies in (low, high]: how confident the network was and how often right; None where
    there are none."""

    low: float
    high: float
    examples: int
    confidence: float | None
    accuracy: float | None


class Reliability(TypedDict):
    """How far confidence can be believed. ``error``: expected calibration error (Guo et al. 2017, equation 3)."""

    error: float
    bins: list[ReliabilityBin]


class Change(TypedDict):
    """One class or group: the figure of every network, and what the student lost or gained there.

    ``change``: student minus teacher; ``from_alone``: student minus student alone. ``interval``: of ``change``, a
    paired bootstrap at 95 %, None where the task's figure cannot be resampled by part. ``notable``: the interval leaves
    zero out after Holm's correction over all parts.
    """

    name: str
    examples: int
    values: Parts
    change: float | None
    from_alone: float | None
    interval: list[float] | None
    notable: bool


class Changes(TypedDict):
    """Who pays for the compression. ``worst``: names, the largest notable loss first. ``spread``: best minus worst part
    of each network. ``outcome``: whether the student's spread is larger than its teacher's beyond chance (``interval``,
    of the difference, 95 %). ``left_out``: smaller groups that are not among the parts."""

    by: Literal["class", "group"]
    parts: list[Change]
    worst: list[str]
    spread: Parts
    interval: list[float] | None
    outcome: Literal["amplifies", "inherits", "reduces", "unclear"]
    left_out: int


class Corruption(TypedDict):
    """One disturbance of the test inputs. ``severity``: 1, 3 or 5, as in Hendrycks and Dietterich (2019); ``setting``
    says it in figures. ``drop``: score without it minus score with it (signed so that more is worse)."""

    name: str
    severity: int
    setting: str
    scores: Parts
    drop: Parts


class Robustness(TypedDict):
    """Scores under stated disturbances, of the first ``examples`` of the test split. ``clean``: without any, of the
    same examples; ``mean_drop``: over all rows."""

    examples: int
    clean: Parts
    rows: list[Corruption]
    mean_drop: Parts


class Shift(TypedDict):
    """How far test features lie from training features, in the student's space before its last layer.

    ``w2``: squared 2-Wasserstein between Gaussians fitted to both (Bures); ``mmd``: unbiased squared MMD, Gaussian
    kernel at the median distance. Both of features scaled by the training features' standard deviation. ``p_value``: of
    the MMD, by permutation. ``floor``: the same figures between two halves of the training features: what chance alone
    gives.
    """

    space: str
    width: int
    examples: int
    w2: float
    mmd: float
    p_value: float
    floor: dict[str, float]


class Figures(TypedDict):
    """Both distances of a ``Shift``."""

    w2: float
    mmd: float


class Drift(TypedDict):
    """How far ``examples`` given examples lie from ``reference`` training examples, as ``Shift`` has it.

    ``floor``: what 95 % of samples of the training features keep below, drawn as large as the given ones; ``ratio``:
    the distances over it, 0 at least.
    """

    space: str
    width: int
    reference: int
    examples: int
    distances: Figures
    floor: Figures
    ratio: Figures
    p_value: float


class Cloud(TypedDict):
    """Features in the plane: points [N][2] of each network."""

    student: list[list[float]]
    teacher: list[list[float]]


class Alignment(TypedDict):
    """How alike the features of student and teacher are, before and after training.

    ``cka``: linear CKA (Kornblith et al. 2019, equation 3) of every student block (rows) with every teacher block
    (columns), ``before`` of the student as it began, ``after`` as it ended. ``projection``: features before the last
    layer, student's led into the teacher's space by the best orthogonal map (Procrustes) and shown on the teacher's
    first two principal components; ``explained``: share of the teacher's variance that they hold; ``residual``: what
    the map leaves of the student's variance; ``labels``: class of each point, by index.
    """

    students: list[str]
    teachers: list[str]
    cka: dict[Literal["before", "after"], list[list[float]]]
    examples: int
    projection: NotRequired[Projection]


class Projection(TypedDict):
    """See ``Alignment``."""

    before: Cloud
    after: Cloud
    labels: list[int]
    explained: float
    residual: dict[Literal["before", "after"], float]


class RunCost(TypedDict):
    """One run of training; ``seconds`` of the device, resumed parts included."""

    run: str
    seconds: float


class Cost(TypedDict):
    """What the job used. ``device_seconds``: of all training runs; ``energy_joules``: as the device's own meter counts
    it (``energy_source``: ``nvml`` or ``rapl``), else None."""

    device: str
    device_seconds: float
    runs: list[RunCost]
    energy_joules: float | None
    energy_source: str | None


class QuantisedScores(TypedDict):
    """One student as a float network, and as the int8 file that the export makes of it."""

    as_float: float
    as_int8: float


class Quantisation(TypedDict):
    """The student's int8 file with quantisation-aware training and without.

    ``epochs``: that the student trained as int8. ``before``: the weights from before them, ``after``: the delivered
    ones; ``metric`` of both on the first ``examples`` of the test split, all answers read alike. ``change``: of the
    int8 files, after minus before; ``interval``: of it, a paired bootstrap at 95 %.
    """

    epochs: int
    examples: int
    metric: str
    before: QuantisedScores
    after: QuantisedScores
    change: float
    interval: list[float]


class Speed(TypedDict):
    """One file through onnxruntime at one batch size and thread count: milliseconds a batch, examples a second."""

    batch: int
    threads: int
    p50: float
    p95: float
    throughput: float
    runtime: str
    runs: int
