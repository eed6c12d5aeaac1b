"""Methods for detectors: levels of the feature pyramid compared, alone or balanced against the detection loss."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from kdcore.spec.base import Strict
from kdcore.spec.objective import Kind, Stage, Term
from kdcore.spec.presets.base import NetworkKind, Preset, Presets, task
from kdcore.spec.rooms.detection import FocalOptions
from kdcore.spec.rooms.features import ChannelOptions

DETECTORS: tuple[NetworkKind, ...] = ("detector",)


class FgdOptions(FocalOptions):
    """The distance's own options; ``weight`` of the whole term."""

    weight: float = Field(default=1, ge=0)


class MgdOptions(Strict):
    """``weight`` of the term, and the ``share`` of positions that is hidden; the authors' for detectors."""

    weight: float = Field(default=2e-5, ge=0)
    share: float = Field(default=0.65, ge=0, lt=1)


class PkdOptions(Strict):
    """``weight`` of the term: 10 for one-stage detectors, 6 for two-stage ones."""

    weight: float = Field(default=10, ge=0)


class CwdOptions(ChannelOptions):
    """``weight`` of the term, and the temperature that each channel's map is softened by."""

    weight: float = Field(default=10, ge=0)
    temperature: float = Field(default=1, gt=0, le=1000)


class MokdDetectionOptions(Strict):
    """MoKD for detectors: the detection loss against all that the teacher says.

    Attributes:
        form: how the weights are found, see ``mokd``.
        logarithmic: weigh the gradients of the losses' logarithms.
        heads: compare the heads' outputs, too; needs a teacher with the student's anchors.
        temperature: of the heads' classes.
        features: weight of the pyramid's term beside that of the heads; 0 leaves it out.
    """

    form: Literal["exact", "amortised"] = "exact"
    logarithmic: bool = True
    heads: bool = True
    temperature: float = Field(default=1, gt=0)
    features: float = Field(default=1, ge=0)


def _levels(distance: Kind, weight: float) -> Term:
    """A term on every level of the pyramid."""
    return Term(points="fpn", distance=distance, weight=weight)


def _stage(*terms: Term, epochs: int, **more: Any) -> tuple[Stage, ...]:
    return (Stage(name="distil", epochs=epochs, terms=terms, **more),)


def _fgd(options: FgdOptions, epochs: int) -> tuple[Stage, ...]:
    distance = Kind(kind="fgd", options=options.model_dump(exclude={"weight"}))
    return _stage(task(), _levels(distance, options.weight), epochs=epochs)


def _mgd(options: MgdOptions, epochs: int) -> tuple[Stage, ...]:
    return _stage(task(), _levels(Kind(kind="mgd", options={"share": options.share}), options.weight), epochs=epochs)


def _pkd(options: PkdOptions, epochs: int) -> tuple[Stage, ...]:
    return _stage(task(), _levels(Kind(kind="pkd"), options.weight), epochs=epochs)


def _cwd(options: CwdOptions, epochs: int) -> tuple[Stage, ...]:
    distance = Kind(kind="cwd", options={"temperature": options.temperature})
    return _stage(task(), _levels(distance, options.weight), epochs=epochs)


def _mokd(options: MokdDetectionOptions, epochs: int) -> tuple[Stage, ...]:
    terms = [task()]
    if options.heads:
        terms.append(Term(distance=Kind(kind="kl", options={"temperature": options.temperature})))
    if options.features:
        terms.append(_levels(Kind(kind="pkd"), options.features))
    chosen: dict[str, Any] = {"form": options.form}
    if not options.logarithmic:
        chosen["logarithmic"] = False
    return _stage(*terms, epochs=epochs, balance={"student": Kind(kind="mokd", options=chosen)})


DETECTION: Presets = {
    "fgd": Preset(
        "Focal and global distillation", "Yang et al. 2022 (FGD, arXiv 2111.11837)",
        "Levels of the pyramid compared within boxes and outside them apart, where the teacher looks, and by how their "
        "positions relate.",
        FgdOptions, _fgd, kinds=DETECTORS,
        reconstruction="Weights are those of the authors' two-stage detectors; their RetinaNet takes gamma 5e-4.",
    ),
    "mgd-detection": Preset(
        "Masked generative distillation of detectors", "Yang et al. 2022 (MGD, arXiv 2205.01529)",
        "Every level of the teacher's pyramid generated from the student's with most of its positions hidden.",
        MgdOptions, _mgd, kinds=DETECTORS,
    ),
    "pkd-detection": Preset(
        "Pearson correlation of pyramids", "Cao et al. 2022 (PKD, arXiv 2207.02039)",
        "Every channel of every level standardised, then compared: also between detectors of different kinds.",
        PkdOptions, _pkd, kinds=DETECTORS,
    ),
    "cwd-detection": Preset(
        "Channel-wise distillation of detectors", "Shu et al. 2021 (CWD, arXiv 2011.13256)",
        "Every channel of every level read as a distribution over positions.",
        CwdOptions, _cwd, kinds=DETECTORS,
    ),
    "mokd-detection": Preset(
        "MoKD for detectors", "Hayder et al. 2025 (arXiv 2505.08170) and its successor DTO-KD (ICLR 2026)",
        "The detection loss and what the teacher's heads and pyramid say as objectives of equal rank, balanced anew in "
        "each step.",
        MokdDetectionOptions, _mokd, kinds=DETECTORS,
        reconstruction="The papers distil transformer detectors; here the teacher's side is the divergence of the "
        "heads' outputs and the correlation of the pyramids, one group together. See mokd for the balance itself.",
    ),
}  # fmt: skip
