"""Texts: tokenizers, and the readers that make token ids of what users bring."""

from __future__ import annotations

from kdcore.bring.text.blocks import read_language
from kdcore.bring.text.classified import read_text
from kdcore.bring.text.generated import read_generation

__all__ = ["read_generation", "read_language", "read_text"]
