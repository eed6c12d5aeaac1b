"""Layers of generators: copied and matched side by side, with what is padding left out of every loss."""

import pytest
import texts
import torch
from hypothesis import given
from hypothesis import strategies as st

from kdcore.data.batches import Batch
from kdcore.models.bart import Bart
from kdcore.models.remembering import HIDDEN
from kdcore.objective.networks import freeze
from kdcore.objective.points import Capture
from kdcore.prepare import open_workshop
from kdcore.train.stage import Stage


class Bench:
    """The first stage of a job whose method matches layers, with fresh networks and a batch."""

    def __init__(self, folder, term, **changes):
        method = {"stages": [{"name": "distil", "epochs": 4, "terms": [term]}]}
        self.plan = texts.planned(folder, texts.reversed_words(folder), method=method, **changes)
        self.workshop = open_workshop(self.plan, None)
        self.run = self.plan.run("distil")
        self.networks = {name: freeze(self.workshop.fresh(name)) for name in self.run.needs}
        self.networks["student"] = self.workshop.fresh("student").train()
        examples = self.workshop.data.train.take(torch.arange(16))
        self.batch = Batch(self.workshop.normalise(examples.inputs), examples.targets, torch.arange(16))

    def pairs(self):
        return [(pair.to, pair.source) for pair in self.run.stages[0].terms[0].pairs]

    def stage(self):
        plan = self.run.stages[0]
        return Stage(self.run, plan, self.networks, self.batch.inputs[:2], self.workshop.machine, samples=96)

    def loss(self, batch):
        stage = self.stage()
        with stage.evaluating(), torch.no_grad():
            found = float(stage.totals(stage.losses(batch, 0.0))["loss"])
        stage.close()
        return found


def hidden(**term):
    return {"points": "features", "distance": "hidden", **term}


@pytest.mark.parametrize("family", ["bart", "t5"])
@pytest.mark.parametrize(
    ("match", "encoder"),
    [
        ("forward", [(0, 1), (1, 3)]),
        ("reverse", [(0, 3), (1, 1)]),
        ("all-to-one", [(0, 1), (1, 1)]),
        ({"kind": "last-k", "k": 1}, [(1, 3)]),
    ],
)
def test_the_sides_of_an_encoder_decoder_are_matched_apart(tmp_path, family, match, encoder):
    bench = Bench(tmp_path, hidden(match=match), teacher=f"{family}-4", student=f"{family}-2")
    assert bench.pairs() == [
        (f"{side}.blocks.{own}", f"{side}.blocks.{other}") for side in ("encoder", "decoder") for own, other in encoder
    ]


def test_the_embedding_of_each_side_is_matched_with_its_own(tmp_path):
    bench = Bench(tmp_path, hidden(match={"kind": "forward", "embeddings": True}))
    assert [pair for pair in bench.pairs() if "embedding" in pair[0]] == [
        ("embedding", "embedding"),
        ("embedding#1", "embedding#1"),
    ]


@pytest.mark.parametrize("family", ["bart", "t5", "gpt"])
@pytest.mark.parametrize(
    "term",
    [
        hidden(match={"kind": "forward", "embeddings": True}),
        hidden(match="forward", distance="cosine"),
        {"points": "features", "distance": "mse", "match": "forward", "adapter": "linear"},
    ],
)
def test_what_stands_at_padding_changes_no_loss_between_layers(tmp_path, family, term):
    if family == "gpt" and isinstance(term["match"], dict):
        term = {**term, "match": {"kind": "forward"}}
    bench = Bench(tmp_path, term, teacher=f"{family}-2", student=f"{family}-1")
    before = bench.loss(bench.batch)
    with torch.no_grad():  # what padding is embedded as
        for network in bench.networks.values():
            network.get_parameter("embedding.tokens.weight" if family == "gpt" else "embedding.weight")[0] += 1
    assert before > 0
    assert bench.loss(bench.batch) == pytest.approx(before, rel=1e-5)


@pytest.mark.parametrize("distance", ["attention_kl", "attention_mse"])
def test_attention_is_compared_where_both_networks_look(tmp_path, distance):
    """Scores of what comes later, or of padding, are one number in every network, and so cost nothing."""
    bench = Bench(tmp_path, {"points": "attention", "distance": distance, "match": "forward"})
    points = ["encoder.blocks.0.attention.scores", "decoder.blocks.0.attention.scores"]
    hidden_ones = []
    for network in bench.networks.values():
        with Capture(network, points) as capture, torch.no_grad():
            seen = capture(bench.batch.inputs)
        later = torch.ones(texts.ANSWER, texts.ANSWER).triu(1).bool()
        hidden_ones.append((seen[points[0]] == HIDDEN, seen[points[1]][..., later] == HIDDEN))
    (padding, ahead), (same, _) = hidden_ones
    assert ahead.all()
    assert torch.equal(padding[:, :1].expand_as(padding), padding)
    assert torch.equal(padding, same)
    assert 0 < bench.loss(bench.batch) < 50


@pytest.mark.parametrize("family", ["bart", "t5", "gpt"])
def test_a_student_starts_as_layers_of_its_teacher_on_both_sides(tmp_path, family):
    student = {"architecture": f"{family}-1", "options": texts.SIZES, "copy": {"layers": "spread"}}
    changes = {"teacher": f"{family}-2", "student": f"{family}-1"}
    folder, card = tmp_path, texts.reversed_words(tmp_path)
    plan = texts.planned(folder, card, method="word-kd", **changes)
    spec = plan.spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    plan = texts.replanned(folder, card, {**spec, "student": student})
    sides = [""] if family == "gpt" else ["encoder.", "decoder."]
    assert plan.run("distil").copies.blocks == tuple((f"{side}blocks.0", f"{side}blocks.0") for side in sides)
    workshop = open_workshop(plan, None)
    teacher = workshop.fresh("teacher")
    copied = workshop._started("student", plan.run("distil"), {"teacher": teacher}).state_dict()
    other = teacher.state_dict()
    assert all(torch.equal(value, other[name]) for name, value in copied.items())


@given(st.integers(0, 99))
def test_masks_know_where_source_and_answer_are(seed):
    ids = torch.randint(0, 3, (3, 9), generator=torch.Generator().manual_seed(seed))
    masks = Bart(5, 1, 4, 1, 9, source_length=4).token_masks(ids)
    assert torch.equal(masks["encoder"], ids[:, :4] != 0)
    assert torch.equal(masks["decoder"][:, 1:], ids[:, 5:] != 0)
    assert masks["decoder"][:, 0].all()
