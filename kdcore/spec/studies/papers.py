"""The five papers as studies: what each claims, in its own numbers, and which of our arms would have to agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Extra = Literal["angles", "conflict", "time", "paths", "texts"]
"""What a page shows beside scores: layer angles, conflict of gradients, time to a score, prompted paths, BLEU."""


@dataclass(frozen=True)
class Check:
    """A claim as a comparison of two arms of one study.

    Attributes:
        claim: as a sentence.
        study: whose arms they are.
        first, second: arms; the claim is that the first has the better score.
        alike: the claim is instead that the two do not differ.
    """

    claim: str
    study: str
    first: str
    second: str
    alike: bool = False


@dataclass(frozen=True)
class Paper:
    """A page.

    Attributes:
        name: of the page's file.
        title, source: of the paper.
        claims: what it claims; numbers here are the paper's.
        studies: names of the study specs in ``distillery/studies``, whose results the page is made of.
        data: how the dataset is brought, in Markdown.
        checks: its claims as comparisons.
        extras: what the page shows beside scores.
        scale: how far our runs are from the paper's.
        notes: what a reader should know of the comparison.
    """

    name: str
    title: str
    source: str
    claims: tuple[str, ...]
    studies: tuple[str, ...]
    data: str
    checks: tuple[Check, ...]
    extras: tuple[Extra, ...] = ()
    scale: str = ""
    notes: tuple[str, ...] = ()


_KMNIST = """\
KMNIST's official test part (10,000 pictures, CC BY-SA 4.0), averaged down to 14 x 14, 2,000 of them for the test split
(stratified, seed 0; not an official split):

```
python -c "
import numpy as np
x, y = (np.load(f'kmnist-test-{part}.npz')['arr_0'] for part in ('imgs', 'labels'))
x = x.reshape(-1, 14, 2, 14, 2).mean((2, 4)).round().astype(np.uint8)
np.savez('kmnist-14.npz', inputs=x, targets=y)"
python -m kdcore.bring kmnist-14.yaml kmnist-14.npz --out kmnist-14
```

```yaml
format: npz
name: kmnist-14
classes: [o, ki, su, tsu, na, ha, ma, ya, re, wo]
cut: {test: 0.2}
```"""

_TREC = """\
TREC questions (5,452 to train on, 500 to test, official split):

```yaml
format: text
name: trec
task: classification
files: ["*.all"]
reading: {pattern: "{label} {text}", encoding: latin-1}
target: label
classes: {"0": description, "1": entity, "2": abbreviation, "3": human, "4": place, "5": number}
tokenizer: {train: {kind: wordpiece, vocabulary: 2000}}
max_length: 20
```"""

_DART = """\
DART v1.1.1 without its E2E part: the development file to train on (the official train file is not at hand), the first
200 sets of the test file to test on:

```yaml
format: generation
name: dart-200
splits: {train: [dev.json], test: [test.json]}
text: tripleset
target: annotations.text
layout: encoder-decoder
tokenizer: {train: {kind: bpe, vocabulary: 1000}}
source_length: 48
target_length: 32
cut: {validation: 0.1}
```"""

_BCCD = """\
BCCD blood cells (205 / 87 / 72 pictures, MIT), every picture brought to 64 x 64:

