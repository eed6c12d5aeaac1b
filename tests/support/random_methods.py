"""Random jobs: any pieces put together in any order, wildly or with what is known not to fit left out."""

import adapter_cases
import distance_cases
from hypothesis import strategies as st

from kdcore.spec.rooms import BALANCES, DISTANCES, MATCHES

EPOCHS = 4
WIDTHS = {"resnet8": {"teacher": 0.5, "student": 0.25}, "vit-2": {"teacher": 0.25, "student": 0.125}}
PLACES = {
    "resnet8": ("stem", "stages.1", "stages.0.blocks.0.relu2@in", "stages.2.blocks.0", "stages.1.blocks.0.bn2"),
    "vit-2": ("embedding", "blocks.0", "blocks.1.attention.value", "norm", "blocks.1@in"),
    "prompted": ("fusions.0", "features", "head@in"),
    "outputs": ("head@in", "head"),
    "paraphraser": ("factor", "reconstruction"),
    "reuse": ("projector", "features", "head@in"),
}
"""Places by architecture, or by path."""
SEVERAL = {"resnet8": ("features", "preactivations"), "vit-2": ("features", "queries", "attention")}
ONE = ("middle", "penultimate", "logits", "features")

OTHERS = {
    "peer": {"like": "student"},
    "assistant": {"like": "student", "train": {"epochs": 1}, "follows": "teacher", "method": "hinton"},
    "second": {"architecture": "resnet8", "width": 0.125, "train": {"epochs": 1}},
    "prompted": {"path": "prompts", "blocks": "small"},
    "outputs": {"path": "outputs"},
    "paraphraser": {"path": "paraphraser"},
    "reuse": {"path": "reuse", "of": "student", "from": "teacher"},
}
BADLY = {
    "nobody": {"like": "nothing"},
    "twisted": {"path": "outputs", "of": "student"},
    "labels": {"like": "student"},
    "taught": {"like": "student", "train": {"epochs": 1}, "follows": "teacher", "method": "mutual"},
}
FROZEN = ("teacher", "assistant", "second")

FORMS = {
    "fixed": [{}, {"factors": {"task": 0.5}}, {"measure_every": 1}],
    "scheduled": [{"factors": {"distill": {"from": 1, "to": 0, "over": 2}}}, {"factors": {"task": 2}}],
    "mokd": [{}, {"form": "amortised"}, {"form": "cheap"}, {"form": "cheap", "at": "middle"}, {"every": 2}],
}
WEIGHTS = (1.0, 0.25, 0.0, {"from": 0, "to": 2}, {"from": 3, "to": 1, "over": 2, "after": 1})


SCORES = ("attention_mse", "attention_ce", "attention_kl")
WITHIN = ("attention_relation", "token_flow", "token_similarity")
HOME = {
    **{name: {"points": "attention"} for name in SCORES},
    **{name: {"points": "features"} for name in (*WITHIN, "fsp", "kdsvd", "ickd")},
    "srrl": {"points": "penultimate"},
    "cat": {"points": "features", "match": {"kind": "last-k", "k": 1}},
    "ofa_branch": {"points": {"to": ["features"], "from": ["logits"]}, "adapter": "classifier", "match": "all"},
}
"""Where distances that look at one kind of layer alone find it."""


