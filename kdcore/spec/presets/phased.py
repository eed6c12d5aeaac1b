"""Feature baselines in two stages, with networks of their own, or with more terms than one beside the task."""

from __future__ import annotations

from pydantic import Field

from kdcore.spec.base import Strict
from kdcore.spec.networks import PathNetwork
from kdcore.spec.objective import AdapterKind, Kind, MethodSpec, PointPair, Stage, Term
from kdcore.spec.presets.base import Preset, Presets, task
from kdcore.spec.presets.modules import ALL_BLOCKS, PREACTIVATIONS

PARAPHRASE, REUSED = "paraphrase", "reused"


class Places(Strict):
    """Where student (``guided``) and teacher (``hint``) are looked at: every block, unless layers are named."""

    guided: str = "features"
    hint: str = "features"


class FspOptions(Places):
    """``initial_share``: of the epochs for a first stage of this term alone, as in the paper; 0 for one stage."""

    weight: float = Field(default=50, ge=0)
    task_weight: float = Field(default=1, ge=0)
    initial_share: float = Field(default=0, ge=0, lt=1)


class AbOptions(Strict):
    """``initial_share``: of the epochs, for the boundaries; then the student learns the task from its labels.

    Attributes:
        guided, hint: where student and teacher are looked at, before their activations.
        margin: that the student's pre-activations keep from zero.
        weight: of the deepest layer's term in the first stage; the next shallower one has half of it, and so on.
    """

    guided: str = PREACTIVATIONS
    hint: str = PREACTIVATIONS
    margin: float = Field(default=1, gt=0)
    weight: float = Field(default=3e-3, gt=0)
    initial_share: float = Field(default=0.125, gt=0, lt=1)


class FtOptions(Places):
    """``initial_share``: of the epochs, for the paraphraser alone; the student learns in the others.

    Attributes:
        guided: the student's layer whose translation follows the factor; the last one of those named.
        hint: the teacher's layer that is paraphrased; the last one of those named.
        factor: share of the teacher's channels that the factor has.
        power: of the differences between unit factors.
    """

    factor: float = Field(default=0.5, gt=0, le=4)
    power: float = Field(default=1, gt=0, le=10)
    weight: float = Field(default=200, ge=0)
    task_weight: float = Field(default=1, ge=0)
    initial_share: float = Field(default=0.125, gt=0, lt=1)


class SimkdOptions(Strict):
    """``factor``: by which the projector's inner layers have fewer channels than the teacher's last map."""

    factor: int = Field(default=2, ge=1, le=64)


class OfaBranchesOptions(Strict):
    """Logits made of the student's blocks, each taught by the teacher's.

    Attributes:
        branches: how many blocks have one, spread evenly; every block when left out.
        hidden: width of a further layer in each branch.
        sharpness: exponent on the teacher's target probability.
        temperature: of both sides.
        branch_weight, distill_weight, task_weight: of each branch, of the student's own logits, of the labels.
    """

    guided: str = "features"
    branches: int | None = Field(default=None, ge=1, le=64)
    hidden: int | None = Field(default=None, ge=1, le=65_536)
    sharpness: float = Field(default=1, gt=0)
    temperature: float = Field(default=1, gt=0, le=1000)
    branch_weight: float = Field(default=1, ge=0)
    distill_weight: float = Field(default=1, ge=0)
    task_weight: float = Field(default=1, ge=0)


def _last(to: str, source: str) -> dict[str, object]:
    """The last layers of those that two names stand for."""
    return {"points": PointPair(to=(to,), source=(source,)), "match": Kind(kind="last-k")}


def _initial(epochs: int, share: float) -> int:
    """Epochs of the first of two stages: at least one, and one is left."""
    return min(max(round(epochs * share), 1), epochs - 1)


def _fsp(options: FspOptions, epochs: int) -> tuple[Stage, ...]:
    flow = Term(
        points=PointPair(to=(options.guided,), source=(options.hint,)),
        distance=Kind(kind="fsp"),
        weight=options.weight,
        name="fsp",
    )
    if not options.initial_share or epochs < 2:
        return (Stage(name="distil", epochs=epochs, terms=(task(options.task_weight), flow)),)
    first = _initial(epochs, options.initial_share)
    return (
        Stage(name="initial", epochs=first, terms=(flow,)),
        Stage(name="task", epochs=epochs - first, terms=(task(options.task_weight),)),
    )


def _ab(options: AbOptions, epochs: int) -> tuple[Stage, ...]:
    boundary = Term(
        points=PointPair(to=(options.guided,), source=(options.hint,)),
        match=Kind(kind="forward-halving"),
        adapter=AdapterKind(kind="pointwise", options={"norm": True}),
        distance=Kind(kind="ab", options={"margin": options.margin}),
        weight=options.weight,
        name="ab",
    )
    first = _initial(epochs, options.initial_share)
    return (
        Stage(name="initial", epochs=first, terms=(boundary,)),
        Stage(name="task", epochs=epochs - first, terms=(task(),)),
    )


