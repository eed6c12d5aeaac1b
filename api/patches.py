"""Changes as documents: what a job's PATCH may name, and JSON merge patches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, ValidationError

from api.errors import Fault, Refused
from kdcore.spec.base import Strict, problems_of
from kdcore.spec.job import MAX_LABELS, JobName, LabelKey, LabelValue, Priority


class JobChange(Strict):
    """What to change; what is left out stays. A label that is null goes (RFC 7396)."""

    name: JobName = "unchanged"
    labels: dict[LabelKey, LabelValue | None] = Field(default={}, max_length=MAX_LABELS * 2)
    priority: Priority = 0

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that a body names, validated.

        Raises:
            Refused: each fault with its pointer.
        """
        try:
            change = cls.model_validate(body)
        except ValidationError as error:
            found = problems_of(error, sorted(cls.model_fields))
            faults = [Fault(pointer=p.pointer, code=p.code, detail=p.message) for p in found]
            raise Refused("invalid_request", "the change is not acceptable", errors=faults) from None
        return change.model_dump(exclude_unset=True)


def merged(document: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """A document with a JSON merge patch (RFC 7396, section 2) applied."""
    result = dict(document)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, Mapping):
            own = result.get(name)
            result[name] = merged(own if isinstance(own, Mapping) else {}, value)
        else:
            result[name] = value
    return result