class Draw:
    """One job in the making.

    Args:
        draw: of the strategy.
        wild: whether what is known not to fit may be drawn, too.
    """

    def __init__(self, draw, *, wild):
        self.draw, self.wild = draw, wild
        self.teacher, self.student = self.of(*WIDTHS), self.of(*WIDTHS)
        maps = self.teacher == self.student == "resnet8"
        known = [name for name in OTHERS if wild or maps or name not in ("paraphraser", "reuse")]
        self.others = {name: OTHERS[name] for name in draw(st.lists(st.sampled_from(known), max_size=2, unique=True))}
        self.others |= {name: BADLY[name] for name in [self.odd(None, *BADLY)] if name}
        self.kinds = {"teacher": self.teacher, "student": self.student, "peer": self.student}
        self.kinds |= {"assistant": self.student, "second": "resnet8"}
        self.delivers = "reuse" if "reuse" in self.others else "student"
        self.learners = [self.delivers, *(name for name in self.others if name not in (*FROZEN, "reuse"))]

    def of(self, *values):
        """One of them."""
        return self.draw(st.sampled_from(values))

    def chance(self, one_in):
        """Whether something happens that happens so seldom."""
        return self.draw(st.integers(1, one_in)) == one_in

    def odd(self, usual, *values):
        """What fits, or in a wild job now and then what does not."""
        return self.of(*values) if self.wild and self.chance(12) else usual

    def kind(self, name):
        """Architecture or path behind a name."""
        return self.kinds.get(name, name if name in PLACES else "resnet8")

    def job(self):
        """Changes to a tiny job on digits."""
        spans = self.odd(self.of((4,), (1, 3), (2, 1, 1)), (1,))
        method = {
            "networks": self.others,
            "stages": [self.stage(number, span) for number, span in enumerate(spans)],
            "delivers": self.odd(self.delivers, "teacher", "student"),
        }
        if self.chance(4):
            method["guard"] = {"share": 0.5}
        widths = {who: {"architecture": name, "width": WIDTHS[name][who]}
                  for who, name in (("teacher", self.teacher), ("student", self.student))}  # fmt: skip
        return {**widths, "method": method, "training": {"epochs": EPOCHS, "gradient_clip": 1.0}}

    def stage(self, number, epochs):
        """Each learner follows the labels, or in a wild job perhaps nobody; and up to three terms more."""
        taught = [{"to": name, "from": "labels", "distance": "cross_entropy"} for name in self.learners]
        terms = [one for one in taught if not self.odd(False, True)]
        terms += [self.term() for _ in range(self.of(1, 1, 2, 3))]
        found = {"name": f"stage {number}", "epochs": epochs, "terms": terms}
        own = PLACES.get(self.student) if self.delivers == "student" else ("projector",)
        if self.chance(2):
            found["balance"] = {self.odd(self.of(*self.learners), "teacher"): self.balance(terms)}
        if self.chance(4):
            found["trains"] = f"{self.delivers}.upto({self.odd(self.of(*own[:3]), 'nowhere')})"
        if self.chance(4):
            rates = (0, 0.5) if "trains" not in found else (0.5, 2)  # something has to learn
            found["layer_rates"] = {self.odd(own[0], "nowhere"): self.of(*rates)}
        return found

    def balance(self, terms):
        """Any balance in any form."""
        kind = self.of(*BALANCES)
        forms = FORMS.get(kind, [{}])
        groups = {one.get("group", "task" if one["from"] == "labels" else "distill") for one in terms}
        fitting = [one for one in forms if self.wild or set(one.get("factors", ())) <= groups]
        return {"kind": kind, **self.of(*(fitting or [{"factors": {}}]))}

    def term(self):
        """A distance between what any two networks say about classes or inside."""
        to = self.odd(self.of(*self.learners), "teacher", "nobody")
        speakers = [
            one for one in ("teacher", "student", *self.others) if one != to and one in (*FROZEN, *self.learners)
        ]
        source = self.odd(self.of(*speakers), "nobody", "labels")
        reads = self.of("logits", "features", "features", "features")
        term = {"to": to, "from": source}
        term |= self.inside(to, source) if reads == "features" else self.said(speakers)
        term["weight"] = self.of(*WEIGHTS)
        if self.chance(4):
            term["group"] = self.of("task", "distill", "matching")
        return term

    def distance(self, names):
        """One of them with any of its options."""
        name = self.of(*names)
        return {"kind": name, **self.of(*(case.options for case in distance_cases.cases(name)))}

    def said(self, speakers):
        """Logits of one speaker, or of several."""
        names = [
            name
            for name, piece in DISTANCES.items()
            if piece.reads == "logits" and (self.wild or "classification" in piece.tasks)
        ]
        found = {"distance": self.distance(names)}
        if len(speakers) > 1 and self.chance(4):
            found |= {"from": speakers, "combine": self.of("mean", "agreement")}
        return found

    def inside(self, to, source):
        """Features of any kind, through any adapter, in any pairs."""
        kinds = {self.kind(to), self.kind(source)}
        maps, tokens = kinds <= {"resnet8", "paraphraser", "reuse"}, kinds == {"vit-2"}
        names = [
            name
            for name, piece in DISTANCES.items()
            if piece.reads == "features"
            and (self.wild or maps or not (piece.maps or name == "kdsvd"))
            and (self.wild or tokens or name not in (*SCORES, *WITHIN))
        ]
        distance = self.distance(names)
        if not self.wild and distance["kind"] in HOME:
            return {"distance": distance, **HOME[distance["kind"]]}
        return {"distance": distance, "points": self.points(self.kind(to), self.kind(source)), **self.joined(kinds)}

    def joined(self, kinds):
        """An adapter and a match, or what follows from the shapes."""
        found = {}
        if self.chance(4):
            kind = self.of(*(name for name in adapter_cases.ROWS if self.wild or name != "none"))
            found["adapter"] = {"kind": kind, **self.of(*adapter_cases.choices(kind))}
        elif len(kinds) > 1 and not self.wild:
            found["adapter"] = "orthogonal"  # joins any two layers
        if self.chance(4):
            strategy = self.of(*MATCHES)
            found["match"] = self.of(strategy, {"kind": strategy, "k": 1})
            if self.odd(kinds == {"vit-2"}, True) and self.chance(2):
                found["match"] = {"kind": strategy, "embeddings": True}
        return found

    def points(self, own, other):
        """One place in both networks, the same several, or one or two named apart."""
        form = self.of("one", "several", "apart")
        if form == "one" or (form == "several" and own != other):
            return self.odd(self.of(*ONE), "nowhere", "head#1", "a point")
        if form == "several":
            return self.of(*SEVERAL.get(own, ("features",)), *PLACES[own])
        count = self.of(1, 2)
        return {"to": [self.of(*PLACES[own]) for _ in range(count)],
                "from": [self.of(*PLACES[other]) for _ in range(count)]}  # fmt: skip


@st.composite
def jobs(draw, *, wild=False):
    """Changes to a tiny job: networks, and a method of one to three stages."""
    return Draw(draw, wild=wild).job()
