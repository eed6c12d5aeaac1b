"""Tokenizers: trained from the data that is brought, or brought along."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from kdcore.spec.base import Strict
from kdcore.spec.bringing.rows import Pattern


class TokenizerTraining(Strict):
    """How a tokenizer is learnt from the training split.

    Attributes:
        kind: ``wordpiece`` as BERT's; ``bpe`` over bytes as GPT-2's, which loses nothing; ``characters``.
        vocabulary: entries, special ones among them, at most.
        lowercase: of WordPiece: whether upper case and accents are taken away.
    """

    kind: Literal["wordpiece", "bpe", "characters"] = "wordpiece"
    vocabulary: int = Field(default=8000, ge=16, le=200_000)
    lowercase: bool = True


class TokenizerChoice(Strict):
    """Where the tokenizer comes from: exactly one of ``train`` and ``file``.

    Attributes:
        train: learn it.
        file: among the uploads: a ``tokenizer.json`` as Hugging Face's library writes it, or the ``vocab.txt`` of a
            WordPiece.
        lowercase: of a ``vocab.txt``.
    """

    train: TokenizerTraining | None = None
    file: Pattern | None = None
    lowercase: bool = True

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.train is None) == (self.file is None):
            raise ValueError("give train, to learn a tokenizer, or file, to use yours")
        return self
