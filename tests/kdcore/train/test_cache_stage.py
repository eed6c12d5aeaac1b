"""A stage that looks its teacher up takes the same steps as one that asks it."""

import pytest
import torch
from stepping import HINT, SOFT, TASK, Bench, method

from kdcore.data.batches import Batches
from kdcore.errors import Stopped
from kdcore.objective.networks import fingerprint
from kdcore.spec.caching import TeacherCache
from kdcore.spec.listening import kept_networks
from kdcore.spec.training import Augment
from kdcore.train.cache import Key, kept
from kdcore.train.stage import Stage

STEPS, SIZE = 4, 32


class Keeping(Bench):
    """A bench whose teacher's outputs can be kept, over pictures in two views."""

    def __init__(self, make, *terms, **changes):
        changes.setdefault("training", {}).update(augment={"shift": 1, "views": 2})
        super().__init__(make, method=method(*terms), **changes)
        train = self.workshop.data.train
        options = {"steps": STEPS, "batch_size": SIZE, "seed": 3, "augment": Augment(shift=1, views=2)}
        self.batches = Batches(
            train, train.targets, torch.arange(len(train)), normalise=self.workshop.normalise, **options
        )

    def cache(self, folder, *, mode="memory", **options):
        samples = self.plan.dataset.counts.train
        ((plan,),) = kept_networks(TeacherCache(), [self.run], samples=samples, num_classes=10)
        assert plan.mode == "memory"
        plan = plan.model_copy(update={"mode": mode})
        teacher, machine = self.networks["teacher"], self.workshop.machine
        key = Key("project", {}, fingerprint(teacher), {}, self.batches.recipe(), machine.pinned())
        return kept(plan, teacher, key, self.batches.pictures, machine, folder=folder, **options)

    def weights(self, caches, epochs=2):
        plan = self.run.stages[0]
        sample, machine = self.batch.inputs[:2], self.workshop.machine
        stage = Stage(self.run, plan, self.networks, sample, machine, samples=128, caches=caches)
        for epoch in range(epochs):
            for step, batch in enumerate(self.batches.epoch(epoch)):
                stage.step(batch, epoch, epoch * STEPS + step)
        stage.close()
        return self.networks["student"].state_dict()


def difference(one, other):
    floats = [name for name in one if one[name].is_floating_point()]
    return max(float((one[name] - other[name]).norm() / other[name].norm().clamp(min=1e-3)) for name in floats)


def test_what_is_looked_up_is_what_the_teacher_says_about_that_view(tiny_plan, tmp_path):
    bench = Keeping(tiny_plan, TASK, SOFT)
    cache = bench.cache(tmp_path)
    seen = set()
    for epoch in range(2):
        for batch in bench.batches.epoch(epoch):
            seen |= set(batch.view.tolist())
            with torch.no_grad():
                live = bench.networks["teacher"](batch.inputs)
            torch.testing.assert_close(cache.lookup(batch.index, batch.view)["logits"], live, rtol=1e-4, atol=1e-5)
    assert seen == {0, 1}


def test_steps_from_the_cache_are_those_with_the_teacher_asked(tiny_plan, tmp_path):
    live = Keeping(tiny_plan, TASK, SOFT, HINT)
    bench = Keeping(tiny_plan, TASK, SOFT, HINT)
    expected = live.weights({})
    asked = []
    cache = bench.cache(tmp_path)
    handle = bench.networks["teacher"].register_forward_pre_hook(lambda module, inputs: asked.append(len(inputs[0])))
    found = bench.weights({"teacher": cache})
    handle.remove()
    assert difference(found, expected) < 1e-3
    assert asked == [2]  # shapes are traced with two pictures; training pictures are never passed


@pytest.mark.parametrize("memory_format", ["contiguous", "channels_last"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_run_from_a_cache_has_the_same_bits_however_the_cache_was_made(tiny_plan, tmp_path, precision, memory_format):
    options = {"training": {"precision": precision, "memory_format": memory_format}}
    first = Keeping(tiny_plan, TASK, SOFT, HINT, **options)
    expected = first.weights({"teacher": first.cache(tmp_path / "a")})
    other = Keeping(tiny_plan, TASK, SOFT, HINT, **options)
    polls = iter([None, None, "pause"])
    with pytest.raises(Stopped, match="pause"):
        other.cache(tmp_path / "b", stop=lambda: next(polls))
    found = other.weights({"teacher": other.cache(tmp_path / "b", mode="file")})
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_half_precision_outputs_take_half_the_bytes(tiny_plan, tmp_path):
    caches = [
        Keeping(tiny_plan, TASK, SOFT, training={"precision": precision}).cache(tmp_path)
        for precision in ("float32", "bfloat16")
    ]
    assert caches[0].layout.bytes == 2 * caches[1].layout.bytes


def test_micro_batches_are_looked_up_part_by_part(tiny_plan, tmp_path):
    bench = Keeping(tiny_plan, TASK, SOFT)
    cache = bench.cache(tmp_path)
    batch = next(bench.batches.epoch(0))
    found = torch.cat([cache.lookup(part.index, part.view)["logits"] for part in batch.parts(4)])
    assert torch.equal(found, cache.lookup(batch.index, batch.view)["logits"])
