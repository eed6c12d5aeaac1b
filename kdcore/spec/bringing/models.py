"""How a user brings a model: weights of an architecture, a Hugging Face folder, an ONNX file, a table of outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from kdcore.spec.base import JobName, Name, SpecError, Strict, problems_of
from kdcore.spec.cards import InputCard
from kdcore.spec.networks import Options
from kdcore.spec.tasks import TaskName

Fragment = Annotated[str, Field(max_length=200)]
Positive = Annotated[float, Field(gt=0)]


class Rename(Strict):
    """One rule for the names of tensors; plain text, no patterns.

    Attributes:
        find: what is looked for.
        to: what stands there instead; nothing when left out.
        where: only at the ``start`` of a name, or ``anywhere``.
    """

    find: Annotated[str, Field(min_length=1, max_length=200)]
    to: Fragment = ""
    where: Literal["start", "anywhere"] = "start"


class BringingModel(Strict):
    """A model as its user describes it.

    Attributes:
        name: of the model.
        licence: as its authors state it.
        file: which file of the source, where it has several that would do.
        task: what it answers.
        input: what it takes.
        classes: names of its classes, labels or target values, in the order of its outputs.
        mean, std: what its inputs were normalised with, by channel on the scale 0 to 1; empty: as the dataset is.
    """

    name: JobName
    licence: Name | None = None
    file: Name | None = None
    task: TaskName = "classification"
    input: InputCard | None = None
    classes: tuple[Name, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[Positive, ...] = ()


class WeightsModel(BringingModel):
    """Weights of an architecture that we build: safetensors, or a file of tensors saved by PyTorch.

    Attributes:
        architecture, width, options: as of any network in a spec.
        outputs: of its last layer; read off the weights when left out, or as many as ``classes``.
        section: which part of a checkpoint holds the weights, such as ``ema``; found when left out.
        rename: rules for the names of its tensors, applied in turn before ours.
        by_order: match tensors by their order where names say nothing: the same kinds and shapes in the same order.
        strict: refuse a classifier of another size; else it begins anew, which only makes sense for further training.
    """

    format: Literal["weights"] = "weights"
    architecture: Name
    width: float | None = Field(default=None, gt=0, le=16)
    options: Options = {}
    outputs: int | None = Field(default=None, ge=1, le=100_000)
    section: Name | None = None
    rename: tuple[Rename, ...] = Field(default=(), max_length=64)
    by_order: bool = False
    strict: bool = True


class HuggingFaceModel(BringingModel):
    """A folder with ``config.json`` and safetensors, as transformers saves it.

    Attributes:
        strict: refuse a classifier of another size than ``classes``; else it begins anew.
    """

    format: Literal["huggingface"]
    strict: bool = True


class OnnxModel(BringingModel):
    """An ONNX file that onnxruntime runs as it is: a black box.

    Attributes:
        output: which output of the graph; its only one when left out.
        says: whether that is logits, or probabilities (that become logits by their logarithm); ``auto`` looks.
    """

    format: Literal["onnx"]
    output: Name | None = None
    says: Literal["auto", "logits", "probabilities"] = "auto"


class OutputsModel(BringingModel):
    """A table of stored outputs, keyed by sample: a teacher without a network.

    Columns of a CSV or Parquet file: ``name``, or ``split`` and ``index``; then ``output_0`` to ``output_<K-1>``, or
    ``value_0``, ``place_0``, ``value_1``, ... of the largest ones and perhaps ``rest``, the mass of all others.
    Arrays of an NPZ or safetensors file: ``outputs`` [N, K], or ``values`` and ``places`` [N, k] and perhaps ``rest``
    [N]; with ``split/`` before each name where the rows are those of a split in its order, else with the names of the
    samples in ``names`` (NPZ) or in a file ``names.txt`` beside it.

    Attributes:
        outputs: how many there are, where only the largest are stored.
        says: whether they are logits or probabilities; ``auto`` looks.
    """

    format: Literal["outputs"]
    outputs: int | None = Field(default=None, ge=1, le=1_000_000)
    says: Literal["auto", "logits", "probabilities"] = "auto"


AnyModel = Annotated[
    WeightsModel | HuggingFaceModel | OnnxModel | OutputsModel,
    Field(discriminator="format"),
]
_ADAPTER: TypeAdapter[WeightsModel | HuggingFaceModel | OnnxModel | OutputsModel] = TypeAdapter(AnyModel)

MODEL_FORMATS = ("weights", "huggingface", "onnx", "outputs")
"""Values of ``format`` that bring a model, and no dataset."""


def parse_model(data: Mapping[str, Any]) -> WeightsModel | HuggingFaceModel | OnnxModel | OutputsModel:
    """Validated options from decoded JSON or YAML; ``format`` is ``weights`` when left out.

    Raises:
        SpecError: every fault found, with a JSON pointer each.
    """
    try:
        return _ADAPTER.validate_python({"format": "weights", **data})
    except ValidationError as error:
        problems = problems_of(error)
        inner = [
            problem.model_copy(update={"pointer": problem.pointer.removeprefix(f"/{data.get('format', 'weights')}")})
            for problem in problems
        ]
        raise SpecError(inner) from None


__all__ = [
    "MODEL_FORMATS",
    "AnyModel",
    "BringingModel",
    "HuggingFaceModel",
    "OnnxModel",
    "OutputsModel",
    "Rename",
    "WeightsModel",
    "parse_model",
]
