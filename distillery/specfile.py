"""A spec file (YAML or JSON) as plain data, with the line of every field, and nothing in it left to guess."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TextIO

import yaml

from distillery.errors import DistilleryError, Problem, field_name

CORE = "tag:yaml.org,2002:"
MERGE = f"{CORE}merge"


class SpecFileError(DistilleryError):
    """The file cannot be read as a spec; says where and what to do."""


class _Loader(yaml.SafeLoader):
    """Safe YAML with YAML 1.2's plain words: `on` and `no` are text, `1e-3` is a number, a date is text."""


_PLAIN = {
    "null": (r"~|null|Null|NULL|", "~nN\0"),
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?[0-9]+", "-+0123456789"),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
}
_Loader.yaml_implicit_resolvers = {"<": [(MERGE, re.compile(r"^(?:<<)$"))]}
for _tag, (_pattern, _first) in _PLAIN.items():
    _Loader.add_implicit_resolver(
        f"{CORE}{_tag}", re.compile(f"^(?:{_pattern})$"), ["" if c == "\0" else c for c in _first]
    )


@dataclass
class SpecFile:
    """A parsed spec: `data` as the service takes it, `lines` from JSON pointer to line number (from 1)."""

    name: str
    data: dict[str, Any]
    lines: dict[str, int] = field(default_factory=dict)

    def where(self, pointer: str) -> str:
        """`file:line` of a field, or of the nearest one around it when the field itself is missing."""
        pointer = pointer.lstrip("#")
        while pointer and pointer not in self.lines:
            pointer = pointer.rpartition("/")[0]
        line = self.lines.get(pointer)
        return f"{self.name}:{line}" if line else self.name

    def explain(self, problem: Problem) -> str:
        """A fault that the service found, as a compiler would print it."""
        return f"{self.where(problem.pointer)}: {problem}"


def read_spec(path: Path, stdin: TextIO | None = None) -> SpecFile:
    """Read a spec file, or standard input for the path `-`; raises `SpecFileError`."""
    if str(path) == "-" and stdin is not None:
        return parse_spec_text(stdin.read(), "<stdin>")
    try:
        return parse_spec_text(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError as error:
        raise SpecFileError(f"{path}: there is no such file.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SpecFileError(f"{path}: cannot be read ({error}).") from error


def parse_spec_text(text: str, name: str) -> SpecFile:
    """Parse YAML or JSON; duplicate keys, foreign tags and values that JSON does not have are refused."""
    spec = SpecFile(name, {})
    try:
        # Tabs between JSON's tokens are legal there and not in YAML; inside its strings they cannot occur.
        loader = _Loader(text.replace("\t", " ") if _is_json(text) else text)
        node = loader.get_single_node()
        value = None if node is None else _Reader(spec).value(node, "")
    except yaml.YAMLError as error:
        raise SpecFileError(_yaml_message(name, error)) from error
    except RecursionError as error:
        raise SpecFileError(f"{name}: nested too deeply to be a spec.") from error
    if not isinstance(value, dict):
        raise SpecFileError(f"{name}: a spec is a mapping of fields (`name: ...`), this is {_kind(value)}.")
    spec.data = value
    return spec


class _Reader:
    """Turns YAML nodes into JSON values and notes the line of each."""

    def __init__(self, spec: SpecFile) -> None:
        self.spec = spec
        self.open: list[yaml.Node] = []

    def value(self, node: yaml.Node, pointer: str) -> Any:
        if any(node is outer for outer in self.open):
            self.refuse(node, pointer, "an anchor that contains itself cannot be sent")
        self.open.append(node)
        self.spec.lines.setdefault(pointer, node.start_mark.line + 1)
        try:
            if isinstance(node, yaml.MappingNode) and node.tag == f"{CORE}map":
                return self.mapping(node, pointer)
            if isinstance(node, yaml.SequenceNode) and node.tag == f"{CORE}seq":
                return [self.value(item, f"{pointer}/{index}") for index, item in enumerate(node.value)]
            return self.scalar(node, pointer)
        finally:
            self.open.pop()

    def mapping(self, node: yaml.MappingNode, pointer: str) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == MERGE:
                merged = self.merge(value_node, pointer) | merged
                continue
            key = self.value(key_node, pointer)
            if not isinstance(key, str):
                self.refuse(key_node, pointer, f"the key {key!r} is no text: put it in quotes")
            place = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            if key in own:
                first = self.spec.lines[place]
                self.refuse(key_node, place, f"the key is given twice (first in line {first}): keep one")
            self.spec.lines[place] = key_node.start_mark.line + 1
            own[key] = self.value(value_node, place)
        return merged | own

    def merge(self, node: yaml.Node, pointer: str) -> dict[str, Any]:
        """`<<: *base` or `<<: [*a, *b]`; the earlier one wins, as in YAML 1.1."""
        merged: dict[str, Any] = {}
        for source in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if not isinstance(source, yaml.MappingNode):
                self.refuse(source, pointer, "`<<` takes a mapping or a list of mappings")
            merged = self.mapping(source, pointer) | merged
        return merged

    def scalar(self, node: yaml.Node, pointer: str) -> Any:
        tag, text = node.tag.rpartition(":")[2], str(node.value)
        if not isinstance(node, yaml.ScalarNode) or tag not in _READ or not node.tag.startswith(CORE):
            self.refuse(node, pointer, f"the tag {node.tag!r} is not one that a spec may carry")
        try:
            # JSON writes an emoji as two surrogates; PyYAML leaves them apart.
            return _READ[tag](text.encode("utf-16", "surrogatepass").decode("utf-16"))
        except ValueError:
            return self.refuse(node, pointer, f"{text!r} is no value that a job can use")

    def refuse(self, node: yaml.Node, pointer: str, message: str) -> NoReturn:
        where = f"{self.spec.name}:{node.start_mark.line + 1}"
        field_path = field_name(pointer)
        raise SpecFileError(f"{where}: {field_path + ': ' if field_path else ''}{message}.")


def _float(text: str) -> float:
    if not math.isfinite(number := float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))):
        raise ValueError(text)
    return number


_READ: dict[str, Callable[[str], Any]] = {
    "null": lambda _: None,
    "bool": lambda text: text.lower() == "true",
    "int": int,
    "float": _float,
    "str": str,
}


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _yaml_message(name: str, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"{name}:{mark.line + 1}" if mark else name
    return f"{where}: {getattr(error, 'problem', None) or error} (this is not valid YAML)."


def _kind(value: object) -> str:
    names = {type(None): "empty", list: "a list", str: "a text", dict: "a mapping"}
    return names.get(type(value), json.dumps(value, default=lambda item: type(item).__name__))
