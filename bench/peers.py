"""The others: a step as one writes it by hand, torchdistill's own classes, and RepDistiller's NST and FSP.

Not a command. Handwritten steps and torchdistill's are in plain float32: teacher in evaluation mode without gradient,
both networks run to their logits, features come through forward hooks, SGD. torchdistill's box is its real one, built
from the dictionaries that its YAML files hold.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SGD = {"lr": 0.001, "momentum": 0.9, "weight_decay": 5e-4, "nesterov": True}
ENDS = ("stages.0", "stages.1", "stages.2")
REVIEWED = (64, 128, 256, 256)
"""Channels of the maps that ReviewKD fuses: the ends of the stages, and the last of them averaged."""
SIZES = (32, 16, 8, 1)

Loss = Callable[[Mapping[str, Tensor], Mapping[str, Tensor], Tensor], Tensor]
"""From what student and teacher say by layer (logits under ``logits``), and the labels."""


class Heard:
    """A network with hooks that keep what its layers give."""

    def __init__(self, network: nn.Module, layers: Sequence[str]) -> None:
        self.network, self.said = network, dict[str, Tensor]()
        for path in layers:
            network.get_submodule(path).register_forward_hook(self._keep(path))

    def _keep(self, path: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
            self.said[path] = output

        return hook

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        """One forward pass."""
        logits = self.network(images)
        return {**self.said, "logits": logits}


@dataclass(frozen=True)
class Bare:
    """A method by hand.

    Attributes:
        loss: of what both say.
        student, teacher: layers that are listened to.
        modules: learnt beside the student.
    """

    loss: Loss
    student: tuple[str, ...] = ()
    teacher: tuple[str, ...] = ()
    modules: nn.Module | None = None

    def step(self, student: nn.Module, teacher: nn.Module) -> Callable[[Tensor, Tensor], None]:
        """One optimiser step on pictures and labels."""
        own, followed = Heard(student.train(), self.student), Heard(teacher.eval(), self.teacher)
        modules = nn.ModuleList([] if self.modules is None else [self.modules])
        modules.to(next(student.parameters()).device)
        optimizer = torch.optim.SGD([*student.parameters(), *modules.parameters()], **SGD)

        def step(images: Tensor, labels: Tensor) -> None:
            with torch.no_grad():
                said = followed(images)
            loss = self.loss(own(images), said, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        return step


def soft(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Hinton's term without its factor."""
    return F.kl_div(F.log_softmax(student / temperature, 1), F.softmax(teacher / temperature, 1), reduction="batchmean")


def hinton(s: Mapping[str, Tensor], t: Mapping[str, Tensor], labels: Tensor) -> Tensor:
    return 0.1 * F.cross_entropy(s["logits"], labels) + 0.9 * 16 * soft(s["logits"], t["logits"], 4)


def imitation(s: Mapping[str, Tensor], t: Mapping[str, Tensor], labels: Tensor) -> Tensor:
    """The second stage of FitNets, half way of its ramp from 4 to 1."""
    softened = -(F.softmax(t["logits"] / 3, 1) * F.log_softmax(s["logits"] / 3, 1)).sum(1).mean()
    return F.cross_entropy(s["logits"], labels) + 2.5 * softened


def hint(student: str, teacher: str) -> Loss:
    """FitNets' hint between two layers of equal shape, divided by the teacher's power."""

    def loss(s: Mapping[str, Tensor], t: Mapping[str, Tensor], labels: Tensor) -> Tensor:
        followed = t[teacher]
        return (s[student] - followed).square().sum(1).mean() / followed.square().sum(1).mean()

    return loss