def _ft(options: FtOptions, epochs: int) -> MethodSpec:
    reconstruct = Term(
        to=PARAPHRASE, adapter=AdapterKind(kind="none"), distance=Kind(kind="mse"), name="reconstruction",
        **_last("reconstruction", options.hint),
    )  # fmt: skip
    follow = Term(
        source=(PARAPHRASE,), adapter=AdapterKind(kind="translator"), weight=options.weight, name="factor",
        distance=Kind(kind="ft", options={"power": options.power}), **_last(options.guided, "factor"),
    )  # fmt: skip
    first = _initial(epochs, options.initial_share)
    path = PathNetwork(path="paraphraser", options={"at": options.hint, "factor": options.factor})
    stages = (
        Stage(name="paraphrase", epochs=first, terms=(reconstruct,)),
        Stage(name="distil", epochs=epochs - first, terms=(task(options.task_weight), follow)),
    )
    return MethodSpec(networks={PARAPHRASE: path}, stages=stages)


def _simkd(options: SimkdOptions, epochs: int) -> MethodSpec:
    follow = Term(
        to=REUSED, adapter=AdapterKind(kind="none"), distance=Kind(kind="mse"), name="projected",
        **_last("projector", "features"),
    )  # fmt: skip
    path = PathNetwork(path="reuse", of="student", borrows="teacher", options={"factor": options.factor})
    stage = Stage(name="distil", epochs=epochs, terms=(follow,))
    return MethodSpec(networks={REUSED: path}, stages=(stage,), delivers=REUSED)


def _ofa_branches(options: OfaBranchesOptions, epochs: int) -> tuple[Stage, ...]:
    chosen = {"sharpness": options.sharpness, "temperature": options.temperature}
    branch = Term(
        points=PointPair(to=(options.guided,), source=("logits",)),
        match=Kind(kind="all", options={} if options.branches is None else {"k": options.branches}),
        adapter=AdapterKind(kind="classifier", options={} if options.hidden is None else {"hidden": options.hidden}),
        distance=Kind(kind="ofa_branch", options=chosen),
        weight=options.branch_weight,
        name="branches",
    )
    own = Term(distance=Kind(kind="ofa", options=chosen), weight=options.distill_weight)
    return (Stage(name="distil", epochs=epochs, terms=(task(options.task_weight), own, branch)),)


PHASED: Presets = {
    "fsp": Preset(
        "Flow of solution procedure", "Yim et al. 2017 (CVPR 2017)",
        "How the channels of consecutive layers go along with each other.",
        FspOptions, _fsp, kinds=("convolutional",),
        reconstruction=f"{ALL_BLOCKS} One stage with the weight of the public codes' tables; with initial_share the "
        "flow is learnt first and the task afterwards, as in the paper. Student layers of other channels than the "
        "teacher's go through a learned convolution (ours; the paper takes equal channels).",
    ),
    "ab": Preset(
        "Activation boundaries", "Heo et al. 2019 (AB, arXiv 1811.03233)",
        "First the student learns which of the teacher's units respond, then the task.",
        AbOptions, _ab, min_epochs=2, kinds=("convolutional",),
        reconstruction=f"{ALL_BLOCKS} The share of the first stage and the weight 3/1000 are those of RepDistiller.",
    ),
    "ft": Preset(
        "Factor transfer", "Kim et al. 2018 (FT, arXiv 1802.04977)",
        "A paraphraser learns the teacher's last layer in fewer channels; the student's translator follows it.",
        FtOptions, _ft, min_epochs=2, kinds=("convolutional",),
        reconstruction="The weight is that of the public codes' tables, where factors are averaged over channels "
        "first; here they are compared whole, as in the paper.",
    ),
    "simkd": Preset(
        "Reused classifier", "Chen et al. 2022 (SimKD, arXiv 2203.14001)",
        "The student learns the teacher's last map through a projector, and is delivered with the teacher's "
        "classifier behind it; labels take no part.",
        SimkdOptions, _simkd, kinds=("convolutional",),
    ),
    "ofa-branches": Preset(
        "OFA with branches", "Hao et al. 2023 (OFA-KD, arXiv 2310.19444)",
        "Every block of the student says what it sees in the teacher's words: for networks of different kinds.",
        OfaBranchesOptions, _ofa_branches,
        reconstruction="A branch averages over positions and maps to the classes; the paper's has convolutions or "
        "blocks of its own. One exponent for all branches.",
    ),
}  # fmt: skip
