"""Texts to be continued, and sources with the texts to be written for them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from kdcore.spec.base import Strict
from kdcore.spec.bringing.rows import Column, Encoding, FilesBringing, Pattern, RowsBringing
from kdcore.spec.bringing.text import AUTO
from kdcore.spec.bringing.tokenizers import TokenizerChoice, TokenizerTraining
from kdcore.spec.cards import SplitName

Length = Annotated[Annotated[int, Field(ge=4, le=4096)] | None, AUTO]

BYTES = TokenizerChoice(train=TokenizerTraining(kind="bpe"))


class Language(FilesBringing):
    """Plain texts, for networks that continue them. Splits that were not given are cut by position: the test split is
    the end of all files, validation what comes before it.

    Attributes:
        encoding: of the files.
        tokenizer: that makes ids of them.
        block: tokens of an example; blocks lie one behind the other.
    """

    format: Literal["language"] = "language"
    encoding: Encoding = "auto"
    tokenizer: TokenizerChoice = BYTES
    block: int = Field(default=256, ge=8, le=8192)


class Parallel(Strict):
    """Two files, line i of one with line i of the other."""

    source: Pattern
    target: Pattern


class Generation(RowsBringing):
    """Sources, each with a text to be written for it, or several.

    Splits for evaluation have one example for each source, with all of its texts as references.

    Attributes:
        text, target: columns of sources and of what is written for them; ``a.b`` is key b of the objects in column a.
            Lists of a source are written as ``x | y | z``, lists of lists as ``x | y ; z | w``; each entry of a
            target's list is a reference.
        parallel: by split, instead of columns: a file of sources and a file of targets.
        layout: ``encoder-decoder``: ids are the source, then what the decoder is given. ``causal``: source and target
            are one sequence, of which the target is learnt.
        source_length, target_length: tokens, special ones among them; ``auto``: what 99 of 100 training examples need,
            at most 512.
        tokenizer: that makes ids of both.
    """

    format: Literal["generation"] = "generation"
    text: Column = "source"
    target: Column = "target"
    parallel: dict[SplitName, Parallel] = {}
    layout: Literal["encoder-decoder", "causal"] = "encoder-decoder"
    source_length: Length = None
    target_length: Length = None
    tokenizer: TokenizerChoice = BYTES

    @model_validator(mode="after")
    def _lines_or_columns(self) -> Self:
        if self.parallel and (self.files or self.splits):
            raise ValueError("parallel names all files: leave files and splits out")
        if self.parallel and "train" not in self.parallel:
            raise ValueError("parallel lacks train: name its files")
        if self.text == self.target:
            raise ValueError("text and target are the same column: name two")
        return self
