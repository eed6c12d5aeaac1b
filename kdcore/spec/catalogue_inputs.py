"""What a network is given, of any kind: which options follow from it, and the sizes that expressions read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kdcore.spec.catalogue_sizes import OPTIONS, Sizes
from kdcore.spec.tasks import InputKind

Shape = tuple[int, ...]

KINDS: Mapping[InputKind, str] = {
    "image": "pictures",
    "series": "series",
    "table": "rows of a table",
    "tokens": "token ids",
}
"""Each kind of input as sentences call it."""

_AXES: Mapping[InputKind, str] = {
    "image": "(channels, height, width)",
    "series": "(channels, length)",
    "table": "(features,)",
    "tokens": "(length,)",
}
SPECIAL = ("padding", "begin", "end", "separator", "mask", "unknown")
"""Special tokens whose ids a dataset may know."""
FOLLOWING = ("in_channels", "image_size", "length", "features", "vocabulary", "source_length", *SPECIAL)
"""Options that the input decides."""


@dataclass(frozen=True)
class Given:
    """One sample's input, without the batch.

    Attributes:
        kind: of the input.
        shape: pictures (C, H, W), series (C, L), rows of a table (F,), token ids (L,).
        vocabulary: how many token ids there are.
        source_length: of tokens for an encoder-decoder, how many of them are the source.
        special: ids of special tokens, as far as the dataset has them, by name.
    """

    kind: InputKind
    shape: Shape
    vocabulary: int | None = None
    source_length: int | None = None
    special: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(
        cls,
        shape: Shape,
        vocabulary: int | None = None,
        source_length: int | None = None,
        special: Mapping[str, int] | None = None,
    ) -> Given:
        """The kind told by the number of axes, token ids by their vocabulary.

        Raises:
            ValueError: a shape of no kind, sizes below one, or a source that leaves nothing to answer.
        """
        kinds: dict[int, InputKind] = {3: "image", 2: "series", 1: "table" if vocabulary is None else "tokens"}
        kind = kinds.get(len(shape))
        if kind is None or (vocabulary is not None and kind != "tokens"):
            shapes = ", ".join(f"{KINDS[kind]} {axes}" for kind, axes in _AXES.items())
            raise ValueError(f"input_shape={shape} is none of {shapes}; only token ids have a vocabulary")
        if min(size for size in (*shape, vocabulary, source_length) if size is not None) < 1:
            raise ValueError(f"input_shape={shape}: every size must be at least 1")
        if source_length is not None and (kind != "tokens" or source_length >= shape[0]):
            raise ValueError(f"source_length={source_length} must be shorter than the tokens (got {shape})")
        return cls(kind, tuple(shape), vocabulary, source_length, tuple(sorted((special or {}).items())))

    @classmethod
    def at(cls, kind: InputKind, sizes: Sizes, source: bool = False) -> Given:
        """The input that makes ``sizes``; the inverse of `sizes`."""
        match kind:
            case "image":
                return cls(kind, (sizes.channels, sizes.height, sizes.width))
            case "series":
                return cls(kind, (sizes.channels, sizes.height))
            case "table":
                return cls(kind, (sizes.channels,))
        length = sizes.height + (sizes.width if source else 0)
        return cls(kind, (length,), sizes.channels, sizes.width if source else None)

    def sizes(self, classes: int, options: Mapping[str, Any] | None = None) -> Sizes:
        """Sizes as expressions read them, those of ``options`` among them.

        Of series ``height`` is the length, of tables ``channels`` the features, of token ids ``channels`` the
        vocabulary, ``height`` the length of what is answered and ``width`` that of the source.
        """
        match self.kind:
            case "image":
                channels, height, width = self.shape
            case "series":
                (channels, height), width = self.shape, 1
            case "table":
                channels, height, width = self.shape[0], 1, 1
            case "tokens":
                source = self.source_length
                height = self.shape[0] - (source or 0)
                channels, width = self.vocabulary or 1, source or 0
        said = {OPTIONS[option]: value for option, value in (options or {}).items() if option in OPTIONS}
        return Sizes(height, width, classes, channels, **said)

    def options(self) -> dict[str, Any]:
        """Each option that follows from the input, with the value that it must have."""
        match self.kind:
            case "image":
                return {"in_channels": self.shape[0], "image_size": self.shape[1]}
            case "series":
                return {"in_channels": self.shape[0], "length": self.shape[1]}
            case "table":
                return {"features": self.shape[0]}
        source = {} if self.source_length is None else {"source_length": self.source_length}
        return {"vocabulary": self.vocabulary, "length": self.shape[0], **source, **dict(self.special)}
