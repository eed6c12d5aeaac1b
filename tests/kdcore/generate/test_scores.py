"""Scores of texts are those of sacrebleu and rouge-score for any corpus, though they are made of sums."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF

from kdcore.generate.scores import COLUMNS, figures, statistics

TEXTS = ["the cat sat on the mat .", "a dog runs", "", "there is nothing alike here, or is there?"]
REFERENCES = [
    ["the cat sat on a mat.", "a cat is on the mat"],
    ["a dog runs fast in the park", "the dog is running"],
    ["something"],
    ["completely other words"],
]
WORDS = st.lists(
    st.sampled_from(["the", "a", "cat", "dog", "mat", "runs", "sits", "on", "big", ",", ".", "of"]), max_size=9
).map(" ".join)
CORPUS = st.lists(st.tuples(WORDS, st.lists(WORDS, min_size=1, max_size=3)), min_size=1, max_size=8)


def streams(references):
    """References as sacrebleu wants them: one stream for each place, None where a text has fewer."""
    most = max(map(len, references))
    return [[given[i] if i < len(given) else None for given in references] for i in range(most)]


def published(texts, references):
    rouge = RougeScorer(["rougeL"])
    scores = [rouge.score_multi(given, text)["rougeL"].fmeasure for text, given in zip(texts, references, strict=True)]
    return {
        "bleu": BLEU(force=True).corpus_score(texts, streams(references)).score / 100,
        "chrf": CHRF().corpus_score(texts, streams(references)).score / 100,
        "rouge_l": sum(scores) / len(scores),
    }


def ours(texts, references):
    return {name: float(value) for name, value in figures(statistics(texts, references).sum(0)).items()}


def test_a_corpus_scores_what_sacrebleu_says():
    assert ours(TEXTS, REFERENCES) == pytest.approx(published(TEXTS, REFERENCES), rel=1e-12)


@settings(max_examples=60, deadline=None)
@given(CORPUS)
def test_any_corpus_scores_what_sacrebleu_says(corpus):
    texts, references = map(list, zip(*corpus, strict=True))
    assert ours(texts, references) == pytest.approx(published(texts, references), rel=1e-9, abs=1e-12)


def test_texts_equal_to_a_reference_score_one_and_texts_without_one_do_not_count():
    texts = ["the cat sat on the mat", "a dog runs in the park"]
    assert ours(texts, [[text, "other"] for text in texts]) == pytest.approx({"bleu": 1, "chrf": 1, "rouge_l": 1})
    more = statistics([*texts, "junk"], [*([text] for text in texts), []])
    assert more.shape == (3, COLUMNS)
    assert float(figures(more.sum(0))["rouge_l"]) == 1


def test_many_sums_give_as_many_figures():
    rows = statistics(TEXTS, REFERENCES)
    weights = torch.randint(0, 3, (50, 4), generator=torch.Generator().manual_seed(0)).double()
    many = figures(weights @ rows)
    for at in range(0, 50, 7):
        one = figures(weights[at] @ rows)
        assert {name: float(value[at]) for name, value in many.items()} == pytest.approx(
            {name: float(value) for name, value in one.items()}
        )
    assert all(value.isfinite().all() and value.min() >= 0 and value.max() <= 1 for value in many.values())
