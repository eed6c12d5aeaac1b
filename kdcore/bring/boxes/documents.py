"""Annotation files of strangers: JSON, XML, YAML and lists of lines, none larger than allowed, no entities, no tags."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn
from xml.etree import ElementTree

import yaml

from kdcore.bring.caps import Caps

LARGEST_SETTINGS = 1 << 20
"""Bytes of a YAML file."""


class BadDocument(Exception):
    """A file that cannot be read; the message ends with the remedy."""


def read_json(path: Path, caps: Caps) -> Any:
    """A JSON document.

    Raises:
        BadDocument: when it is too large or no JSON.
    """
    try:
        return json.loads(_text(path, caps.item_bytes), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadDocument(f"it is no JSON ({_first(error)}): export it anew") from None


def read_yaml(path: Path) -> Any:
    """A YAML document of plain values.

    Raises:
        BadDocument: when it is too large, no YAML, or holds tags.
    """
    try:
        return yaml.safe_load(_text(path, LARGEST_SETTINGS))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadDocument(f"it is no plain YAML ({_first(error)}): correct it") from None


def read_lines(path: Path, caps: Caps) -> list[str]:
    """The lines of a text, without blanks around them; empty ones are left out.

    Raises:
        BadDocument: when it is too large or no UTF-8.
    """
    return [line.strip() for line in _text(path, caps.item_bytes).splitlines() if line.strip()]


def read_xml(path: Path, caps: Caps) -> ElementTree.Element:
    """The root of an XML document; one with a document type is refused, since entities hide there.

    Raises:
        BadDocument: when it is too large or no XML.
    """
    if path.stat().st_size > caps.item_bytes:
        raise BadDocument(f"it has more than the {caps.item_bytes} bytes allowed: make it smaller")
    parser = ElementTree.XMLParser(target=_Builder())  # noqa: S314 - document types, and so entities, are refused
    try:
        parser.feed(path.read_bytes())
        root: ElementTree.Element = parser.close()
    except (ElementTree.ParseError, ValueError, LookupError, RecursionError) as error:
        raise BadDocument(f"it is no XML ({_first(error)}): export it anew") from None
    return root


class _Builder(ElementTree.TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
        """Refuse a document type."""
        raise BadDocument(f"it has a document type ({name!r}): export it without one")


def _text(path: Path, largest: int) -> str:
    if path.stat().st_size > largest:
        raise BadDocument(f"it has more than the {largest} bytes allowed: make it smaller")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadDocument(f"it is no UTF-8 (byte {error.start}): save it as UTF-8") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}")


def _first(error: BaseException) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else (str(error).splitlines() or ["damaged"])[0]
