"""Texts that are written while or before a stage learns: by seed and step alone, in pieces, masked in every loss."""

from dataclasses import replace

import pytest
import texts
import torch

from kdcore.data.batches import Batch
from kdcore.distributed import Solo
from kdcore.errors import Stopped
from kdcore.objective.distances import UNLABELLED
from kdcore.objective.networks import freeze
from kdcore.prepare import open_workshop
from kdcore.train.corpus import Corpus
from kdcore.train.stage import Stage
from kdcore.train.writing import Written

SOFT = {"distance": {"kind": "kl", "temperature": 1}}
TASK = {"from": "labels", "distance": "cross_entropy"}


class Bench:
    """The first stage of a job on a tiny pack, with fresh networks and a batch."""

    def __init__(self, folder, method, pack=texts.reversed_words, **changes):
        folder.mkdir(exist_ok=True)
        self.plan = texts.planned(folder, pack(folder), method=method, **changes)
        self.workshop = open_workshop(self.plan, None)
        self.run = self.plan.run("distil")
        self.networks = {name: freeze(self.workshop.fresh(name)) for name in self.run.needs}
        self.networks["student"] = self.workshop.fresh("student").train()
        examples = self.workshop.data.train.take(torch.arange(16))
        self.batch = Batch(self.workshop.normalise(examples.inputs), examples.targets, torch.arange(16))

    def stage(self, **given):
        plan = self.run.stages[0]
        return Stage(self.run, plan, self.networks, self.batch.inputs[:2], self.workshop.machine, samples=96, **given)

    def written(self, seed=0, text=None):
        return Written(self.run.stages[0].writing, seed, self.networks["student"], self.workshop.machine, text)

    def corpus(self, folder, examples=16):
        return Corpus(folder, 0, "distil", self.run.stages[0].writing, examples)

    def write(self, corpus, stop=lambda: None):
        said = []
        settings = (self.workshop.data.train, self.workshop.normalise, self.workshop.machine, Solo("cpu"))
        corpus.write(self.networks["teacher"], *settings, say=said.append, stop=stop)
        return said


def of_student(**options):
    return {
        "stages": [{"name": "distil", "epochs": 4, "terms": [TASK, SOFT], "generated_by": {"by": "student", **options}}]
    }


def test_what_the_student_writes_follows_from_seed_step_example_and_weights_alone(tmp_path):
    bench = Bench(tmp_path, of_student(share=1))
    whole = bench.written().of(bench.batch, 5)
    again = [bench.written().of(part, 5) for part in bench.batch.parts(4)]
    assert torch.equal(whole.inputs, torch.cat([part.inputs for part in again]))
    for other in (bench.written(seed=1).of(bench.batch, 5), bench.written().of(bench.batch, 6)):
        assert not torch.equal(whole.inputs, other.inputs)
    assert torch.equal(whole.inputs[:, :7], bench.batch.inputs[:, :7])
    assert bench.networks["student"].training


def test_a_share_of_the_batches_is_written_and_the_others_are_the_datasets(tmp_path):
    bench = Bench(tmp_path, of_student(share=0.3))
    written = bench.written()
    made = [written.of(bench.batch, step).compared is not None for step in range(400)]
    assert 0.2 < sum(made) / 400 < 0.4
    kept = written.of(bench.batch, made.index(False))
    assert kept is bench.batch


def test_the_students_own_tokens_are_no_labels_and_only_they_are_compared(tmp_path):
    bench = Bench(tmp_path, of_student(share=1))
    batch = bench.written().of(bench.batch, 0)
    assert (batch.targets == UNLABELLED).all()
    stage = bench.stage()
    with torch.no_grad():
        losses = stage.losses(batch, 0.0)
        assert losses.terms["cross_entropy"] == 0
        said = {name: network(batch.inputs) for name, network in bench.networks.items()}
        p, q = said["teacher"].log_softmax(-1), said["student"].log_softmax(-1)
        rows = (p.exp() * (p - q)).sum(-1)
        assert float(losses.terms["kl"]) == pytest.approx(float(rows[batch.compared].mean()), rel=1e-5)
    moved = stage.step(bench.batch, 0, 0)
    assert all(value.isfinite() for value in moved.values())
    stage.close()


@pytest.mark.parametrize("distance", ["kl", "reverse_kl", "jsd", "skew_kl", "symmetric_kl", "tvd", "top_k_kl"])
def test_a_batch_in_which_nothing_counts_costs_nothing_and_teaches_nothing(tmp_path, distance):
    bench = Bench(tmp_path, {"stages": [{"name": "distil", "epochs": 4, "terms": [TASK, {"distance": distance}]}]})
    stage = bench.stage()
    empty = replace(bench.batch, targets=torch.full_like(bench.batch.targets, UNLABELLED))
    losses = stage.losses(empty, 0.0)
    total = stage.totals(losses)["loss"]
    total.backward()
    assert float(total.detach()) == 0
    assert all(p.grad is None or not p.grad.any() for p in bench.networks["student"].parameters())
    stage.close()


