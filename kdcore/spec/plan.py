"""A plan: a spec with every preset expanded and every default filled in, seen by the user before the engine runs it."""

from __future__ import annotations

from typing import Any, Literal

from kdcore.spec.base import Strict
from kdcore.spec.caching import CachePlan
from kdcore.spec.candidates import Proposal
from kdcore.spec.dataset_plan import DatasetPlan
from kdcore.spec.generated import WritingPlan
from kdcore.spec.job import Format, Gate, JobSpec
from kdcore.spec.licences import LicencePlan
from kdcore.spec.named import AdapterKind, Kind
from kdcore.spec.numbers import Number
from kdcore.spec.tasks import MetricInfo
from kdcore.spec.training import Training

PLAN_VERSION = 4

TEACHER, STUDENT, LABELS = "teacher", "student", "labels"
LOGITS = "logits"


class ModelPlan(Strict):
    """The brought model that a network is, or begins as.

    Attributes:
        id, version: of the registry; None for one on the user's own disk.
        sha256: over its files.
    """

    name: str
    id: str | None = None
    version: int | None = None
    sha256: str


class NetworkPlan(Strict):
    """A network with its size.

    Attributes:
        kind: ``built`` from an architecture; ``onnx``, a black box; ``outputs``, a table of stored answers; ``trees``,
            trained before anything else, and from then on such a table, too.
        options: what ``kdcore.models.build`` gets beside the classes; how a black box is asked.
        parameters, macs: 0 where nobody can count them.
        weights: file that it comes from, relative to the job's folder; None when a run of the plan trains it.
        starts: file whose weights it begins with, where a run trains it further.
        model: what ``weights`` or ``starts`` belong to.
        mean, std: what its inputs must be normalised with, where that is not as the dataset is.
        gate: what it must show before anybody listens to it, where it was brought.
        classifier: path of the module whose input is the penultimate feature.
        blocks: module paths of its blocks, from input to output.
        exact: whether ``parameters`` and ``macs`` are exact or the nearest known input size's.
    """

    architecture: str
    options: dict[str, Any]
    num_classes: int
    parameters: int
    macs: int
    classifier: str
    blocks: tuple[str, ...]
    exact: bool
    kind: Literal["built", "onnx", "outputs", "trees"] = "built"
    weights: str | None = None
    starts: str | None = None
    model: ModelPlan | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    gate: Gate | None = None

    @property
    def stored(self) -> bool:
        """Whether it is looked up, and not asked."""
        return self.kind in {"outputs", "trees"}

    @property
    def brought(self) -> bool:
        """Whether it speaks without a run of the plan having trained it."""
        return self.weights is not None or self.kind == "trees"


class PathPlan(Strict):
    """A way through a network with learned parts of its own.

    Attributes:
        kind: of the path, with ``options``.
        of: the network it leads through.
        borrows: the network that it takes a part from, where it does.
        at: module paths of ``of`` where it acts.
        classifier: path of the classifier of ``of``.
    """

    kind: str
    options: dict[str, Any]
    of: str
    borrows: str | None
    at: tuple[str, ...]
    classifier: str


class PairPlan(Strict):
    """Two points compared by a term, with what is known of their shapes (without the batch)."""

    to: str
    source: str
    weight: float = 1.0
    to_shape: tuple[int, ...] | None = None
    source_shape: tuple[int, ...] | None = None


class TermPlan(Strict):
    """A term, all questions answered.

    Attributes:
        source: whom it follows; for several teachers their names joined by ``+``.
        council: the several teachers, else empty.
        pairs: empty when it compares logits with labels.
        student_head, teacher_head: paths of the classifiers, where the distance looks at them.
        reads_logits: whether the distance looks at both networks' logits beside what it compares.
    """

    name: str
    to: str
    source: str
    council: tuple[str, ...] = ()
    combine: Literal["mean", "agreement"] = "mean"
    pairs: tuple[PairPlan, ...]
    distance: Kind
    adapter: AdapterKind | None
    weight: Number
    group: str
    student_head: str | None = None
    teacher_head: str | None = None
    reads_logits: bool = False

    @property
    def speakers(self) -> tuple[str, ...]:
        """The networks it follows; none when it follows the labels."""
        return self.council or (() if self.source == LABELS else (self.source,))

    @property
    def compares_features(self) -> bool:
        """Whether it matches what lies inside the networks."""
        return any(LOGITS not in (pair.to, pair.source) for pair in self.pairs)


