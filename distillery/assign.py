"""`training.epochs=40`: changes of a spec, as one types them, as a JSON merge patch."""

from collections.abc import Iterable
from typing import Any

from distillery.specfile import SpecFileError, parse_spec_text


def assigned(texts: Iterable[str]) -> dict[str, Any]:
    """The merge patch of `PATH=VALUE` texts: VALUE is YAML, and nothing behind `=` leaves the field out.

    Raises:
        SpecFileError: a text without `=` or name, or two that contradict each other.
    """
    patch: dict[str, Any] = {}
    for text in texts:
        path, given, value = text.partition("=")
        names = path.strip().split(".")
        if not given or not all(names):
            raise SpecFileError(f"--set {text!r}: write PATH=VALUE, such as training.epochs=40.")
        _put(patch, names, _value(text, value), text)
    return patch


def _value(text: str, value: str) -> Any:
    return parse_spec_text(f"value: {value}", f"--set {text!r}").data["value"] if value.strip() else None


def _put(patch: dict[str, Any], names: list[str], value: Any, text: str) -> None:
    *outer, last = names
    for name in outer:
        patch = patch.setdefault(name, {})
        if not isinstance(patch, dict):
            raise SpecFileError(f"--set {text!r}: {name!r} has another value already.")
    if last in patch:
        raise SpecFileError(f"--set {text!r}: the field is set twice.")
    patch[last] = value
