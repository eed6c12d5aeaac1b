"""Who writes the texts that a stage learns from, where it does not learn from the dataset's own."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from kdcore.spec.base import Strict
from kdcore.spec.cards import InputCard


class Texts(Strict):
    """What both writers have.

    Attributes:
        prompt: of sequences without a source and a separator, the share that is given and continued.
        max_new_tokens: most tokens that are written; what the dataset's length leaves when left out.
    """

    prompt: float = Field(default=0.25, gt=0, lt=1)
    max_new_tokens: int | None = Field(default=None, ge=1, le=65_536)


class TeacherTexts(Texts):
    """Texts that the teacher writes once, by beam search: Kim and Rush 2016 (SeqKD, arXiv 1606.07947), section 3.2.

    Attributes:
        by: always ``teacher``.
        beams: side by side.
        length_penalty: exponent on the length that a text's log-probability is divided by.
    """

    by: Literal["teacher"] = "teacher"
    beams: int = Field(default=5, ge=1, le=64)
    length_penalty: float = Field(default=1, ge=0, le=10)


class StudentTexts(Texts):
    """Texts that the student writes as it learns, by chance: Agarwal et al. 2024 (GKD, arXiv 2306.13649), algorithm 1.

    Only terms that follow another network are computed on them: the student's own tokens are no labels.

    Attributes:
        by: always ``student``.
        share: of the batches that are written so; the others are the dataset's.
        temperature: softens what is drawn from.
        top_p: share of the likeliest tokens that is drawn from.
    """

    by: Literal["student"] = "student"
    share: float = Field(default=0.5, gt=0, le=1)
    temperature: float = Field(default=1, gt=0, le=100)
    top_p: float = Field(default=1, gt=0, le=1)


def _spelt(value: Any) -> Any:
    return {"by": value} if isinstance(value, str) else value


def _by(value: Any) -> str | None:
    by = value.get("by", "teacher") if isinstance(value, dict) else getattr(value, "by", None)
    return {"teacher": "Teacher", "student": "Student"}.get(str(by))


Generated = Annotated[
    Annotated[TeacherTexts, Tag("Teacher")] | Annotated[StudentTexts, Tag("Student")],
    Discriminator(
        _by,
        custom_error_type="unknown_writer",
        custom_error_message="texts are written by teacher or student",
    ),
    BeforeValidator(_spelt, json_schema_input_type=TeacherTexts | StudentTexts | Literal["teacher", "student"]),
]
"""``teacher``, ``student``, or one of them with its options: ``{by: student, share: 0.5}``."""


class WritingPlan(Strict):
    """How a stage's texts are written, in tokens.

    Attributes:
        asked: by whom, and with what options.
        writer: the network that this is.
        source_length: tokens that are the source, 0 without any.
        separator: the token that ends the given part of a sequence, where one does.
        prompt: else, tokens behind the source that are given.
        steps: tokens that are written, at most.
        end: the token behind which nothing follows, where there is one.
        padding: what stands behind the end.
    """

    asked: Generated
    writer: str
    source_length: int
    separator: int | None
    prompt: int
    steps: int
    end: int | None
    padding: int


def writing_plan(asked: TeacherTexts | StudentTexts, writer: str, given: InputCard) -> WritingPlan:
    """The plan for a dataset of token ids."""
    source = given.source_length or 0
    length = given.shape[0] - source
    separator = None if source else given.special.get("separator")
    share = 0 if source or separator is not None else asked.prompt
    prompt = min(max(round(share * length), 1), length)
    return WritingPlan(
        asked=asked,
        writer=writer,
        source_length=source,
        separator=separator,
        prompt=prompt,
        steps=min(length - prompt + 1, asked.max_new_tokens or length),
        end=given.special.get("end"),
        padding=given.special.get("padding", 0),
    )
