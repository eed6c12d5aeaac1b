"""What every part of a spec shares: strict models, and errors that name field, value and remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    ValidationError,
)
from pydantic_core import CoreSchema, ErrorDetails

from kdcore.spec.strictness import literal_numbers


class Strict(BaseModel):
    """A model that refuses unknown fields, NaN and infinity, and never changes after validation."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Numbers are numbers and switches are switches, as the JSON schema says: ``"5"`` and ``true`` are no numbers.

        Whole floats are integers, as in JSON; pydantic's own strictness would refuse those, and lists for tuples.
        """
        return literal_numbers(handler(source), cls)


def _spelt_out(value: Any) -> Any:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else value


Switch = Annotated[Literal["auto", "on", "off"], BeforeValidator(_spelt_out)]
"""A choice that YAML spells as its own yes and no: its ``on`` and ``off`` arrive as booleans."""


class Problem(BaseModel):
    """One fault of a spec.

    Attributes:
        pointer: JSON pointer into the spec (RFC 6901), such as ``/student/architecture``.
        code: stable machine-readable name of the fault.
        message: the value, what is wrong with it, and the remedy.
    """

    pointer: str
    code: str
    message: str


class SpecError(ValueError):
    """A spec that cannot become a plan; ``problems`` lists every fault that was found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(f"{p.pointer or '/'}: {p.message}" for p in self.problems))


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The known names most like ``name``, best first."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=count, cutoff=0.4)
    return close or [known_name for known_name in names if name and name in known_name][:count]


def suggestion(name: str, known: Iterable[str]) -> str:
    """A sentence that names the nearest known names, or all of a short list."""
    names = list(known)
    close = nearest(name, names)
    if close:
        return f"nearest: {', '.join(close)}"
    return f"known: {', '.join(names[:12])}{' ...' if len(names) > 12 else ''}"


def pointer(*parts: str | int) -> str:
    """A JSON pointer from its parts, escaped as RFC 6901 asks."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def problems_of(error: ValidationError, fields: Sequence[str] = ()) -> list[Problem]:
    """Pydantic's errors as problems of ours; ``fields`` are offered as the nearest names."""
    details = error.errors(include_url=False)
    return [_problem(detail, fields) for detail in details if not _follows(detail, details)]


def _follows(detail: ErrorDetails, details: Sequence[ErrorDetails]) -> bool:
    """Whether a list is only too short because an entry of it, which is told of, is faulty."""
    place = detail["loc"]
    inside = (other["loc"] for other in details if len(other["loc"]) > len(place))
    return detail["type"] == "too_short" and any(loc[: len(place)] == place for loc in inside)


def _problem(detail: ErrorDetails, fields: Sequence[str]) -> Problem:
    location = [part for part in detail["loc"] if not _is_union_tag(part)]
    value = detail.get("input")
    if detail["type"] == "extra_forbidden":
        name = str(location[-1])
        message = f"unknown field {name!r}; {suggestion(name, fields)}" if fields else f"unknown field {name!r}"
        return Problem(pointer=pointer(*location), code="unknown_field", message=message)
    code = "missing_field" if detail["type"] == "missing" else "invalid_value"
    shown = "" if detail["type"] == "missing" else f" (got {_short(value)})"
    return Problem(pointer=pointer(*location), code=code, message=f"{detail['msg']}{shown}")


def _is_union_tag(part: str | int) -> bool:
    """Pydantic puts the tried member of a union into the location; a JSON pointer must not hold it."""
    return part in UNION_TAGS


UNION_TAGS = {"Number", "Ramp", "One", "Pair", "Preset", "Objective", "Path", "Peer", "Further", "Learned",
              "Range", "Choices"}  # fmt: skip
"""Tags of the spec's unions; capitalised, so that no field is called like one."""


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def printable(value: str) -> str:
    """The text without blanks around it; a name goes into logs and headers, so it holds no control characters."""
    if not value.isprintable():
        raise ValueError("must not hold control characters")
    return value.strip()


# The bounds stand before the validator: after it, pydantic counts "items", not characters.
Name = Annotated[str, Field(max_length=200), AfterValidator(printable)]
ShortName = Annotated[str, Field(min_length=1, max_length=40), AfterValidator(printable)]
JobName = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(printable)]
