"""Tiny packs of text generation: words to be said backwards, and letters that follow each other in a cycle."""

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from kdcore.data.pack import Split, seal, write_split
from kdcore.spec import parse_spec, plan
from kdcore.spec.brought import Brought, BroughtDataset

SPECIAL = {"padding": 0, "begin": 1, "end": 2}
LETTERS = "abcdefgh"
VOCABULARY = len(SPECIAL) + len(LETTERS)
SOURCE, ANSWER, LENGTH = 6, 7, 12

TRAINING = {"epochs": 4, "batch_size": 16, "optimizer": {"name": "adamw", "lr": 0.003}}
SIZES = {"hidden": 24, "heads": 2}


def reversed_words(folder, counts=(96, 32, 24)):
    """A pack of pairs: a word of two to five letters, and the same word backwards."""
    for number, (name, count) in enumerate(zip(("train", "validation", "test"), counts, strict=True)):
        write_split(folder, name, _pairs(count, number))
    _tokenizer().save(str(folder / "tokenizer.json"))
    return _sealed(folder, "backwards", counts, SOURCE + ANSWER, source_length=SOURCE, tokenizer="tokenizer.json")


def cycles(folder, counts=(96, 32, 24)):
    """A pack of sequences in which each letter is followed by the next one, or rarely by any."""
    for number, (name, count) in enumerate(zip(("train", "validation", "test"), counts, strict=True)):
        draw = torch.Generator().manual_seed(number)
        steps = torch.where(
            torch.rand(count, LENGTH, generator=draw) < 0.9, 1, torch.randint(0, 8, (count, LENGTH), generator=draw)
        )
        ids = (torch.randint(0, 8, (count, 1), generator=draw) + steps.cumsum(1)) % len(LETTERS) + len(SPECIAL)
        whole = torch.cat([ids, (ids[:, -1:] - 2) % len(LETTERS) + len(SPECIAL)], 1).int().numpy()
        write_split(folder, name, Split(whole[:, :-1], whole[:, 1:]))
    return _sealed(folder, "cycles", counts, LENGTH, special={})


def _pairs(count, seed):
    draw = torch.Generator().manual_seed(seed)
    inputs = torch.zeros(count, SOURCE + ANSWER, dtype=torch.int32)
    targets = torch.full((count, ANSWER), -100, dtype=torch.int32)
    references = []
    for row in range(count):
        size = int(torch.randint(2, SOURCE, (), generator=draw))
        word = torch.randint(len(SPECIAL), VOCABULARY, (size,), generator=draw).int()
        answer = torch.cat([torch.tensor([SPECIAL["begin"]]), word.flip(0), torch.tensor([SPECIAL["end"]])])
        inputs[row, :size] = word
        inputs[row, SOURCE : SOURCE + size + 1] = answer[:-1]
        targets[row, : size + 1] = answer[1:]
        text = [LETTERS[token - len(SPECIAL)] for token in word.tolist()]
        references.append({"source": " ".join(text), "references": [" ".join(text[::-1])]})
    return Split(inputs.numpy(), targets.numpy(), references=references)


def _tokenizer():
    words = {f"<{name}>": at for name, at in SPECIAL.items()} | {c: i + len(SPECIAL) for i, c in enumerate(LETTERS)}
    tokenizer = Tokenizer(WordLevel(words, unk_token="<padding>"))
    tokenizer.add_special_tokens([f"<{name}>" for name in SPECIAL])
    return tokenizer


def _sealed(folder, name, counts, length, *, special=SPECIAL, **given):
    return seal(
        folder,
        {
            "name": name,
            "task": "generation",
            "input": {"kind": "tokens", "shape": [length], "vocabulary": VOCABULARY, "special": special, **given},
            "target": {"classes": [], "ignored": -100},
            "splits": dict(zip(("train", "validation", "test"), ({"count": count} for count in counts), strict=True)),
        },
    )


def planned(folder, card, *, teacher="bart-2", student="bart-1", student_labels=None, **changes):
    """The plan of a small job on a pack; ``teacher`` None for one without."""
    spec = {
        "name": "texts",
        "dataset": {"path": str(folder)},
        "teacher": {"architecture": teacher, "options": SIZES, "train": {"epochs": 2}},
        "student": {"architecture": student, "options": SIZES, "labels": student_labels},
        "method": "word-kd",
        "training": TRAINING,
        "deliver": ["safetensors", "onnx"],
        "resources": {"device": "cpu", "threads": 1},
        **changes,
    }
    if teacher is None:
        del spec["teacher"]
    return replanned(folder, card, spec)


def replanned(folder, card, spec):
    """The plan of a spec on a pack."""
    brought = Brought(datasets={str(folder): BroughtDataset(card, folder=str(folder))})
    return plan(parse_spec(spec), allow_paths=True, brought=brought)
