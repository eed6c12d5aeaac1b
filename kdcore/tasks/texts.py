"""Generation: answers are next-token logits, judged token by token, and at the end by what is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kdcore.data.examples import Examples
from kdcore.data.pack import read_split
from kdcore.generate import beam_search, writer_of
from kdcore.generate.rewriting import written
from kdcore.generate.scores import figures, statistics
from kdcore.measure.predict import device_of, evaluating
from kdcore.objective.distances import UNLABELLED
from kdcore.spec.generated import TeacherTexts, writing_plan
from kdcore.tasks.base import Figures, Judged, Task, share

TOKEN_COLUMNS = 3
MOST_CHECKED = 2**25
"""Numbers in the answers that exports are compared on."""
POSITIONS = 4096
"""Next tokens that are answered together: each has a logit for every token of the vocabulary."""
SEARCHED = TeacherTexts(beams=4)
"""How texts are written that are compared with references."""


class Generation(Task):
    """Next tokens [N, T] of V.

    Rows: right tokens, tokens that count, their negative log-likelihood in nats, [N, 3]; where texts were written, the
    columns of `kdcore.generate.scores` behind them.
    """

    name: ClassVar[str] = "generation"
    unknown: ClassVar[float] = UNLABELLED

    def statistics(self, answers: Tensor, targets: Tensor) -> Tensor:
        counted = targets != UNLABELLED
        right = (answers.argmax(-1) == targets) & counted
        losses = F.cross_entropy(answers.flatten(0, 1), targets.flatten(), ignore_index=UNLABELLED, reduction="none")
        rows = [right.sum(1), counted.sum(1), losses.view_as(targets).double().sum(1)]
        return torch.stack([row.double() for row in rows], 1)

    def figures(self, sums: Tensor) -> Figures:
        right, counted, loss = sums[..., :TOKEN_COLUMNS].unbind(-1)
        found = {"token_accuracy": share(right, counted), "perplexity": share(loss, counted).exp()}
        written = sums[..., TOKEN_COLUMNS:]
        return found | figures(written) if written.shape[-1] else found

    @property
    def most_checked(self) -> int | None:
        source = self.dataset.input.source_length or 0
        return max(1, MOST_CHECKED // ((self.dataset.input.shape[0] - source) * self.dataset.num_classes))

    def alike(self, answers: Tensor, others: Tensor) -> float:
        """Share of the tokens."""
        return float((answers.argmax(-1) == others.argmax(-1)).double().mean())

    def measured(self, network: nn.Module, inputs: Tensor, examples: Examples) -> tuple[Tensor, Judged]:
        """Token by token, and where the dataset has references by the beams that the network writes.

        The answers are empty: logits of a whole split would be too many to keep.
        """
        rows = self._by_token(network, inputs, examples)
        references = self._references(examples.origin)
        if references and inputs.shape[1:] == self.dataset.input.shape:  # stored outputs write nothing
            with evaluating(network), torch.no_grad():
                texts = [text for at in _parts(examples.targets.shape) for text in self._written(network, inputs[at])]
            rows = torch.cat([rows, statistics(texts, references)], 1)
        return torch.empty(len(inputs), 0), Judged(self, rows)

    def glanced(self, network: nn.Module, inputs: Tensor, examples: Examples) -> Judged:
        """Token by token: writing takes a forward pass for each token."""
        return Judged(self, self._by_token(network, inputs, examples))

    def _by_token(self, network: nn.Module, inputs: Tensor, examples: Examples) -> Tensor:
        device = device_of(network)
        with evaluating(network), torch.no_grad():
            parts = [
                self.statistics(network(inputs[at].to(device)).float().cpu(), examples.targets[at])
                for at in _parts(examples.targets.shape)
            ]
        return torch.cat(parts)

    def _written(self, network: nn.Module, inputs: Tensor) -> list[str]:
        given = inputs.to(device_of(network))
        plan = writing_plan(SEARCHED, self.name, self.dataset.input)
        writer = writer_of(network, given.shape[1], plan.padding)
        tokens = written(given, plan, lambda prompt, _: beam_search(writer, prompt, beams=SEARCHED.beams))
        texts: list[str] = self._tokenizer.decode_batch(tokens.tolist(), skip_special_tokens=True)
        return texts

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        assert self.pack is not None
        assert self.dataset.input.tokenizer is not None
        return Tokenizer.from_file(str(self.pack / self.dataset.input.tokenizer))

    def _references(self, origin: Tensor) -> list[Sequence[str]]:
        """The references of examples by their places in the dataset; none where the dataset has no such thing."""
        if self.pack is None or self.dataset.input.tokenizer is None:
            return []
        every = [record["references"] for split in _in_order(self.dataset.given) for record in self._records(split)]
        return [every[place] for place in origin.tolist()] if every else []

    def _records(self, split: Any) -> Sequence[Any]:
        assert self.pack is not None
        return read_split(self.pack, split).references


def _in_order(given: Sequence[str]) -> list[str]:
    return [name for name in ("train", "validation", "test") if name in given]


def _parts(shape: Sequence[int]) -> Iterator[slice]:
    size = max(1, POSITIONS // shape[1])
    return (slice(start, start + size) for start in range(0, shape[0], size))
