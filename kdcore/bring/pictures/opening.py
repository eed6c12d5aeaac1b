"""One picture of a stranger: its header first, its pixels only when the header promises something sensible."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from kdcore.bring.caps import Caps

KINDS: Final = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
SUFFIXES: Final = (
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm",
)  # fmt: skip
GREY: Final = {"1", "L", "LA", "La", "I;16", "I;16B", "I;16L", "I"}
"""Pillow's modes of pictures without colours."""

_SIDEWAYS: Final = {5, 6, 7, 8}
_ORIENTATION: Final = 0x0112
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError, TypeError, struct.error, OverflowError)
"""What Pillow's readers raise on damaged files."""


class BadPicture(Exception):
    """A picture that cannot be used.

    Attributes:
        code: machine-readable.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True)
class Header:
    """What a picture says of itself: sides as they are shown, and whether it has colours."""

    width: int
    height: int
    is_grey: bool


def header(path: Path, caps: Caps) -> Header:
    """Read a picture's header.

    Raises:
        BadPicture: what is wrong with it.
    """
    with _opened(path, caps) as picture:
        width, height = picture.size
        if picture.getexif().get(_ORIENTATION) in _SIDEWAYS:
            width, height = height, width
        return Header(width, height, picture.mode in GREY)


def decode(path: Path, caps: Caps, *, grey: bool) -> Image.Image:
    """A picture's pixels, upright, as mode ``L`` or ``RGB``.

    Of an animation the first frame; 16 bits become 8; what is transparent becomes white.

    Raises:
        BadPicture: what is wrong with it.
    """
    with _opened(path, caps) as picture:
        picture.load()
        return _plain(ImageOps.exif_transpose(picture), "L" if grey else "RGB")


def decode_numbers(path: Path, caps: Caps) -> Image.Image:
    """The pixels of a picture whose values are numbers, mode ``L``, or ``RGB`` where they are colours.

    A palette's places are kept, not its colours. It is not turned, whatever it says.

    Raises:
        BadPicture: what is wrong with it.
    """
    with _opened(path, caps) as picture:
        picture.load()
        if picture.mode in {"P", "L"}:
            return Image.frombytes("L", picture.size, picture.tobytes())
        if picture.mode == "1":
            return picture.convert("L").point(lambda value: int(value > 0))
        if picture.mode in {"I", *(mode for mode in GREY if mode.startswith("I;"))}:
            return _narrow(picture)
        return picture.convert("RGB")


def _narrow(picture: Image.Image) -> Image.Image:
    low, high = picture.convert("I").getextrema()
    if isinstance(low, tuple) or isinstance(high, tuple) or low < 0 or high > 255:
        raise BadPicture("mask_value", f"it holds the number {high}, at most 255 are possible: use an 8-bit mask")
    return picture.convert("I").convert("L")


@contextmanager
def _opened(path: Path, caps: Caps) -> Iterator[Image.Image]:
    size = path.stat().st_size
    if size > caps.item_bytes:
        raise BadPicture("too_large", f"it has {size} bytes, allowed are {caps.item_bytes}: make it smaller")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=KINDS) as picture:
                _check_size(*picture.size, caps)
                yield picture
    except Image.DecompressionBombError:
        raise BadPicture("too_many_pixels", "it has far too many pixels: make it smaller") from None
    except UnidentifiedImageError:
        message = f"it is no picture of a kind that is read ({', '.join(KINDS)}): convert it or leave it out"
        raise BadPicture("not_a_picture", message) from None
    except _BROKEN as error:
        raise BadPicture("damaged", f"it cannot be decoded ({_first_line(error)}): upload it anew") from None


def _check_size(width: int, height: int, caps: Caps) -> None:
    if width * height > caps.pixels:
        message = f"it has {width} x {height} pixels, allowed are {caps.pixels} in all: make it smaller"
        raise BadPicture("too_many_pixels", message)
    if not width * height:
        raise BadPicture("damaged", f"it has {width} x {height} pixels: leave it out")


def _plain(picture: Image.Image, mode: str) -> Image.Image:
    if picture.mode in {"I", "I;16", "I;16B", "I;16L"}:
        wide = picture.convert("I")
        _, high = wide.getextrema()
        # Pillow calls the function with an expression that takes factors; its types say a number's.
        picture = (wide.point(lambda value: value * (1 / 257)) if high > 255 else wide).convert("L")  # type: ignore[operator]
    if picture.mode == "F":
        raise BadPicture("unsupported_pixels", "its pixels are fractions: save it with 8 or 16 bits a channel")
    if picture.mode in {"LA", "La", "PA", "RGBA", "RGBa"} or "transparency" in picture.info:
        shown = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", shown.size, "white"), shown)
    return picture.convert(mode)


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
