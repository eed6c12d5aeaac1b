"""Cards: what is known of a dataset or a model that a user brought, once a worker has looked at it.

A card is written by the engine that inspected the files, kept by the service, and read by the planner, which opens no
file. `kdcore.data.pack` holds the files that a dataset's card describes.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from kdcore.spec.base import Name, Strict
from kdcore.spec.tasks import InputKind, TaskName

CARD_VERSION: Final = 1

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
SplitName = Literal["train", "validation", "test"]


class FileCard(Strict):
    """A file of a pack or of a model: its path within it, POSIX and relative, its digest and its size in bytes."""

    path: str
    sha256: Digest
    bytes: int = Field(ge=0)


class LicenceCard(Strict):
    """A licence that something was made under.

    Attributes:
        name: of the dataset or model that it is the licence of.
        licence: as its owner states it.
        via: names of the models that were made of it, one out of the other, the first made first.
        permission: by which the last of them was made, where the licence forbids derivatives.
    """

    name: Name
    licence: Name | None
    via: tuple[Name, ...] = ()
    permission: str | None = None


class InputCard(Strict):
    """What networks get.

    Attributes:
        kind: ``image`` uint8 [C, H, W]; ``series`` float32 [C, L]; ``table`` float32 [F]; ``tokens`` int64 [L].
        shape: of one example, without the batch.
        channels: names of a series' channels or a table's columns.
        rate_hz: samples a second of a series, where it is known.
        vocabulary: number of token ids; ids of special tokens by their names (``padding``, ``begin``, ``end``,
            ``separator``, ``mask``, ``unknown``) in ``special``.
        source_length: of tokens for an encoder-decoder: the first so many are the source, the rest what the decoder is
            given; None for everything else.
        tokenizer: path of ``tokenizer.json`` in the pack, where there is one.
    """

    kind: InputKind
    shape: tuple[int, ...]
    channels: tuple[str, ...] = ()
    rate_hz: float | None = None
    vocabulary: int | None = None
    special: dict[str, int] = {}
    source_length: int | None = None
    tokenizer: str | None = None


class TargetCard(Strict):
    """What networks are asked for.

    Attributes:
        classes: names of the classes or labels, in the order of their numbers; for regression the targets' names.
        ignored: of segmentation and generation, the target value that counts nowhere.
        mean, std: of regression targets in the training split; networks learn ``(target - mean) / std``.
        boxes: of detection, the most boxes that one picture has.
    """

    classes: tuple[str, ...]
    ignored: int | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    boxes: int | None = None


class SplitCard(Strict):
    """One split: examples, and how many examples (boxes, pixels, positive labels) each class has."""

    count: int = Field(ge=0)
    class_counts: tuple[int, ...] = ()
    groups: int | None = None


class DatasetCard(Strict):
    """A dataset that is ready.

    Attributes:
        splits: those that were given or cut when it was made; a job cuts the others from ``train``.
        grouped: whether its examples belong to groups (``groups.npy``) that no two splits may share.
        mean, std: by channel (column) over the training split, pictures on the scale 0 to 1; empty for tokens.
        flip: whether a mirrored picture keeps its label; None when nobody said.
        licence: as the user stated it.
        files: everything in the pack but the card.
        sha256: of the content: over splits, arrays and classes, not over times or names.
    """

    version: Literal[1] = CARD_VERSION
    name: Name
    task: TaskName
    input: InputCard
    target: TargetCard
    splits: dict[SplitName, SplitCard]
    grouped: bool = False
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    flip: bool | None = None
    licence: Name | None = None
    files: tuple[FileCard, ...] = ()
    sha256: Digest

    @property
    def num_outputs(self) -> int:
        """Classes, labels, target values, or token ids: what a network's last layer has."""
        return len(self.target.classes) or self.input.vocabulary or 1


class ModelCard(Strict):
    """A model that is ready.

    Attributes:
        kind: ``weights`` of an architecture that we build; ``onnx``, a graph that onnxruntime runs as it is;
            ``outputs``, a table of stored answers keyed by sample, with no network at all.
        architecture, options: what `kdcore.models.build` gets; of a black box ``options`` say how it is asked.
        task, input, classes: what it was made for, as far as it is known.
        num_outputs: of its last layer.
        mean, std: what its inputs were normalised with, by channel on the scale 0 to 1; empty: as the dataset is.
        parameters, macs: sizes; None where nobody can count them.
        layers: of ``weights``, whether every layer can be named in a spec.
        files: ``weights.safetensors``, ``model.onnx`` or ``outputs.safetensors``, and what belongs to it.
        report: what reading it found: keys mapped, missing, unexpected.
        licence: as the user stated it.
        made_under: of a student that a job left, the licences of what that job began with.
        sha256: over the files.
    """

    version: Literal[1] = CARD_VERSION
    name: Name
    kind: Literal["weights", "onnx", "outputs"]
    architecture: Name | None = None
    options: dict[str, Any] = {}
    task: TaskName | None = None
    input: InputCard | None = None
    classes: tuple[str, ...] = ()
    num_outputs: int | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    parameters: int | None = None
    macs: int | None = None
    files: tuple[FileCard, ...]
    report: dict[str, Any] = {}
    licence: Name | None = None
    made_under: tuple[LicenceCard, ...] = ()
    sha256: Digest
