"""Texts, or pairs of texts, with a label each."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from kdcore.spec.bringing.rows import Column, LabelledRows
from kdcore.spec.bringing.tokenizers import TokenizerChoice, TokenizerTraining


def none_for_auto(value: Any) -> Any:
    """``auto`` as None."""
    return None if value == "auto" else value


AUTO = BeforeValidator(none_for_auto, json_schema_input_type=int | Literal["auto"] | None)


class Text(LabelledRows):
    """Rows with a text.

    Attributes:
        text: the column of texts.
        pair: the column of second texts, where two are compared.
        tokenizer: that makes ids of them.
        max_length: tokens of an example, special ones among them; longer ones are cut. ``auto``: what 99 of 100
            training examples need, at most 512.
    """

    format: Literal["text"] = "text"
    text: Column = "text"
    pair: Column | None = None
    tokenizer: TokenizerChoice = TokenizerChoice(train=TokenizerTraining())
    max_length: Annotated[Annotated[int, Field(ge=8, le=4096)] | None, AUTO] = 128

    @model_validator(mode="after")
    def _columns_differ(self) -> Self:
        if {self.text, self.pair} & set(self.target):
            raise ValueError("the target is one of the texts: name the column of the labels")
        if self.pair == self.text:
            raise ValueError("pair is the same column as text: name the other one")
        return self