def dkd(s: Mapping[str, Tensor], t: Mapping[str, Tensor], labels: Tensor) -> Tensor:
    """mdistiller's form: masks added to logits, alpha 1, beta 8, temperature 4."""
    student, teacher = s["logits"], t["logits"]
    own = torch.zeros_like(student).scatter_(1, labels[:, None], 1).bool()
    p, q = F.softmax(teacher / 4, 1), F.softmax(student / 4, 1)
    p2, q2 = (torch.stack([(x * own).sum(1), (x * ~own).sum(1)], 1) for x in (p, q))
    target = F.kl_div(torch.log(q2), p2, reduction="batchmean") * 16
    rest = F.kl_div(F.log_softmax(student / 4 - 1000.0 * own, 1), F.softmax(teacher / 4 - 1000.0 * own, 1),
                    reduction="batchmean") * 16  # fmt: skip
    return F.cross_entropy(student, labels) + target + 8 * rest


def nst(s: Mapping[str, Tensor], t: Mapping[str, Tensor], labels: Tensor) -> Tensor:
    """With the three Gram matrices that one writes today."""

    def alike(a: Tensor, b: Tensor) -> Tensor:
        return torch.bmm(a, b.transpose(1, 2)).square().mean()

    total = F.cross_entropy(s["logits"], labels)
    for path in ENDS:
        own, followed = (F.normalize(x[path].flatten(2), dim=2) for x in (s, t))
        total = total + 50 * (alike(followed, followed) + alike(own, own) - 2 * alike(own, followed))
    return total


def flow(first: Tensor, second: Tensor) -> Tensor:
    first = F.adaptive_avg_pool2d(first, second.shape[2:]).flatten(2)
    return torch.bmm(second.flatten(2), first.transpose(1, 2)) / first.shape[2]


def fsp(s: Mapping[str, Tensor], t: Mapping[str, Tensor], labels: Tensor) -> Tensor:
    total = F.cross_entropy(s["logits"], labels)
    for a, b in pairwise(ENDS):
        total = total + 50 * F.mse_loss(flow(s[a], s[b]), flow(t[a], t[b]))
    return total


def transport(s: Mapping[str, Tensor], t: Mapping[str, Tensor], labels: Tensor) -> Tensor:
    """The published KD2M: the plan by POT, the loss through the cost."""
    import ot

    own, followed = s["pool"], t["pool"]
    weights = torch.full((len(own),), 1 / len(own))
    cost = torch.cdist(own, followed).square()
    plan = ot.emd(weights.numpy(), weights.numpy(), cost.detach().cpu().double().numpy())
    matched = (torch.as_tensor(plan, dtype=cost.dtype, device=cost.device) * cost).sum()
    return F.cross_entropy(s["logits"], labels) + 1e-4 * matched


class Fuse(nn.Module):
    """One attention-based fusion of ReviewKD's published code."""

    def __init__(self, inputs: int, width: int, outputs: int, *, fuses: bool) -> None:
        super().__init__()
        self.reduce = nn.Sequential(nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width))
        self.expand = nn.Sequential(nn.Conv2d(width, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs))
        self.attention = nn.Sequential(nn.Conv2d(2 * width, 2, 1), nn.Sigmoid()) if fuses else None

    def forward(self, x: Tensor, deeper: Tensor | None) -> tuple[Tensor, Tensor]:
        x = self.reduce(x)
        if self.attention is not None and deeper is not None:
            deeper = F.interpolate(deeper, x.shape[2:], mode="nearest")
            shares = self.attention(torch.cat([x, deeper], 1))
            x = x * shares[:, :1] + deeper * shares[:, 1:]
        return self.expand(x), x


class Review(nn.Module):
    """ReviewKD's loss with its modules."""

    def __init__(self) -> None:
        super().__init__()
        last = len(REVIEWED) - 1
        self.fuse = nn.ModuleList(Fuse(c, 256, c, fuses=i < last) for i, c in enumerate(REVIEWED))

    def forward(self, s: Mapping[str, Tensor], t: Mapping[str, Tensor], labels: Tensor) -> Tensor:
        own, followed = ([x[p] for p in ENDS] + [F.adaptive_avg_pool2d(x[ENDS[-1]], 1)] for x in (s, t))
        total, deeper = F.cross_entropy(s["logits"], labels), None
        for fuse, x, target in zip(reversed(self.fuse), reversed(own), reversed(followed), strict=True):
            out, deeper = fuse(x, deeper)
            total = total + 2.5 * _by_levels(out, target)
        return total


