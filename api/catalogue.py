"""What a spec may name: methods, architectures, datasets, and the schema of the spec itself."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Reader
from api.docs import problems
from api.errors import Fault, Refused
from api.paging import Paging, page_of
from api.resources import Page
from kdcore.spec import (
    DatasetInfo,
    JobSpec,
    MethodInfo,
    UnknownDataset,
    UnknownMethod,
    dataset_catalogue,
    dataset_info,
    method_info,
    methods,
)
from kdcore.spec.catalogue import (
    ArchitectureInfo,
    BadOption,
    Description,
    InputTooSmall,
    UnknownArchitecture,
    WrongInput,
    architecture_info,
    architectures,
    describe,
)

router = APIRouter(prefix="/v1", tags=["catalogue"])


class ArchitectureQuery(BaseModel):
    """What an architecture shall be described for; its own reference where nothing is said."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    dataset: str | None = Field(None, max_length=100, description="a dataset whose classes and pictures it gets")
    width: float | None = Field(None, gt=0, le=16, description="factor on the channels")


class ArchitectureDetail(BaseModel):
    """An architecture with every layer that a hook can capture."""

    object: Literal["architecture"] = "architecture"
    info: ArchitectureInfo
    num_classes: int
    input_shape: tuple[int, ...]
    description: Description


@router.get("/methods", operation_id="listMethods", responses=problems(422))
def list_methods(_: Reader, query: Paging) -> Page[MethodInfo]:
    """Every method by name, with its paper, its options and their defaults."""
    return page_of(methods(), lambda info: info.name, query)


@router.get("/methods/{name}", operation_id="getMethod", responses=problems(404))
def get_method(_: Reader, name: str) -> MethodInfo:
    """One method."""
    try:
        return method_info(name)
    except UnknownMethod as error:
        raise Refused("not_found", str(error)) from None


@router.get("/architectures", operation_id="listArchitectures", responses=problems(422))
def list_architectures(_: Reader, query: Paging) -> Page[ArchitectureInfo]:
    """Every architecture, with its size at its reference input; families have more names, see their pattern."""
    return page_of(architectures(), lambda info: info.name, query)


@router.get("/architectures/{name:path}", operation_id="getArchitecture", responses=problems(404, 422))
def get_architecture(_: Reader, name: str, query: Annotated[ArchitectureQuery, Query()]) -> ArchitectureDetail:
    """One architecture: layers, shapes, parameters and multiply-accumulates, for a dataset and a width."""
    try:
        info = architecture_info(name)
        dataset = dataset_info(query.dataset) if query.dataset else None
        classes = dataset.num_classes if dataset else info.reference_classes
        shape = dataset.input_shape if dataset else info.reference_input
        tokens: dict[str, Any] = {
            "vocabulary": info.reference_vocabulary,
            "source_length": info.reference_source_length,
        }
        options: dict[str, Any] = {} if query.width is None else {"width": query.width}
        given = {} if dataset else tokens
        description = describe(name, num_classes=classes, input_shape=shape, **given, **options)
    except UnknownArchitecture as error:
        raise Refused("not_found", str(error)) from None
    except UnknownDataset as error:
        raise _bad("dataset", "unknown_dataset", error) from None
    except InputTooSmall as error:
        raise _bad("dataset", "input_too_small", error) from None
    except WrongInput as error:
        raise _bad("dataset", "wrong_input", error) from None
    except BadOption as error:
        raise _bad(error.option, "invalid_value", error) from None
    return ArchitectureDetail(info=info, num_classes=classes, input_shape=shape, description=description)


def _bad(parameter: str, code: str, error: Exception) -> Refused:
    fault = Fault(parameter=parameter, code=code, detail=str(error))
    return Refused("invalid_request", "the architecture cannot be described so", errors=[fault])


@router.get("/datasets:builtin", operation_id="listBuiltinDatasets", responses=problems(422))
def list_builtin_datasets(_: Reader, query: Paging) -> Page[DatasetInfo]:
    """Every built-in dataset; those that need a folder are read from the operator's."""
    return page_of(dataset_catalogue(), lambda info: info.name, query)


@router.get("/schema/job", operation_id="getJobSchema")
def get_job_schema(_: Reader) -> dict[str, Any]:
    """The JSON schema of a job spec."""
    return JobSpec.model_json_schema(by_alias=True)
