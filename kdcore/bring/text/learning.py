"""Tokenizers learnt from texts: the same from the same texts, on every machine.

The library's own WordPiece trainer numbers characters in the order of a hash map that differs from run to run, and so
breaks ties differently; here the alphabet is collected first and handed over in order. Its Unigram trainer adds up
floating-point numbers in such an order, which nothing from outside can mend, so Unigram tokenizers are only taken from
files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from kdcore.spec.bringing.tokenizers import TokenizerTraining

Texts = Callable[[], Iterator[str]]
"""Gives the training texts, from the first, each time that it is called."""

ALPHABET = 6000
"""Characters that a learnt WordPiece knows, the commonest; each needs two entries."""


def learnt(training: TokenizerTraining, texts: Texts, special: list[str]) -> Tokenizer:
    """A tokenizer for texts.

    Args:
        special: tokens that get the first numbers, in this order; the second stands for the unknown.
    """
    makers = {"wordpiece": _wordpiece, "bpe": _bpe, "characters": _characters}
    return makers[training.kind](training, texts, special)


def wordpiece(vocabulary: dict[str, int], unknown: str, *, lowercase: bool) -> Tokenizer:
    """BERT's tokenizer (Devlin et al. 2019) with a vocabulary."""
    made = Tokenizer(models.WordPiece(vocab=vocabulary, unk_token=unknown))
    made.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    return made


def _wordpiece(training: TokenizerTraining, texts: Texts, special: list[str]) -> Tokenizer:
    unknown, normalizer = special[1], normalizers.BertNormalizer(lowercase=training.lowercase)
    alphabet = _alphabet(
        map(normalizer.normalize_str, texts()), min(ALPHABET, (training.vocabulary - len(special)) // 3)
    )
    pieces = [*alphabet, *(f"##{letter}" for letter in alphabet)]
    raw = wordpiece({}, unknown, lowercase=training.lowercase)
    trainer = trainers.WordPieceTrainer(
        vocab_size=training.vocabulary,
        special_tokens=[*special, *pieces],  # so that they are numbered in this order
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        show_progress=False,
    )
    raw.train_from_iterator(texts(), trainer)
    made = wordpiece(raw.get_vocab(), unknown, lowercase=training.lowercase)
    made.add_special_tokens(special)
    return made


def _alphabet(texts: Iterable[str], most: int) -> list[str]:
    """The commonest characters but blanks, in their own order."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    letters = [letter for letter in counts if not letter.isspace()]
    return sorted(sorted(letters, key=lambda letter: (-counts[letter], letter))[:most])


def _bpe(training: TokenizerTraining, texts: Texts, special: list[str]) -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=max(training.vocabulary, len(special) + len(alphabet)),
        special_tokens=special,
        initial_alphabet=alphabet,
        show_progress=False,
    )
    made.train_from_iterator(texts(), trainer)
    return made


def _characters(training: TokenizerTraining, texts: Texts, special: list[str]) -> Tokenizer:
    counts: Counter[str] = Counter()
    for text in texts():
        counts.update(text)
    most = training.vocabulary - len(special)
    letters = sorted(sorted(counts, key=lambda letter: (-counts[letter], letter))[:most])
    vocabulary = {token: number for number, token in enumerate([*special, *letters])}
    made = Tokenizer(models.WordLevel(vocab=vocabulary, unk_token=special[1]))
    made.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    made.decoder = decoders.Fuse()
    made.add_special_tokens(special)
    return made
