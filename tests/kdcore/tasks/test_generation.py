"""Generation is judged by sums: token by token as anybody would count, and at the end as sacrebleu says."""

import json

import pytest
import texts
import torch
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from kdcore.generate import Prompt, beam_search
from kdcore.models import build
from kdcore.prepare import open_workshop
from kdcore.spec.catalogue import following_options
from kdcore.tasks import task_of
from kdcore.tasks.spread import interval


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pack")
    return open_workshop(texts.planned(folder, texts.reversed_words(folder)), None)


def test_next_tokens_are_counted_where_they_count(workshop):
    logits = torch.full((2, 3, 4), -30.0)
    said = torch.tensor([[1, 2, 3], [0, 0, 0]])
    logits.scatter_(2, said[..., None], 0.0)
    targets = torch.tensor([[1, 3, -100], [-100, -100, -100]])
    rows = workshop.task.statistics(logits, targets)
    assert rows.tolist() == [[1, 2, pytest.approx(30)], [0, 0, 0]]
    figures = workshop.task.figures(rows.sum(0))
    assert float(figures["token_accuracy"]) == 0.5
    assert float(figures["perplexity"]) == pytest.approx(torch.tensor(15.0).exp().item())
    assert workshop.task.watched.name == "token_accuracy"


def test_guessing_evenly_has_the_perplexity_of_the_vocabulary(workshop):
    targets = torch.randint(0, 11, (5, 7), generator=torch.Generator().manual_seed(0))
    figures = workshop.task.figures(workshop.task.statistics(torch.zeros(5, 7, 11), targets).sum(0))
    assert float(figures["perplexity"]) == pytest.approx(11)


def student(workshop, name="bart-1"):
    dataset = workshop.plan.dataset
    given = dataset.input
    options = following_options(name, given.shape, given.vocabulary, given.source_length, given.special)
    torch.manual_seed(0)
    network = build(name, dataset.num_classes, **options, **texts.SIZES)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3)
    return network.eval()


@pytest.mark.parametrize("name", ["bart-1", "gpt-1"])
def test_what_a_network_writes_is_scored_as_sacrebleu_scores_the_whole_corpus(workshop, name):
    task, test = workshop.task, workshop.data.open_test()
    network, inputs = student(workshop, name), workshop.normalise(test.inputs)
    _, judged = task.measured(network, inputs, test)
    figures = judged.figures()
    prompt = Prompt(inputs[:, : texts.SOURCE], inputs[:, texts.SOURCE : texts.SOURCE + 1], texts.ANSWER, end=2)
    tokens = beam_search(network, prompt, beams=4)
    written = [" ".join(texts.LETTERS[t - 3] for t in row if t > 2) for row in tokens.tolist()]
    lines = (workshop.task.pack / "test" / "references.jsonl").read_text().splitlines()
    wanted = [json.loads(line)["references"] for line in lines]
    streams = [[one[0] for one in wanted]]
    assert float(figures["bleu"]) == pytest.approx(BLEU().corpus_score(written, streams).score / 100, rel=1e-12)
    assert float(figures["chrf"]) == pytest.approx(CHRF().corpus_score(written, streams).score / 100, rel=1e-12)
    plain = task.figures(task.statistics(network(inputs).detach(), test.targets).sum(0))
    assert float(figures["token_accuracy"]) == float(plain["token_accuracy"])
    assert float(figures["perplexity"]) == pytest.approx(float(plain["perplexity"]))
    low, high = interval(judged, "chrf")
    assert low <= float(figures["chrf"]) <= high


def test_answers_that_repeat_the_references_are_perfect(workshop):
    class Knows(torch.nn.Module):
        """Says of every word of the test split what stands in its targets."""

        def __init__(self, test):
            super().__init__()
            known = zip(test.inputs[:, : texts.SOURCE].tolist(), test.targets.tolist(), strict=True)
            self.answers = {tuple(source): targets for source, targets in known}

        def forward(self, ids):
            rows = [self.answers[tuple(source)] for source in ids[:, : texts.SOURCE].tolist()]
            return torch.nn.functional.one_hot(torch.tensor(rows).clamp(min=0), texts.VOCABULARY) * 50.0

    test = workshop.data.open_test()
    _, judged = workshop.task.measured(Knows(test), workshop.normalise(test.inputs), test)
    figures = {name: float(value) for name, value in judged.figures().items()}
    assert figures["token_accuracy"] == 1
    assert figures["perplexity"] == pytest.approx(1)
    assert figures["chrf"] == figures["rouge_l"] == pytest.approx(1)


def test_references_follow_their_examples_into_a_split_that_was_cut(tmp_path):
    card = texts.reversed_words(tmp_path, counts=(96, 32, 24))
    kept = {name: split for name, split in card.splits.items() if name == "train"}
    plan = texts.planned(tmp_path, card.model_copy(update={"splits": kept}))
    task = task_of(plan.dataset)
    lines = (tmp_path / "train" / "references.jsonl").read_text().splitlines()
    wanted = [json.loads(lines[place])["references"] for place in (5, 0, 95)]
    assert task._references(torch.tensor([5, 0, 95])) == wanted


def test_sequences_without_a_source_have_no_references(tmp_path):
    task = task_of(texts.planned(tmp_path, texts.cycles(tmp_path), teacher="gpt-2", student="gpt-1").dataset)
    assert task._references(torch.arange(3)) == []
