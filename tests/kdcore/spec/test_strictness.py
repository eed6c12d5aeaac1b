"""A number is a number: what looks like one in another type is refused wherever a spec asks for a number."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from kdcore.spec import JobSpec
from kdcore.spec.base import Strict


def models(kind: Any, seen: set[type]) -> Iterator[type[BaseModel]]:
    """Every model that a type can hold, itself included."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        if kind not in seen:
            seen.add(kind)
            yield kind
            for field in kind.model_fields.values():
                yield from models(field.annotation, seen)
        return
    for part in get_args(kind):
        yield from models(part, seen)


def plain(kind: Any) -> set[Any]:
    """The types of a union, without annotations."""
    if get_origin(kind) is Annotated:
        return plain(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return set().union(*(plain(part) for part in get_args(kind)))
    return {kind}


NUMBERS = [
    (model, name)
    for model in models(JobSpec, set())
    if issubclass(model, Strict)
    for name, field in model.model_fields.items()
    if plain(field.annotation) & {int, float} and not plain(field.annotation) & {str, bool, Any}
]


def test_there_are_many_numbers_in_a_spec() -> None:
    assert len(NUMBERS) > 40


@pytest.mark.parametrize(("model", "name"), NUMBERS, ids=[f"{model.__name__}.{name}" for model, name in NUMBERS])
@pytest.mark.parametrize("value", ["1", True, "0.5"], ids=repr)
def test_a_text_or_a_switch_is_no_number(model: type[Strict], name: str, value: Any) -> None:
    key = model.model_fields[name].alias or name
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(model).validate_python({key: value})
    assert key in {error["loc"][0] for error in refused.value.errors()}