def _by_levels(student: Tensor, teacher: Tensor) -> Tensor:
    total, weight, weights = F.mse_loss(student, teacher), 1.0, 1.0
    for level in (4, 2, 1):
        if level < student.shape[2]:
            weight /= 2
            own, followed = (F.adaptive_avg_pool2d(x, level) for x in (student, teacher))
            total, weights = total + weight * F.mse_loss(own, followed), weights + weight
    return total / weights


def bare(method: str) -> Bare | None:
    """A method by hand; None where there is no such step."""
    match method:
        case "hinton":
            return Bare(hinton)
        case "fitnet-1":
            return Bare(hint("stages.1", "stages.1"), ENDS[1:2], ENDS[1:2])
        case "fitnet-2":
            return Bare(imitation)
        case "dkd":
            return Bare(dkd)
        case "reviewkd":
            review = Review()
            return Bare(review, ENDS, ENDS, review)
        case "nst" | "fsp":
            return Bare(nst if method == "nst" else fsp, ENDS, ENDS)
        case "kd2m":
            return Bare(transport, ("pool",), ("pool",))
    return None


# RepDistiller's formulation of two losses: every product written out, then summed.


def pairwise_nst(student: Tensor, teacher: Tensor) -> Tensor:
    """``mean k(t, t) + mean k(s, s) - 2 mean k(s, t)`` with all products of all pairs of channels in memory."""

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return (a.unsqueeze(1) * b.unsqueeze(2)).sum(-1).pow(2)

    own, followed = (F.normalize(x.flatten(2), dim=2) for x in (student, teacher))
    return kernel(followed, followed).mean().detach() + kernel(own, own).mean() - 2 * kernel(own, followed).mean()


def pairwise_fsp(students: Sequence[Tensor], teachers: Sequence[Tensor]) -> Tensor:
    """``Σ_l mean (S_l - T_l)²`` with the products of all pairs of channels in memory."""

    def flows(layers: Sequence[Tensor]) -> Iterator[Tensor]:
        for first, second in pairwise(layers):
            size = second.shape[2:]
            pooled = F.adaptive_avg_pool2d(first, size) if first.shape[2:] != size else first
            yield (pooled.flatten(2).unsqueeze(1) * second.flatten(2).unsqueeze(2)).mean(-1)

    return torch.stack([(s - t).pow(2).mean() for s, t in zip(flows(students), flows(teachers), strict=True)]).sum()


# torchdistill.


def torchdistill(method: str, student: nn.Module, teacher: nn.Module) -> Callable[[Tensor, Tensor], None] | None:
    """A step of torchdistill's box; None where torchdistill has no such method, or is not installed."""
    config = CONFIGS.get(method)
    if config is None:
        return None
    try:
        from torchdistill.core.distillation import get_distillation_box
    except ImportError:
        return None
    logging.getLogger("torchdistill").setLevel(logging.WARNING)
    device = next(student.parameters()).device
    box = get_distillation_box(teacher, student, {}, config(), device, None, False, 1)
    box.pre_epoch_process(epoch=0)
    box.teacher_model.eval()

    def step(images: Tensor, labels: Tensor) -> None:
        box.pre_forward_process()
        loss = box.forward_process(images, labels, None)
        box.post_forward_process(loss=loss)

    return step


def _config(terms: dict[str, Any], student: dict[str, Any], teacher: dict[str, Any]) -> dict[str, Any]:
    proc = {"forward_proc": "forward_batch_only"}
    return {
        "num_epochs": 1,
        "teacher": {**proc, "requires_grad": False, **teacher},
        "student": {**proc, **student},
        "optimizer": {"key": "SGD", "kwargs": dict(SGD)},
        "criterion": {"key": "WeightedSumLoss", "kwargs": {"sub_terms": terms}},
    }