class StagePlan(Strict):
    """A stage of one run.

    Attributes:
        scheduled: epochs that the learning rate's schedule is drawn over, where the stage ends before it.
        upto: the point after which the learner's forward pass stops.
        layer_rates: factors on the learning rate by module path of the learner.
        balance_points: by learner, the point at which its balance looks at the groups' gradients.
        writing: how the texts that it learns from are written, where they are not the dataset's.
        quantise: the arithmetic that the run's network has in this stage, where it is not float.
        begins: epochs that the same terms had in the stage before, which this one goes on from.
    """

    name: str
    epochs: int
    scheduled: int | None = None
    upto: str | None
    terms: tuple[TermPlan, ...]
    balance: dict[str, Kind]
    learning_rate_scale: float
    layer_rates: dict[str, float] = {}
    balance_points: dict[str, str] = {}
    writing: WritingPlan | None = None
    quantise: Literal["int8"] | None = None
    begins: int = 0


class CopyPlan(Strict):
    """Which blocks of the student begin as copies: pairs (student block, block of ``of``) by module path."""

    of: str
    blocks: tuple[tuple[str, str], ...]


class GuardPlan(Strict):
    """After ``epoch`` the run is compared with run ``twin``, which does not match features."""

    twin: str
    epoch: int
    tolerance: float | None
    action: Literal["report", "drop"]


class RunPlan(Strict):
    """One pass of the training loop.

    Attributes:
        name: ``alone``, ``distil``, the network that it trains first, ``twin``, or ``search-1`` and so on.
        phase: of the job, for progress.
        learners: the networks that learn; the first is the one that the run is for.
        needs: runs whose result it reads.
        sample: ``all`` pictures, or the ``labelled`` ones only because every term needs labels.
        labels: how many labels it may see; None for all.
        steps_per_epoch: optimiser steps an epoch, the same for every run of the student.
        rates: factors on the learning rate by learner, where they differ from 1.
        copies: initial weights that the student takes from a teacher.
        choices: by stage, the runs among which the best one's points are taken.
        guard: when to compare it with its twin.
    """

    name: str
    phase: Literal["teacher", "train"]
    learners: tuple[str, ...]
    needs: tuple[str, ...]
    stages: tuple[StagePlan, ...]
    training: Training
    sample: Literal["all", "labelled"]
    labels: int | None
    steps_per_epoch: int
    rates: dict[str, float] = {}
    copies: CopyPlan | None = None
    choices: dict[str, tuple[str, ...]] = {}
    guard: GuardPlan | None = None

    @property
    def learner(self) -> str:
        """The network that the run is for."""
        return self.learners[0]

    @property
    def epochs(self) -> int:
        """Epochs of all stages."""
        return sum(stage.epochs for stage in self.stages)

    @property
    def quantised(self) -> StagePlan | None:
        """The stage in which its network trains as int8."""
        return next((stage for stage in self.stages if stage.quantise is not None), None)

    @property
    def steps(self) -> int:
        """Optimiser steps of all stages."""
        return self.epochs * self.steps_per_epoch


class MetricPlan(Strict):
    """The figure that networks are judged by; see `kdcore.spec.tasks.MetricInfo`."""

    name: str
    title: str
    unit: str
    higher_is_better: bool

    @classmethod
    def of(cls, metric: MetricInfo) -> MetricPlan:
        """The figure as a plan has it."""
        return cls(name=metric.name, title=metric.title, unit=metric.unit, higher_is_better=metric.higher_is_better)


class PlanWarning(Strict):
    """Something legal that the user probably does not want."""

    code: str
    pointer: str
    message: str


class Estimate(Strict):
    """What the job will cost, before it runs; ``assumes`` says on what."""

    parameters: dict[str, int]
    macs: dict[str, int]
    steps: int
    train_seconds: float
    assumes: str


class Plan(Strict):
    """Everything the engine needs, except what only torch and the machine can know.

    Attributes:
        kept: what is decided about keeping the outputs of frozen networks, one group for each set of runs that see the
            same views of the same pictures.
        auto: how the student was chosen, where that was left to the planner.
        licences: of what was brought, and of the data.
    """

    schema_version: int = PLAN_VERSION
    name: str
    method: str
    spec: JobSpec
    dataset: DatasetPlan
    metric: MetricPlan
    networks: dict[str, NetworkPlan]
    auto: Proposal | None = None
    paths: dict[str, PathPlan] = {}
    delivers: str = STUDENT
    runs: tuple[RunPlan, ...]
    kept: tuple[tuple[CachePlan, ...], ...] = ()
    deliver: tuple[Format, ...]
    licences: tuple[LicencePlan, ...] = ()
    warnings: tuple[PlanWarning, ...]
    estimate: Estimate
    resource_class: str

    def run(self, name: str) -> RunPlan:
        """The run called ``name``."""
        return next(run for run in self.runs if run.name == name)

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole job."""
        return sum(run.steps for run in self.runs)

    def document(self) -> dict[str, Any]:
        """The plan as JSON-ready data, with the spec's own spelling of every field."""
        return self.model_dump(mode="json", by_alias=True)
