"""What every distance is tried on: a row for each name, and a reason wherever one does not keep a claim."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

CLAIMS = ("zero", "gradient", "order", "shuffle")
"""What a row may be excused from: zero at equality; a gradient that finite differences confirm; no dependence on the
batch's order; a teacher's shuffled batch, which paired distances see and others do not."""

ENTROPY = "a cross-entropy: at equality it is an entropy"
UNTRAINED = "its layers have not learnt yet which features belong together"
STILL_WIDTH = "a kernel's or walk's width follows the features without gradient"
STILL_UNIT = "the unit of the cost follows the features without gradient"
ENVELOPE = "the envelope's gradient is exact where the potentials have converged, in a unit that does not move"


@dataclass(frozen=True)
class Row:
    """How one distance is tried.

    Attributes:
        kinds: of inputs, as in ``distance_cases.SHAPES``; each choice among its options is tried on the first.
        also: options that are tried beside the default and every choice among its options.
        but: claim -> why the distance does not keep it, or a function of the options that says so or nothing.
        paired: whether it compares sample with sample: a shuffled teacher's batch then raises it from equality, and
            else does not change it.
        remembers: whether ``advance`` moves something.
    """

    kinds: tuple[str, ...]
    also: tuple[Mapping, ...] = ()
    but: Mapping[str, str | Callable[[Mapping], str]] = field(default_factory=dict)
    paired: bool = True
    remembers: bool = False


FEATURES = ("vectors", "maps", "tokens")
SOFT = ("logits", "token logits")
SHARP = ("logits",)
MAPS = ("maps",)
LAYERS = ("token layers", "tokens")


def where(reason, **options):
    """An excuse of the forms that have one of the values named for each of these options."""
    return lambda asked: reason if all(asked.get(name) in values for name, values in options.items()) else ""


def between(*also, **but):
    """A row of a distance between distributions of features."""
    return Row(FEATURES, ({"queue": 8}, {"given": "class", "queue": 8}, *also), but, paired=False)


ROWS = {
    "cross_entropy": Row(
        ("labels", "token labels"), ({"label_smoothing": 0.1},), {"zero": where(ENTROPY, label_smoothing=[0.1])}
    ),
    "squared_error": Row(("value labels",)),
    "squared_difference": Row(("values",)),
    "binary_cross_entropy": Row(("label sets",)),
    "binary_kl": Row(("values",)),
    "pixel_cross_entropy": Row(
        ("pixel labels",), ({"label_smoothing": 0.1},), {"zero": where(ENTROPY, label_smoothing=[0.1])}
    ),
    "pixel_kl": Row(("pixel logits",)),
    "kl": Row(SOFT),
    "soft_cross_entropy": Row(SOFT, but={"zero": ENTROPY}),
    "dkd": Row(SHARP, ({"alpha": 0.5, "beta": 2},)),
    "nkd": Row(SHARP, but={"zero": ENTROPY}),
    "dist": Row(SHARP, but={"zero": lambda asked: "the authors' 1e-8 beside small norms, times T²" if asked else ""}),
    "standardised_kl": Row(SHARP),
    "batch_correlation": Row(SHARP),
    "class_correlation": Row(SHARP, paired=False),
    "multi_level": Row(SHARP, ({"share": 1, "temperatures": [1]},)),
    "wsld": Row(SHARP, but={"zero": ENTROPY, "gradient": "a sample's weight follows the student without gradient"}),
    "ofa": Row(SHARP, ({"sharpness": 1.5},), {"zero": ENTROPY}),
    "reverse_kl": Row(SOFT),
    "symmetric_kl": Row(SOFT, ({"forward_share": 0.9},)),
    "jsd": Row(SOFT, ({"beta": 0}, {"beta": 1}, {"beta": 0.1})),
    "skew_kl": Row(SOFT),
    "tvd": Row(SOFT),
    "top_k_kl": Row(SOFT, ({"k": 2}, {"k": 2, "rest": "renormalise"})),
    "token_flow": Row(LAYERS),
    "token_similarity": Row(LAYERS),
    "attention_mse": Row(("scores",), ({"floor": None},)),
    "attention_ce": Row(("scores",), ({"floor": -2},), {"zero": ENTROPY}),
    "attention_kl": Row(("scores",), ({"floor": -2},)),
    "attention_relation": Row(("tokens", "queries"), ({"heads": 2},)),
    "kdsvd": Row(("map layers",), ({"k": 2},)),
    "hint": Row(FEATURES),
    "mse": Row(FEATURES),
    "smooth_l1": Row(FEATURES),
    "cosine": Row(FEATURES),
    "at": Row(MAPS, ({"power": 1},)),
    "ft": Row(FEATURES, ({"power": 2},)),
    "ab": Row(FEATURES, but={"zero": "what lies within the margin costs, whichever side it is on"}),
    "ofd": Row(FEATURES, ({"margin": -0.5},)),
    "hcl": Row(MAPS),
    "cwd": Row(MAPS),
    "pkd": Row(MAPS),
    "hidden": Row(("tokens", "vectors", "maps")),
    "sp": Row(FEATURES),
    "rkd": Row(FEATURES),
    "pkt": Row(FEATURES),
    "cc": Row(FEATURES, but={"order": "it multiplies the gaps of samples that are neighbours in the batch"}),
    "ickd": Row(("maps", "tokens")),
    "nst": Row(MAPS),
    "wasserstein": between(
        *({"given": given, "relative": False} for given in ("label", "logits")),
        {"given": "logits", "logit_cost": "kl", "relative": False},
        gradient=where(STILL_UNIT, given=["label", "logits"], relative=[None]),
    ),
    "sinkhorn": between(
        {"relax": 1},
        {"given": "logits", "logit_cost": "kl"},
        *({"relative": False, "epsilon": 2, "iterations": 200, "relax": relax} for relax in (None, 1)),
        gradient=where(ENVELOPE, iterations=[None]),
    ),
    "sliced_wasserstein": between(),
    "gromov_wasserstein": between(gradient=where(STILL_WIDTH, metric=["diffusion"])),
    "gaussian_wasserstein": between({"covariance": "full", "shrinkage": 0.1}, {"moving": 0.9}),
    "gaussian_kl": between({"moving": 0.9}),
    "mmd": between({"kernel": "linear", "given": "label"}, gradient=where(STILL_WIDTH, kernel=[None, "multi"])),
    "coral": between({"moving": 0.9}),
    "vid": Row(FEATURES, but={"zero": "half the logarithm of its variances stays"}),
    "fsp": Row(("map layers",)),
    "crd": Row(
        FEATURES,
        ({"negatives": 4},),
        {"zero": "a classification", "gradient": "the normaliser has no gradient", "shuffle": UNTRAINED},
        remembers=True,
    ),
    "mgd": Row(
        MAPS,
        but={"zero": UNTRAINED, "order": "what is hidden follows from a sample's place", "shuffle": UNTRAINED},
    ),
    "cat": Row(MAPS),
    "srrl": Row(("vectors", "tokens")),
    "ofa_branch": Row(SHARP, but={"zero": ENTROPY}),
    "detection": Row(("boxes",), but={"zero": "no outputs cost nothing", "shuffle": "its outputs are not trained"}),
    "detection_kl": Row(("detections",), ({"boxes": 0},)),
    "fgd": Row(("maps with boxes",)),
}
