"""What users brought, as the planner sees it: cards by the ids (or folders) that a spec names, and no files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kdcore.spec.cards import DatasetCard, ModelCard

DATASET_FOLDER = "inputs/dataset"
"""Where a job's engine finds the pack of its dataset, relative to the job's folder."""


def model_folder(network: str) -> str:
    """Where a job's engine finds the files of the model that ``network`` is, relative to the job's folder."""
    return f"inputs/models/{network}"


@dataclass(frozen=True)
class BroughtDataset:
    """A version of a dataset that is ready.

    Attributes:
        version: its number; None for a pack on the user's own disk.
        folder: of the pack, as the engine will find it.
    """

    card: DatasetCard
    version: int | None = None
    folder: str = DATASET_FOLDER


WEIGHTS, GRAPH, TABLE = "weights.safetensors", "model.onnx", "outputs.safetensors"
"""Files of a brought model by its kind."""


@dataclass(frozen=True)
class BroughtModel:
    """A version of a model that is ready.

    Attributes:
        version: its number; None for one on the user's own disk.
        folder: of its files, as the engine will find it; None for where the network's files are put.
    """

    card: ModelCard
    version: int | None = None
    folder: str | None = None

    def file(self, network: str) -> str:
        """The file that ``network`` comes from, relative to the job's folder."""
        name = {"weights": WEIGHTS, "onnx": GRAPH, "outputs": TABLE}[self.card.kind]
        return f"{self.folder or model_folder(network)}/{name}"


@dataclass(frozen=True)
class Brought:
    """Everything of the kind that one spec names.

    Attributes:
        datasets: by id (``ds_...``), or for ``python -m kdcore`` by path.
        models: by id and choice of version (``mdl_...``, ``mdl_.../3``, ``mdl_...@champion``), or by path.
    """

    datasets: Mapping[str, BroughtDataset] = field(default_factory=dict)
    models: Mapping[str, BroughtModel] = field(default_factory=dict)


NOTHING = Brought()
