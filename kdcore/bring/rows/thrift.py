"""Thrift's compact protocol, as far as Parquet's headers and footers need it, for bytes that nobody trusts.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from typing import Any

Fields = dict[int, Any]
"""A struct: values by the numbers of their fields."""

_DEPTH = 16
_WHOLE_NUMBERS = {3, 4, 5, 6}
_TRUE, _FALSE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 7, 8, 9, 10, 12


def struct(data: bytes, at: int = 0, depth: int = 0) -> tuple[Fields, int]:
    """The struct that begins at ``at``, and the place behind it.

    Raises:
        ValueError: when it makes no sense.
        IndexError: when the bytes end within it.
    """
    if depth > _DEPTH:
        raise ValueError("it is nested too deeply")
    fields: Fields = {}
    number = 0
    while (kind := data[at]) != 0:
        at += 1
        if kind >> 4:
            number += kind >> 4
        else:
            number, at = _zigzag(data, at)
        kind &= 15
        if kind in (_TRUE, _FALSE):
            fields[number] = kind == _TRUE
        else:
            fields[number], at = _value(data, at, kind, depth)
    return fields, at + 1


def _value(data: bytes, at: int, kind: int, depth: int) -> tuple[Any, int]:
    if kind in _WHOLE_NUMBERS:
        return _zigzag(data, at)
    if kind == _DOUBLE:
        return None, at + 8
    if kind == _BINARY:
        length, at = _varint(data, at)
        if at + length > len(data):
            raise IndexError
        return data[at : at + length], at + length
    if kind in (_LIST, _SET):
        return _list(data, at, depth + 1)
    if kind == _STRUCT:
        return struct(data, at, depth + 1)
    raise ValueError(f"it has a field of unknown kind {kind}")


def _list(data: bytes, at: int, depth: int) -> tuple[list[Any], int]:
    head = data[at]
    at += 1
    count, kind = head >> 4, head & 15
    if count == 15:
        count, at = _varint(data, at)
    if count > len(data):
        raise ValueError("it has a list longer than itself")
    found = []
    for _ in range(count):
        value, at = (data[at] == _TRUE, at + 1) if kind in (_TRUE, _FALSE) else _value(data, at, kind, depth)
        found.append(value)
    return found, at


def _zigzag(data: bytes, at: int) -> tuple[int, int]:
    value, at = _varint(data, at)
    return (value >> 1) ^ -(value & 1), at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("it has a number beyond 64 bits")