def _hooks(*paths: str) -> dict[str, Any]:
    return {"forward_hook": {"input": [], "output": list(paths)}}


def _wrapped(key: str, student: str, teacher: str | None) -> dict[str, Any]:
    target = {"uses_label": True}
    if teacher is not None:
        target = {"is_from_teacher": True, "module_path": teacher, "io": "output"}  # type: ignore[dict-item]
    own = {"is_from_teacher": False, "module_path": student, "io": "output"}
    wrapper = {"key": "SimpleLossWrapper", "kwargs": {"input": own, "target": target}}
    return {"criterion": {"key": key, "kwargs": {"reduction": "mean"}}, "criterion_wrapper": wrapper, "weight": 1.0}


def _kd(temperature: float, alpha: float, beta: float) -> dict[str, Any]:
    both = {f"{who}_module_{what}": value for who in ("student", "teacher")
            for what, value in (("path", "."), ("io", "output"))}  # fmt: skip
    kwargs = {**both, "temperature": temperature, "alpha": alpha, "beta": beta, "reduction": "batchmean"}
    return _config({"kd": {"criterion": {"key": "KDLoss", "kwargs": kwargs}, "weight": 1.0}}, {}, {})


def _hint() -> dict[str, Any]:
    """As in its FitNets examples: both networks rebuilt up to the layer."""
    layers = {"sequential": ["stem", "stages.0", "stages.1"], **_hooks("stages.1")}
    return _config({"hint": _wrapped("MSELoss", "stages.1", "stages.1")}, dict(layers), dict(layers))


def _review() -> dict[str, Any]:
    reviewed = (*ENDS, "pool.0")
    abfs = [
        {
            "io": "output",
            "path": f"student_model.{path}",
            "kwargs": {"in_channels": c, "mid_channels": 256, "out_channels": c},
        }
        for path, c in zip(reviewed, REVIEWED, strict=True)
    ]
    wrapper = {"key": "Student4KnowledgeReview", "kwargs": {"abfs": abfs, "sizes": list(reversed(SIZES))}}
    fused = [f"abf_modules.{i}" for i in range(len(reviewed))]
    terms = {"ce": _wrapped("CrossEntropyLoss", ".", None)}
    for own, path in zip(fused, reversed(reviewed), strict=True):
        kwargs = {"student_module_path": own, "student_module_io": "output",
                  "teacher_module_path": path, "teacher_module_io": "output"}  # fmt: skip
        terms[own] = {"criterion": {"key": "HierarchicalContextLoss", "kwargs": kwargs}, "weight": 2.5}
    hooked = [f"student_model.{path}" for path in reviewed]
    return _config(terms, {"auxiliary_model_wrapper": wrapper, **_hooks(*hooked, *fused)}, _hooks(*reviewed))


def _flows() -> dict[str, Any]:
    pairs = {
        f"{a} {b}": {
            f"{who}_{place}": {"io": "output", "path": path}
            for who in ("student", "teacher")
            for place, path in (("first", a), ("second", b))
        }
        for a, b in pairwise(ENDS)
    }
    terms = {"ce": _wrapped("CrossEntropyLoss", ".", None),
             "fsp": {"criterion": {"key": "FSPLoss", "kwargs": {"fsp_pairs": pairs}}, "weight": 1.0}}  # fmt: skip
    return _config(terms, _hooks(*ENDS), _hooks(*ENDS))


CONFIGS: dict[str, Callable[[], dict[str, Any]]] = {
    "hinton": lambda: _kd(4, 0.1, 0.9),
    "fitnet-1": _hint,
    "fitnet-2": lambda: _kd(3, 1, 2.5 / 9),
    "reviewkd": _review,
    "fsp": _flows,
}
