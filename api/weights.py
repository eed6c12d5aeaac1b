"""Pretrained weights in the operator's folder, which a model can be brought from."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter

from api.auth import Reader
from api.resources import LocalWeights, Page
from api.services import AppServices, Services
from kdcore.spec.catalogue import architectures
from store import imports
from store.errors import Invalid
from store.settings import WEIGHTS

router = APIRouter(tags=["models"])

LOCAL_MAX = 1000
ENDINGS = (".safetensors", ".pt", ".pth", ".th", ".bin", ".onnx")


@router.get("/v1/models:local", operation_id="listLocalWeights")
def list_local_weights(caller: Reader, services: AppServices) -> Page[LocalWeights]:
    """Files in the operator's folder of pretrained weights, with the architectures that their names speak of."""
    return Page(data=list(_local(services)))


def _local(services: Services) -> Iterator[LocalWeights]:
    """Files of the operator's folder, as far as they can be weights."""
    if services.settings.weights is None:
        return
    try:
        found = imports.opened(services.settings.places[WEIGHTS]).files("")
        for number, file in enumerate(file for file in found if file.path.lower().endswith(ENDINGS)):
            if number >= LOCAL_MAX:
                return
            place = f"{WEIGHTS}/{file.path}"
            yield LocalWeights(imported=place, name=file.path, bytes=file.bytes, architectures=_spoken_of(file.path))
    except (Invalid, OSError):  # not there, or not ours to read: nothing can be imported from it
        return


def _spoken_of(path: str) -> list[str]:
    """Architectures whose name the file's begins with, the longest first."""
    stem = path.rpartition("/")[2].lower().replace("-", "_").replace(".", "_")
    names = [(one.name.rpartition("/")[2].lower().replace("-", "_"), one.name) for one in architectures()]
    fitting = [(short, full) for short, full in names if stem == short or stem.startswith(f"{short}_")]
    longest = max((len(short) for short, _ in fitting), default=0)
    return [full for short, full in fitting if len(short) == longest]
