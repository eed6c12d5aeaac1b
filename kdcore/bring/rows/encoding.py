"""Encodings of text files: taken where they are certain, refused by line and byte where they are not."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from kdcore.bring.rows.chunks import Unreadable
from kdcore.spec.bringing.rows import Encoding

_WIDE = "utf-16"


@contextmanager
def opened(path: Path, codec: str, newline: str | None = None) -> Iterator[tuple[TextIO, Callable[[], int]]]:
    """A text file, and what says how many of its bytes were read."""
    with path.open("rb") as raw, io.TextIOWrapper(raw, codec, newline=newline) as text:
        yield text, raw.tell


_BLOCK = 1 << 20


def codec_of(path: Path, stated: Encoding, longest: int) -> str:
    """The codec that reads the whole file.

    Args:
        stated: by the user; ``auto`` for UTF-8, or what a byte order mark says.
        longest: line, in bytes.

    Raises:
        Unreadable: when a byte does not fit, when the file is plainly in another encoding, or no text at all.
    """
    codec = _by_mark(path, stated)
    if codec == _WIDE:
        _check_wide(path, longest)
    else:
        _check_lines(path, codec, longest, certain=stated in ("auto", "utf-8"))
    return codec


def _by_mark(path: Path, stated: Encoding) -> str:
    with path.open("rb") as file:
        head = file.read(4)
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise Unreadable("wrong_encoding", "has the mark of UTF-32, which nobody needs: save it as UTF-8")
    wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if wide and stated in ("auto", _WIDE):
        return _WIDE
    if wide:
        raise Unreadable("wrong_encoding", f"has the mark of UTF-16, not {stated}: say encoding: utf-16")
    if stated == _WIDE:
        raise Unreadable("wrong_encoding", "has no byte order mark, as UTF-16 needs one here: save it as UTF-8")
    if head.startswith(codecs.BOM_UTF8):
        if stated not in ("auto", "utf-8"):
            raise Unreadable("wrong_encoding", f"has the mark of UTF-8, not {stated}: say encoding: utf-8")
        return "utf-8-sig"
    return "utf-8" if stated == "auto" else stated


def _check_wide(path: Path, longest: int) -> None:
    decoder, lines, length = codecs.getincrementaldecoder(_WIDE)(), 1, 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            try:
                text = decoder.decode(block)
            except UnicodeDecodeError as error:
                raise Unreadable("wrong_encoding", f"is no UTF-16 after line {lines} ({error.reason})") from None
            for number, part in enumerate(text.split("\n")):
                lines, length = (lines + 1, len(part)) if number else (lines, length + len(part))
                if length > longest:
                    raise _too_long(lines, longest)
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise Unreadable("truncated", "ends within a character of UTF-16: the file is cut short") from None


def _too_long(line: int, longest: int) -> Unreadable:
    message = f"line {line} has more than {longest} bytes: the file is no table, or needs line breaks"
    return Unreadable("line_too_long", message)


def _check_lines(path: Path, codec: str, longest: int, *, certain: bool) -> None:
    foreign = first = alike = 0
    for number, line in _lines(path, longest):
        if line.isascii():
            if b"\0" in line:
                raise Unreadable("no_text", f"line {number} has a zero byte: the file is no text, or UTF-16 unmarked")
            continue
        _decoded(line, number, codec)
        if not certain:
            foreign += 1
            alike += _is_utf8(line)
            first = first or number
    if foreign and alike == foreign:
        message = f"is UTF-8, not {codec}: line {first} would be garbled; say encoding: utf-8"
        raise Unreadable("wrong_encoding", message)


def _lines(path: Path, longest: int) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(longest + 1):
            number += 1
            if len(line) > longest:
                raise _too_long(number, longest)
            yield number, line


def _decoded(line: bytes, number: int, codec: str) -> None:
    try:
        text = line.decode(codec)
    except UnicodeDecodeError as error:
        byte = line[error.start]
        message = f"line {number} has byte 0x{byte:02x} at place {error.start + 1}, which is no {_title(codec)}"
        raise Unreadable("wrong_encoding", f"{message}: say reading.encoding, such as {_other(codec)}") from None
    if "\0" in text:
        raise Unreadable("no_text", f"line {number} has a zero byte: the file is no text, or UTF-16 unmarked")
    control = next((place for place, letter in enumerate(text) if "\x80" <= letter <= "\x9f"), None)
    if control is not None and codec == "latin-1":
        message = f"line {number} has byte 0x{line[control]:02x} at place {control + 1}, a control character of latin-1"
        raise Unreadable("wrong_encoding", f"{message}: say encoding: cp1252")


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _title(codec: str) -> str:
    return codec.removesuffix("-sig").upper() if codec.startswith("utf") else codec


def _other(codec: str) -> str:
    return "latin-1 or cp1252" if codec.startswith("utf") else "utf-8"