def test_what_stands_at_ignored_tokens_changes_no_loss(tmp_path):
    bench = Bench(tmp_path, "word-kd")
    stage = bench.stage()
    other = bench.batch.inputs.clone()
    behind = torch.nn.functional.pad(bench.batch.targets[:, :-1] == UNLABELLED, (1, 0))  # inputs behind the end
    other[:, 6:][behind & (other[:, 6:] == 0)] = 9
    with stage.evaluating(), torch.no_grad():
        first, second = (
            stage.totals(stage.losses(replace(bench.batch, inputs=inputs), 0.0))
            for inputs in (bench.batch.inputs, other)
        )
    assert not torch.equal(other, bench.batch.inputs)
    assert {name: float(value) for name, value in second.items()} == pytest.approx(
        {name: float(value) for name, value in first.items()}, rel=1e-5
    )
    stage.close()


def test_the_teachers_texts_take_the_place_of_the_datasets(tmp_path):
    bench = Bench(tmp_path / "pack", "seq-kd")
    corpus = bench.corpus(tmp_path / "run")
    assert bench.write(corpus) == ["the teacher has written to 16 of 16 examples for stage 'distil'"]
    found = corpus.texts()
    assert found.shape == (16, texts.ANSWER)
    batch = bench.written(text=found).of(bench.batch, 0)
    assert torch.equal(batch.targets[batch.targets != UNLABELLED], found[batch.targets != UNLABELLED].long())
    assert batch.compared is None
    shuffled = replace(bench.batch, inputs=bench.batch.inputs.flip(0), index=bench.batch.index.flip(0))
    assert torch.equal(bench.written(text=found).of(shuffled, 3).targets, batch.targets.flip(0))


def test_a_corpus_that_was_stopped_goes_on_where_it_was_and_is_the_same(tmp_path):
    bench = Bench(tmp_path / "pack", "seq-kd")
    whole, cut = bench.corpus(tmp_path / "whole", 96), bench.corpus(tmp_path / "cut", 96)
    bench.write(whole)
    asked = []
    with pytest.raises(Stopped, match="pause"):
        bench.write(cut, stop=lambda: "pause" if asked.append(1) or len(asked) > 1 else None)
    assert len(cut.files()) == 1
    assert not cut.complete
    before = cut.files()[0].stat().st_mtime_ns
    bench.write(cut)
    assert cut.complete
    assert cut.files()[0].stat().st_mtime_ns == before
    assert torch.equal(cut.texts(), whole.texts())


def test_texts_without_a_source_are_continued_from_their_beginnings(tmp_path):
    bench = Bench(tmp_path, "gkd", texts.cycles, teacher="gpt-2", student="gpt-1")
    batch = bench.written().of(
        bench.batch, next(s for s in range(99) if bench.written().of(bench.batch, s).compared is not None)
    )
    assert torch.equal(batch.inputs[:, :3], bench.batch.inputs[:, :3])
    assert batch.compared.sum(1).tolist() == [10] * 16


@pytest.mark.parametrize("method", ["word-kd", of_student(share=1)])
def test_micro_batches_of_texts_of_any_lengths_take_the_step_of_the_whole_batch(tmp_path, method):
    sums = []
    for name, parts in (("whole", 1), ("cut", 4)):
        bench = Bench(tmp_path / name, method)
        stage = bench.stage()
        stage.cut.restore(parts)
        values = stage.step(bench.batch, 0, 0)
        sums.append((values, [p.grad for p in bench.networks["student"].parameters()]))
        stage.close()
    (whole, expected), (cut, found) = sums
    assert {k: float(v) for k, v in cut.items()} == pytest.approx({k: float(v) for k, v in whole.items()}, rel=1e-5)
    for gradient, own in zip(expected, found, strict=True):
        assert (gradient is None) == (own is None)
        assert gradient is None or torch.allclose(gradient, own, atol=1e-6)


def test_the_teacher_is_followed_on_texts_without_targets_but_not_on_their_padding(tmp_path):
    bench = Bench(tmp_path, {"stages": [{"name": "distil", "epochs": 4, "terms": [SOFT]}]}, student_labels=40)
    stage = bench.stage()
    blank = replace(bench.batch, targets=torch.full_like(bench.batch.targets, UNLABELLED))
    with stage.evaluating(), torch.no_grad():
        told, untold = (float(stage.losses(batch, 0.0).terms["kl"]) for batch in (bench.batch, blank))
    assert told > 0
    assert untold == pytest.approx(told, rel=1e-5)
    stage.close()
