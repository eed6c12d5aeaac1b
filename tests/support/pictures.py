"""Small pictures in archives, as users upload them, and hostile ones."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

from PIL import Image


def picture(shade: int, side: int = 8) -> bytes:
    """A PNG of one grey."""
    data = io.BytesIO()
    Image.new("L", (side, side), shade % 256).save(data, "PNG")
    return data.getvalue()


def archive(files: Mapping[str, bytes]) -> bytes:
    """A zip of these files."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as made:
        for name, content in files.items():
            made.writestr(name, content)
    return data.getvalue()


def two_classes(each: int = 12, side: int = 8) -> dict[str, bytes]:
    """Pictures of two classes in folders; no two are alike."""
    names = {
        f"{kind}/{number:04d}.png": number * 2 + (kind == "dark")
        for kind in ("dark", "light")
        for number in range(each)
    }
    return {name: _spotted(number, side) for name, number in names.items()}


def _spotted(number: int, side: int) -> bytes:
    made = Image.new("L", (side, side), 40)
    for bit in range(16):
        if number >> bit & 1:
            made.putpixel((bit % side, bit // side), 200)
    data = io.BytesIO()
    made.save(data, "PNG")
    return data.getvalue()
