"""Relations of softened probabilities within a batch: of samples, of classes, and at several temperatures at once."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from kdcore.objective.distances.base import Classes, Context, Distance
from kdcore.objective.distances.decoupled import of_pictures, rows_kl
from kdcore.objective.distances.temperature import Temperature
from kdcore.spec.rooms.logits import MultiLevelOptions, TemperatureOptions


class GramOfProbabilities(Distance):
    """``||P_s P_s' - P_t P_t'||² / count`` over samples (batch) or classes, P the softened probabilities.

    Jin et al. 2023 (MLKD), section 3.3. Shapes: [B, N].
    """

    def __init__(self, options: TemperatureOptions, *, by_class: bool) -> None:
        super().__init__()
        self.temperature, self.by_class = Temperature(options.temperature), by_class
        self.name = "class_correlation" if by_class else "batch_correlation"

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed = of_pictures(student, teacher, self.name)
        T = self.temperature.at(context)
        q, p = F.softmax(student / T, 1), F.softmax(followed / T, 1)
        return gap_of_grams(q.T, p.T) if self.by_class else gap_of_grams(q, p)


def gap_of_grams(a: Tensor, b: Tensor, counts: Tensor | None = None) -> Tensor:
    """Squared difference of the Gram matrices of rows, by row; ``counts`` [rows] keeps some columns only."""
    gaps = (a @ a.T - b @ b.T).square()
    return (gaps if counts is None else gaps * counts).sum() / len(a)


class MultiLevel(Distance):
    """Instance, batch and class alignment, summed over several temperatures.

    ``Σ_T  a T² mean KL + b ||Gram of samples||² / B + c ||Gram of classes||² / N``, with only those samples and classes
    that the teacher is least sure of. Jin et al. 2023 (MLKD), sections 3.2 and 3.3, and the mask of its published code.
    Shapes: [B, N]. Zero at equality.
    """

    def __init__(self, options: MultiLevelOptions) -> None:
        super().__init__()
        self.options = options

    def measure(self, student: Tensor, teacher: Tensor | None, target: Tensor | None, context: Context) -> Tensor:
        followed = of_pictures(student, teacher, "multi_level")
        sure = F.softmax(followed, 1)
        samples, classes = self._least(sure.amax(1)), self._least(sure.sum(0))
        losses = [self._at(student / T, followed / T, samples, classes, T) for T in self.options.temperatures]
        return torch.stack(losses).sum()

    def _at(self, s: Tensor, t: Tensor, samples: Tensor, classes: Tensor, T: float) -> Tensor:
        o = self.options
        log_q, log_p = F.log_softmax(s, 1), F.log_softmax(t, 1)
        instance = (rows_kl(log_q, log_p) * samples).mean() * T * T
        q, p = log_q.exp(), log_p.exp()
        batch, by_class = gap_of_grams(q, p, samples), gap_of_grams(q.T, p.T, classes)
        return o.instance * instance + o.batch * batch + o.by_class * by_class

    def _least(self, confidence: Tensor) -> Tensor:
        """1 for those up to the quantile of confidence, else 0."""
        return (confidence <= confidence.quantile(self.options.share)).to(confidence.dtype)


CLASSES: Classes = {
    "batch_correlation": lambda options: GramOfProbabilities(options, by_class=False),
    "class_correlation": lambda options: GramOfProbabilities(options, by_class=True),
    "multi_level": MultiLevel,
}
