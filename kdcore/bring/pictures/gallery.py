"""Many picture files to one array: headers are looked at first, then each picture is decoded and brought to size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from kdcore.bring.pictures.fitting import Placing, chosen_size
from kdcore.bring.pictures.opening import BadPicture, Header, decode, header
from kdcore.bring.room import Array, Room
from kdcore.spec.bringing import Size
from kdcore.spec.cards import InputCard


@dataclass(frozen=True)
class Gallery:
    """Pictures whose headers are good, and the form that all of them get.

    Attributes:
        names: their files in the tree.
        headers: one for each.
        size: width and height for all.
        fit: how they come to it.
        grey: whether they get one channel.
    """

    room: Room
    names: tuple[str, ...]
    headers: tuple[Header, ...]
    size: tuple[int, int]
    fit: Any
    grey: bool

    @property
    def card(self) -> InputCard:
        """What networks get."""
        channels = ("grey",) if self.grey else ("red", "green", "blue")
        return InputCard(kind="image", shape=(len(channels), self.size[1], self.size[0]), channels=channels)

    def take(self, places: Sequence[int]) -> Gallery:
        """The pictures at ``places``, to the same form."""
        return replace(
            self,
            names=tuple(self.names[place] for place in places),
            headers=tuple(self.headers[place] for place in places),
        )

    def placing(self, place: int) -> Placing:
        """Where the picture at ``place`` goes."""
        seen = self.headers[place]
        return Placing.of((seen.width, seen.height), self.size, self.fit)

    def figures(self) -> dict[str, Any]:
        """Sizes of the files' pictures, for the report: the commonest twenty."""
        sizes = Counter((seen.width, seen.height) for seen in self.headers)
        listed = [
            {"width": width, "height": height, "count": count} for (width, height), count in sizes.most_common(20)
        ]
        return {"sizes": listed, "grey": sum(seen.is_grey for seen in self.headers)}


def open_gallery(room: Room, names: Sequence[str], size: Size) -> Gallery:
    """Look at the headers of pictures; those that cannot be used are faults and are left out.

    Args:
        names: files of the tree.
    """
    good: list[tuple[str, Header]] = []
    room.steps.begin("scan", len(names))
    for name in names:
        try:
            good.append((name, header(room.tree.path(name), room.caps)))
        except BadPicture as error:
            room.found.fault(name, error.code, str(error))
        room.steps.advance()
    if not good:  # else everything is looked at, so that the report names all faults at once
        room.found.settle(0)
    headers = tuple(seen for _, seen in good)
    grey = all(seen.is_grey for seen in headers) if size.color == "auto" else size.color == "grey"
    chosen = chosen_size(size, Counter((seen.width, seen.height) for seen in headers))
    return Gallery(room, tuple(name for name, _ in good), headers, chosen, size.fit, grey)


def read_pictures(gallery: Gallery) -> tuple[Array, list[int]]:
    """Decode a gallery.

    Returns:
        uint8 [N, C, H, W], mapped, and the places in the gallery of the N pictures that could be decoded; others are
        faults.
    """
    room, card = gallery.room, gallery.card
    rows = room.rows("pictures", len(gallery.names), card.shape, np.uint8)
    kept: list[int] = []
    room.steps.begin("read", len(gallery.names))
    for place, name in enumerate(gallery.names):
        try:
            picture = decode(room.tree.path(name), room.caps, grey=gallery.grey)
            rows[len(kept)] = channels_first(gallery.placing(place).apply(picture))
            kept.append(place)
        except BadPicture as error:
            room.found.fault(name, error.code, str(error))
        room.steps.advance()
    return rows[: len(kept)], kept


def channels_first(picture: Image.Image) -> Array:
    """A picture's pixels, uint8 [C, H, W]."""
    pixels = np.asarray(picture)
    return pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)
