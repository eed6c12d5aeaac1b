"""Every distance between feature distributions in every mode, and samples to try it on."""

import pytest
import torch

from kdcore.spec.rooms.distributions import DISTRIBUTIONS

NAMES = sorted(DISTRIBUTIONS)
JOINT = ["mmd", "sinkhorn", "wasserstein"]
VARIANTS = [(name, {}) for name in NAMES]
VARIANTS += [
    ("gaussian_wasserstein", {"covariance": "full"}),
    ("gaussian_wasserstein", {"covariance": "full", "shrinkage": 0.01}),
    ("gaussian_kl", {"direction": "teacher"}),
    ("gaussian_kl", {"shrinkage": 0.1}),
    ("mmd", {"kernel": "linear"}),
    ("mmd", {"kernel": "multi"}),
    ("sinkhorn", {"relax": 1}),
    *[("gromov_wasserstein", {"metric": metric}) for metric in ("squared", "cosine", "diffusion")],
]
FEATURES_ALONE = [(n, {**options, "given": given}) for n, options in VARIANTS for given in ("nothing", "class")]
MODES = FEATURES_ALONE + [(name, {"given": given}) for name in JOINT for given in ("label", "logits")]
MODES += [(name, {"given": "logits", "logit_cost": "kl"}) for name in ("sinkhorn", "wasserstein")]
IDS = ["-".join([name, *map(str, options.values())]) for name, options in MODES]
EVERY_MODE = pytest.mark.parametrize(("name", "options"), MODES, ids=IDS)


def points(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def cloud(count=12, width=3, seed=0, dtype=torch.float64):
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def logits(count=12, dtype=torch.float64):
    return {"student_logits": cloud(count, 4, 11, dtype), "teacher_logits": cloud(count, 4, 12, dtype)}


LABELS = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2])