```yaml
format: voc
name: bccd-64
size: {height: 64, width: 64}
flip: true
first_pixel: 0
quarantine: true
```"""


def _better(study: str, claim: str, first: str, second: str) -> Check:
    return Check(claim, study, first, second)


FITNETS = Paper(
    "fitnets", "FitNets: hints for thin deep nets", "Romero et al. 2015 (arXiv 1412.6550)",
    (
        "A student with 10.4 times fewer parameters than its teacher is better than it: 91.06 % against 90.18 % on "
        "CIFAR-10 (FitNet 2, 11 layers against 5; table 1). FitNet 1, 36 times smaller, has 89.01 %.",
        "With the same budget, labels alone fail to train nets beyond 5 layers and KD beyond 7; with hints 13 layers "
        "train (section 4.1; a budget of 30 million multiplications).",
        "Hints improve on KD at equal depth (89.45 to 90.1 % with 7 layers).",
    ),
    ("fitnets",), _KMNIST,
    (
        _better("fitnets", "hints and KD beat labels alone at 20 layers", "20 layers, fitnet", "20 layers, alone"),
        _better("fitnets", "hints beat KD at 8 layers", "8 layers, fitnet", "8 layers, hinton"),
        _better("fitnets", "hints beat KD at 20 layers", "20 layers, fitnet", "20 layers, hinton"),
        _better("fitnets", "hints beat KD at 32 layers", "32 layers, fitnet", "32 layers, hinton"),
        _better("fitnets", "hints before the same KD beat it at 20 layers", "20 layers, hints, then hinton",
                "20 layers, hinton"),
        _better("fitnets", "hints before the same KD beat it at 32 layers", "32 layers, hints, then hinton",
                "32 layers, hinton"),
        _better("fitnets", "with hints, 32 layers beat 8", "32 layers, fitnet", "8 layers, fitnet"),
        _better("fitnets", "on labels alone, 32 layers do not train as well as 20", "20 layers, alone",
                "32 layers, alone"),
    ),
    scale="The paper trains maxout nets without BatchNorm on 40,000 CIFAR-10 pictures for hundreds of epochs; here "
    "residual nets with BatchNorm see 1,000 pictures for 15 epochs. `docs/benchmarks/depth.md` asks the question of "
    "depth again with maxout nets from the paper's own initial weights.",
    notes=(
        "`hinton` weighs labels 0.1 and the teacher 0.9 at temperature 4; the last stage of `fitnet` weighs the "
        "teacher 4 falling to 1 beside the labels at temperature 3, without the factor T². So the two differ in more "
        "than the hints; `hints, then hinton` differs from `hinton` in the hints alone.",
        "The hint stage takes 30 % of the same epochs; the paper gives it a budget of its own.",
    ),
)  # fmt: skip

_STRATEGIES = ("forward", "reverse", "all-to-one", "random")


def _layers(study: str, data: str) -> tuple[Check, ...]:
    gains = tuple(
        _better(study, f"{data}, {start} start: matching ({strategy}) beats none",
                f"{start} start, {strategy}", f"{start} start, none")
        for start in ("random", "copied") for strategy in _STRATEGIES
    )  # fmt: skip
    same = tuple(
        Check(f"{data}, {start} start: {strategy} is as good as forward", study,
              f"{start} start, {strategy}", f"{start} start, forward", alike=True)
        for start in ("random", "copied") for strategy in _STRATEGIES[1:]
    )  # fmt: skip
    return gains + same


LAYERS = Paper(
    "layers", "Layer selection: which layer follows which", "Yu, Wen, Mou 2025 (arXiv 2502.04499)",
    (
        "Matching intermediate layers helps, and the choice of layers matters little: on MNLI from random weights none "
        "has 63.2, forward 72.5, reverse 69.3, all-to-one 74.0, random 71.2; from copied layers none 77.4, forward "
        "79.7, reverse 79.2, all-to-one 79.4.",
        "An exception is the paper's own: on DART from random weights every matching hurts (BLEU 38.76 without, 32.64 "
        "to 33.86 with); from copied layers it helps (46.32 without, 47.10 to 48.45 with).",
        "The reason given: seen from a student's layer, the teacher's layers lie at mostly acute angles.",
    ),
    ("layers-trec", "layers-kmnist", "layers-dart"), f"{_TREC}\n\n{_KMNIST}\n\n{_DART}",
    (*_layers("layers-trec", "TREC"), *_layers("layers-kmnist", "KMNIST"), *_layers("layers-dart", "DART")),
    ("angles", "texts"),
    scale="The paper's teachers are pretrained BERT, BART, T5 and an 8-billion language model with students of 3 to 9 "
    "layers; here teachers of 6 small layers are trained from scratch on 1,000 to 2,000 examples.",
    notes=(
        "`random` is one permutation for all seeds (the paper draws one a seed).",
        "On DART the deciding figure is the share of next tokens that are right; BLEU stands beside it.",
    ),
)  # fmt: skip

_METRICS = (
    "exact W2", "sliced W2", "Gaussian W2, diagonal", "Gaussian W2, full", "Gaussian KL", "MMD, linear", "MMD, rbf",
    "CORAL",
)  # fmt: skip

KD2M = Paper(
    "kd2m", "KD2M: distillation as distribution matching", "Montesuma 2025 (arXiv 2504.01757)",
    (
        "Matching the distributions of penultimate features beats the student without distillation in every experiment "
        "(SVHN, CIFAR-10, CIFAR-100; as reported by digests: the paper's tables were not at hand).",
        "No metric always wins.",
        "The student's risk is bounded by the teacher's and a distance of the joint distributions of features and "
        "labels; marginals alone leave the labels open, so class-conditional forms should be safer (our reading).",
    ),
    ("kd2m",), _KMNIST,
    (
        *(_better("kd2m", f"{metric}, marginal, beats the student alone", f"{metric}, marginal", "alone")
          for metric in ("exact W2", "Sinkhorn", "sliced W2", "Gromov-Wasserstein", *_METRICS[2:])),
        *(_better("kd2m", f"{metric}, by class, beats the student alone", f"{metric}, by class", "alone")
          for metric in _METRICS),
        *(_better("kd2m", f"{metric}: by class beats marginal", f"{metric}, by class", f"{metric}, marginal")
          for metric in _METRICS),
    ),
    scale="The paper distils ResNet-34 to ResNet-18, pretrained on ImageNet, with features 512 wide and weight 1e-4; "
    "here a narrow ResNet-20 teaches a ResNet-8 with features 32 wide, from random weights. Features are scaled by the "
    "teacher's.",
    notes=(
        "Sinkhorn, sliced W2 and CORAL, and the full covariance, are not the paper's own experiments.",
        "Sinkhorn and Gromov-Wasserstein run as marginals alone: class by class a step of Sinkhorn took 300 ms.",
        "The weight of each distance is the best of 0.1, 1 and 10 that a pilot with another seed (100) found on the "
        "validation split: of two of the three for most, and the neighbours' for the class-conditional linear MMD, the "
        "rbf MMD and CORAL, which the pilot did not reach. The marginal Gaussian KL did harm at 0.1 and at 1, and has "
        "0.01.",
    ),
)  # fmt: skip

DFPT = Paper(
    "dfpt-kd", "DFPT-KD: a second, prompted path through the teacher", "Li et al. 2025 (arXiv 2506.18244)",
    (
        "A frozen strong teacher with a prompted second path teaches a small student better than KD and assistants do, "
        "and tuning the whole path (DFPT-KD+) better still: a student 2.67 points above its WRN-40-2 teacher on "
        "CIFAR-100 (a digest's figure; the paper's tables were not at hand).",
        "The gain is said to come from closing the gap in capacity.",
    ),
    ("dfpt-kd",), _KMNIST,
    (
        _better("dfpt-kd", "far teacher: DFPT beats KD", "far, DFPT", "far, hinton"),
        _better("dfpt-kd", "far teacher: DFPT beats an assistant", "far, DFPT", "far, assistant"),
        _better("dfpt-kd", "far teacher: DFPT beats KD of the same total weight", "far, DFPT", "far, both terms of KD"),
        _better("dfpt-kd", "far teacher: DFPT+ beats DFPT", "far, DFPT+", "far, DFPT"),
        _better("dfpt-kd", "far teacher: the black-box form beats KD", "far, DFPT on outputs", "far, hinton"),
        _better("dfpt-kd", "near teacher: DFPT beats KD", "near, DFPT", "near, hinton"),
        _better("dfpt-kd", "near teacher: DFPT+ beats DFPT", "near, DFPT+", "near, DFPT"),
        _better("dfpt-kd", "KD suffers from the gap: the near teacher is better", "near, hinton", "far, hinton"),
    ),
    ("paths",),
    scale="The paper has CIFAR-100, ImageNet and CUB-200 with 240 epochs on CIFAR; here 1,000 pictures and 15 epochs. "
    "Losses and sizes of the prompts are a reconstruction: no text of the method's section was at hand.",
    notes=(
        "`both terms of KD` is KD with the labels at 1 and the teacher at 2, the weights that DFPT-KD's student sees "
        "in all: what is left over to DFPT-KD is the path, not the weight.",
        "The far teacher has 13 times the student's parameters, the near one 4 times.",
        "Without clipping and at the preset's `tune_rate` of 0.1, DFPT-KD+ ended in NaN in its second epoch (one trial "
        "with a teacher of width 0.75): here gradients are clipped to norm 20 in all arms, and `tune_rate` is 0.01.",
    ),
)  # fmt: skip

MOKD = Paper(
    "mokd", "MoKD: distillation with several objectives of equal rank", "Hayder et al. 2025 (arXiv 2505.08170)",
    (
        "Gradients of task and distillation conflict, or one dominates; weights solved for at every step remove both "
        "and beat fixed weights: DeiT-Ti 79.7 against 78.3 % (VkD) on ImageNet, ViDT-nano 43.7 against 43.0 AP on COCO "
        "(the successor DTO-KD's, as reported by reviews).",
        "It converges faster: 240 epochs reach what the baseline reaches in 300.",
    ),
    ("mokd", "mokd-detection"), f"{_KMNIST}\n\n{_BCCD}",
    (
        *(_better("mokd", f"exact MoKD beats weights {claim}", "MoKD, exact", f"fixed at {weight}")
          for weight, claim in (("0.1", "fixed at 0.1"), ("1", "fixed at 1"),
                                ("3", "fixed at 3"), ("10", "fixed at 10"))),
        Check("the amortised form is as good as the exact one", "mokd", "MoKD, amortised", "MoKD, exact", alike=True),
        Check("the cheap form is as good as the exact one", "mokd", "MoKD, cheap", "MoKD, exact", alike=True),
        _better("mokd", "log-gradients beat plain ones", "MoKD, exact", "MoKD, exact, plain losses"),
        _better("mokd-detection", "detection: exact MoKD beats equal fixed weights", "MoKD, exact", "fixed at 1"),
        _better("mokd-detection", "detection: exact MoKD beats the student alone", "MoKD, exact", "alone"),
    ),
    ("conflict", "time"),
    scale="The paper has DeiT on ImageNet for 300 epochs and ViDT on COCO for 50; here 1,000 pictures and 15 epochs, "
    "and a tiny RetinaNet on 205 pictures.",
    notes=(
        "Fixed weights are those of the teacher's answers and features alike; the labels have 1.",
        "AdamW with weight decay 0.05, as in the papers, but for the teacher (SGD) and without their clipping to norm "
        "1, under which that teacher came out worse than the student alone. The learning rate is the best of 0.005, "
        "0.015 and 0.04 for the student alone, found with other seeds or settings.",
        "The settings were changed after results had been seen, and the seeds stayed the same. A run under AdamW at "
        "0.005 was given up after four seeds (there, too, the student alone was ahead of the fixed weights), and an "
        "arm with weights fixed at 0.3 was left out.",
        "Under SGD at 0.05 (seeds 0 and 1, not in the table) exact MoKD hardly left chance: 14.6 and 15.8 %, amortised "
        "32.2 and 34.8 %, where weights fixed at 10 had 76.2 and 79.0 %. The shortest combination of gradients is "
        "short, and a larger weight is a larger step: only an optimiser that rescales compares them fairly.",
        "A conflict is a negative cosine between two groups' gradients, measured every five steps (fixed weights) or "
        "at every step (exact).",
    ),
)  # fmt: skip

FIVE = Paper(
    "five-at-once", "All five at once, and each left out", "ours: no paper has tried it",
    (
        "None: the five papers were never put together. If each adds something of its own, the whole beats the whole "
        "without any one of them.",
    ),
    ("five-at-once",),
    "scikit-learn's handwritten digits, built in: 1,294 pictures to train on, 144 to validate, 359 to test; the "
    "student may see 144 of the labels.",
    (
        _better("five-at-once", "all five beat the student alone", "all five", "alone"),
        _better("five-at-once", "all five beat KD", "all five", "hinton"),
        *(_better("five-at-once", f"{what} adds something", "all five", f"without {arm}")
          for what, arm in (("the hint stage", "hints"), ("layer selection", "layer selection"),
                            ("the distribution distance", "distributions"), ("the prompted path", "the prompted path"),
                            ("MoKD's balance", "MoKD"))),
    ),
    ("paths",),
    scale="Digits are easy: with 359 test pictures one picture is 0.28 points.",
    notes=(
        "Left out means: no hint stage (its epochs go to distillation); the distribution distance at the penultimate "
        "features alone (no layer selection); a squared difference in its place (no distributions); no prompted path; "
        "weights of 1 (no MoKD).",
    ),
)  # fmt: skip

PAPERS: tuple[Paper, ...] = (FITNETS, LAYERS, KD2M, DFPT, MOKD, FIVE)
"""In the order in which the pages are listed."""
