"""Rewritten examples: what was written stands behind the prompt, once as input and one token earlier as target."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from kdcore.generate.rewriting import prompt_of, rewritten, written
from kdcore.spec.cards import InputCard
from kdcore.spec.generated import StudentTexts, TeacherTexts, writing_plan

SPECIAL = {"padding": 0, "begin": 1, "end": 2}


def pairs(**options):
    card = InputCard(kind="tokens", shape=(8,), vocabulary=20, source_length=3, special=SPECIAL)
    return writing_plan(TeacherTexts(**options), "teacher", card)


def test_behind_a_source_everything_is_written_after_the_token_that_begins():
    inputs = torch.tensor([[7, 8, 0, 1, 11, 12, 0, 0]])
    plan = pairs()
    prompt = prompt_of(inputs, plan)
    assert (prompt.source.tolist(), prompt.prefix.tolist(), prompt.steps) == ([[7, 8, 0]], [[1]], 5)
    fed, targets = rewritten(inputs, torch.tensor([[15, 16, 2, 0, 0]]), plan)
    assert fed.tolist() == [[7, 8, 0, 1, 15, 16, 2, 0]]
    assert targets.tolist() == [[15, 16, 2, -100, -100]]


def test_a_text_without_an_end_fills_its_length_and_a_bound_cuts_it():
    inputs = torch.tensor([[7, 8, 9, 1, 11, 12, 13, 14]])
    fed, targets = rewritten(inputs, torch.tensor([[3, 4, 5, 6, 7]]), pairs())
    assert (fed.tolist(), targets.tolist()) == ([[7, 8, 9, 1, 3, 4, 5, 6]], [[3, 4, 5, 6, 7]])
    short = pairs(max_new_tokens=2)
    assert prompt_of(inputs, short).steps == 2
    fed, targets = rewritten(inputs, torch.tensor([[3, 4]]), short)
    assert (fed.tolist(), targets.tolist()) == ([[7, 8, 9, 1, 3, 4, 0, 0]], [[3, 4, -100, -100, -100]])


def test_without_a_source_the_beginning_is_given_and_counts_nowhere():
    card = InputCard(kind="tokens", shape=(8,), vocabulary=20)
    plan = writing_plan(StudentTexts(prompt=0.5), "student", card)
    inputs = torch.arange(3, 11)[None]
    prompt = prompt_of(inputs, plan)
    assert (prompt.source.shape, prompt.prefix.tolist(), prompt.steps, prompt.end) == ((1, 0), [[3, 4, 5, 6]], 5, None)
    fed, targets = rewritten(inputs, torch.tensor([[15, 16, 17, 18, 19]]), plan)
    assert fed.tolist() == [[3, 4, 5, 6, 15, 16, 17, 18]]
    assert targets.tolist() == [[-100, -100, -100, 15, 16, 17, 18, 19]]


def test_a_separator_says_where_each_prompt_ends():
    card = InputCard(kind="tokens", shape=(7,), vocabulary=20, special={**SPECIAL, "separator": 3})
    plan = writing_plan(TeacherTexts(), "teacher", card)
    inputs = torch.tensor([[1, 7, 3, 11, 12, 0, 0], [1, 7, 8, 9, 3, 11, 12]])
    asked = []

    def write(prompt, rows):
        asked.append((prompt.prefix.tolist(), prompt.steps, rows.tolist()))
        return torch.full((len(rows), prompt.steps), 15)

    tokens = written(inputs, plan, write)
    assert asked == [([[1, 7, 3]], 5, [0]), ([[1, 7, 8, 9, 3]], 3, [1])]
    fed, targets = rewritten(inputs, tokens, plan)
    assert fed.tolist() == [[1, 7, 3, 15, 15, 15, 15], [1, 7, 8, 9, 3, 15, 15]]
    assert targets.tolist() == [[-100, -100, 15, 15, 15, 15, 15], [-100, -100, -100, -100, 15, 15, 15]]


@given(st.integers(0, 4), st.integers(2, 9), st.floats(0.05, 0.95), st.none() | st.integers(1, 12), st.integers(0, 99))
def test_each_target_is_the_next_input_wherever_both_are_there(source, length, share, most, seed):
    card = InputCard(
        kind="tokens", shape=(source + length,), vocabulary=9, source_length=source or None, special=SPECIAL
    )
    plan = writing_plan(StudentTexts(prompt=share, max_new_tokens=most), "student", card)
    draw = torch.Generator().manual_seed(seed)
    inputs = torch.randint(3, 9, (4, source + length), generator=draw)
    tokens = torch.randint(2, 9, (4, plan.steps), generator=draw)
    fed, targets = rewritten(inputs, tokens, plan)
    assert fed.shape == inputs.shape
    assert torch.equal(fed[:, : source + plan.prompt], inputs[:, : source + plan.prompt])
    following = fed[:, source + 1 :]
    counted = targets[:, :-1] != -100
    assert torch.equal(following[counted], targets[:, :-1][counted])
    assert (targets != -100).any(1).all()
