"""Decoding: what transformers' ``generate`` writes with the same weights, and what a hand can work out."""

import pytest
import torch

from kdcore.generate import Prompt, Recomputing, beam_search, greedy, sample, writer_of
from kdcore.models.bart import Bart
from kdcore.models.gpt import GPT
from kdcore.models.huggingface_generation import to_ours
from kdcore.models.t5 import T5

transformers = pytest.importorskip("transformers")

V, S, STEPS, END = 24, 6, 9, 2
CLASSES = {"gpt": GPT, "bart": Bart, "t5": T5}


def theirs(name, seed=0):
    torch.manual_seed(seed)
    marks = {"vocab_size": V, "bos_token_id": 1, "eos_token_id": END, "pad_token_id": 0}
    if name == "gpt":
        config = transformers.GPT2Config(n_embd=24, n_layer=2, n_head=3, n_positions=20, **marks)
        model = transformers.GPT2LMHeadModel(config)
    elif name == "bart":
        config = transformers.BartConfig(
            d_model=24, encoder_layers=2, decoder_layers=2, encoder_attention_heads=3, decoder_attention_heads=3,
            encoder_ffn_dim=40, decoder_ffn_dim=40, decoder_start_token_id=1, max_position_embeddings=16,
            forced_eos_token_id=None, **marks,
        )  # fmt: skip
        model = transformers.BartForConditionalGeneration(config)
    else:
        config = transformers.T5Config(
            d_model=24, d_kv=8, d_ff=40, num_layers=2, num_heads=3, decoder_start_token_id=0, **marks
        )
        model = transformers.T5ForConditionalGeneration(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.15)
    return model.eval()


def pair(name, seed=0):
    """A model of transformers, and ours with its weights."""
    model = theirs(name, seed)
    architecture, options, weights = to_ours(model.config.to_dict(), model.state_dict())
    options.pop("vocabulary")
    lengths = {} if name == "gpt" else {"source_length": S}
    network = CLASSES[name](V, int(architecture.split("-")[1]), options.pop("hidden"), **options, **lengths)
    network.load_state_dict(weights)
    return model, network.eval()


def prompts(name, rows=5):
    ids = torch.randint(3, V, (rows, S), generator=torch.Generator().manual_seed(3))
    if name == "gpt":
        return Prompt(ids[:, :0], ids, STEPS, END)
    ids[1, 3:] = 0
    start = torch.full((rows, 1), 1 if name == "bart" else 0)
    return Prompt(ids, start, STEPS, END)


def said_by_theirs(model, prompt, **options):
    ids = prompt.source if prompt.source.shape[1] else prompt.prefix
    found = model.generate(
        input_ids=ids, attention_mask=(ids != 0).long(), max_new_tokens=STEPS, do_sample=False, **options
    )[:, prompt.prefix.shape[1] :]
    return torch.nn.functional.pad(found, (0, STEPS - found.shape[1]))


def ended(tokens):
    """Padding behind the first end, as ours has it everywhere."""
    behind = ((tokens == END).long().cumsum(1) - (tokens == END).long()) > 0
    return tokens.masked_fill(behind, 0)


@pytest.mark.parametrize("name", CLASSES)
def test_greedy_writes_what_transformers_writes(name):
    model, network = pair(name)
    prompt = prompts(name)
    assert torch.equal(greedy(network, prompt), ended(said_by_theirs(model, prompt, num_beams=1)))


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("penalty", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("name", CLASSES)
def test_beam_search_finds_the_beams_of_transformers(name, penalty, early):
    for seed in range(3):
        model, network = pair(name, seed)
        prompt = prompts(name)
        options = {"length_penalty": penalty, "early_stopping": early}
        expected = ended(said_by_theirs(model, prompt, num_beams=4, **options))
        assert torch.equal(beam_search(network, prompt, beams=4, **options), expected)


@pytest.mark.parametrize("name", CLASSES)
def test_a_beam_of_one_is_greedy_and_each_row_is_alone(name):
    _, network = pair(name)
    prompt = prompts(name)
    assert torch.equal(beam_search(network, prompt, beams=1, early_stopping=True), greedy(network, prompt))
    whole = beam_search(network, prompt, beams=3)
    for row in range(5):
        one = Prompt(prompt.source[row : row + 1], prompt.prefix[row : row + 1], STEPS, END)
        assert torch.equal(beam_search(network, one, beams=3), whole[row : row + 1])


@pytest.mark.parametrize("name", CLASSES)
def test_a_network_without_memory_writes_the_same(name):
    _, network = pair(name)
    prompt = prompts(name)
    length = prompt.source.shape[1] + prompt.prefix.shape[1] + STEPS - 1
    slow = Recomputing(network, length)
    assert torch.equal(greedy(slow, prompt), greedy(network, prompt))
    assert torch.equal(beam_search(slow, prompt, beams=3), beam_search(network, prompt, beams=3))
    assert writer_of(network, length) is network
    assert isinstance(writer_of(torch.nn.Identity(), length), Recomputing)


class Table(torch.nn.Module):
    """The next token follows from the last one alone, by a table of probabilities."""

    def __init__(self, table):
        super().__init__()
        self.logits = torch.tensor(table).log()

    def forward(self, ids):
        return self.logits[ids]


def test_beams_find_the_likelier_sentence_that_greed_misses():
    """0 goes to 1 (0.6) or 2 (0.4); from 1 all is uncertain, from 2 the end, 3, is sure."""
    table = [[0.0, 0.6, 0.4, 0.0], [0.3, 0.2, 0.2, 0.3], [0.0, 0.0, 0.0, 1.0], [0.25] * 4]
    prompt = Prompt(torch.zeros(1, 0, dtype=torch.long), torch.zeros(1, 1, dtype=torch.long), 2, end=3)
    writer = Recomputing(Table(table), 2)
    assert greedy(writer, prompt).tolist()[0][0] == 1
    assert beam_search(writer, prompt, beams=2).tolist() == [[2, 3]]


def test_samples_have_the_networks_frequencies_and_the_nucleus_cuts_the_rare_ones_off():
    table = [[0.1, 0.5, 0.15, 0.25]] * 4
    rows = 20_000
    prompt = Prompt(torch.zeros(rows, 0, dtype=torch.long), torch.zeros(rows, 1, dtype=torch.long), 1)
    fractions = torch.rand(rows, 1, generator=torch.Generator().manual_seed(0))
    writer = Recomputing(Table(table), 1)
    drawn = sample(writer, prompt, fractions).flatten().bincount(minlength=4) / rows
    assert torch.allclose(drawn, torch.tensor(table[0]), atol=0.02)
    nucleus = sample(writer, prompt, fractions, top_p=0.7).flatten().bincount(minlength=4) / rows
    assert torch.allclose(nucleus, torch.tensor([0, 2 / 3, 0, 1 / 3]), atol=0.02)
    cold = sample(writer, prompt, fractions, temperature=0.01)
    assert (cold == 1).all()


def test_samples_follow_from_their_numbers_alone_and_not_from_the_batch():
    _, network = pair("bart")
    prompt = prompts("bart")
    fractions = torch.rand(5, STEPS, generator=torch.Generator().manual_seed(1))
    whole = sample(network, prompt, fractions)
    assert torch.equal(whole, sample(network, prompt, fractions))
    one = Prompt(prompt.source[3:4], prompt.prefix[3:4], STEPS, END)
    assert torch.equal(sample(network, one, fractions[3:4]), whole[3:4])
    assert not torch.equal(whole, sample(network, prompt, 1 - fractions))
