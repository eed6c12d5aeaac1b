"""Vocabularies: a tokenizer with the numbers of its special tokens, learnt or brought along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from kdcore.bring.room import Room
from kdcore.bring.rows.chunks import Unreadable
from kdcore.bring.rows.encoding import codec_of
from kdcore.bring.rows.files import matching
from kdcore.bring.text.learning import Texts, learnt, wordpiece
from kdcore.data.pack import TOKENIZER
from kdcore.errors import EngineError
from kdcore.spec.bringing.tokenizers import TokenizerChoice

LARGEST = 1_000_000
"""Entries of a vocabulary."""

POINTER = "/tokenizer/file"

NAMES = {
    "padding": ("[PAD]", "<pad>"),
    "unknown": ("[UNK]", "<unk>"),
    "begin": ("[CLS]", "[BOS]", "<s>", "<bos>", "<|startoftext|>"),
    "separator": ("[SEP]", "<sep>", "</s>"),
    "mask": ("[MASK]", "<mask>"),
    "end": ("[EOS]", "</s>", "<eos>", "<|endoftext|>"),
}
"""What special tokens are called in vocabularies, for each of their roles."""


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer as a dataset uses it.

    Attributes:
        tokenizer: neither pads nor cuts, and adds no special tokens, unless a reader tells it to.
        special: numbers by role; as on the card.
        size: one more than the largest number.
    """

    tokenizer: Tokenizer
    special: dict[str, int]

    @property
    def size(self) -> int:
        """Of the table of embeddings."""
        return max(self.tokenizer.get_vocab(with_added_tokens=True).values()) + 1

    def token(self, role: str) -> str:
        """The special token of a role."""
        found = self.tokenizer.id_to_token(self.special[role])
        assert found is not None
        return found

    def saved(self, scratch: Path) -> dict[str, Path]:
        """The file for the pack."""
        path = scratch / TOKENIZER
        self.tokenizer.save(str(path), pretty=False)
        return {TOKENIZER: path}


def vocabulary(choice: TokenizerChoice, texts: Texts, roles: Sequence[str], room: Room) -> Vocabulary:
    """The vocabulary that a description asks for.

    Args:
        texts: of the training split.
        roles: that special tokens are needed for; ``padding`` and ``unknown`` first.

    Raises:
        EngineError: ``invalid_data``, when a file is none of a tokenizer.
    """
    if choice.train is not None:
        made = learnt(choice.train, texts, [_first(role, roles) for role in roles])
    else:
        assert choice.file is not None
        made = _brought(choice.file, room, lowercase=choice.lowercase)
    return _with_roles(made, roles, room)


def _first(role: str, roles: Sequence[str]) -> str:
    """What a learnt vocabulary calls a special token: BERT's names, but where texts are generated."""
    return "[BOS]" if role == "begin" and "end" in roles else NAMES[role][0]


def _with_roles(tokenizer: Tokenizer, roles: Sequence[str], room: Room) -> Vocabulary:
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.encode_special_tokens = True  # a text that holds "[SEP]" holds letters
    special, added = {}, []
    for role in roles:
        number = next((found for name in NAMES[role] if (found := tokenizer.token_to_id(name)) is not None), None)
        if number is None and role == "unknown":
            continue  # a vocabulary of bytes knows everything
        if number is None:
            tokenizer.add_special_tokens([_first(role, roles)])
            number = tokenizer.token_to_id(_first(role, roles))
            added.append(_first(role, roles))
        assert number is not None
        special[role] = number
    made = Vocabulary(tokenizer, special)
    if made.size > LARGEST:
        raise EngineError("invalid_data", f"has token numbers beyond {LARGEST}: bring a smaller vocabulary", POINTER)
    if added:
        message = f"the tokenizer has no {', '.join(added)}: added behind its other tokens"
        room.found.warn("added_tokens", message, tokens=added)
    return made


def _brought(pattern: str, room: Room, *, lowercase: bool) -> Tokenizer:
    name = matching(room.tree, (pattern,), POINTER)[0]
    path = room.tree.path(name)
    if path.stat().st_size > room.caps.item_bytes:
        raise EngineError("invalid_data", f"{name} is larger than the {room.caps.item_bytes} bytes allowed", POINTER)
    if path.suffix.lower() == ".txt":
        return _from_list(path, name, room.caps.line_bytes, lowercase=lowercase)
    try:
        made = Tokenizer.from_buffer(path.read_bytes())
    except BaseException as error:  # the library panics outside of Exception
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        message = f"{name} is no tokenizer.json ({str(error).splitlines()[0][:200]}): save it with save_pretrained"
        raise EngineError("invalid_data", message, POINTER) from None
    if not made.get_vocab_size():
        raise EngineError("invalid_data", f"{name} has no vocabulary", POINTER)
    return made


def _from_list(path: Path, name: str, longest: int, *, lowercase: bool) -> Tokenizer:
    try:
        codec = codec_of(path, "auto", longest)
    except Unreadable as error:
        raise EngineError("invalid_data", f"{name} {error.message}", POINTER) from None
    words = path.read_text(encoding=codec).split("\n")
    words = [word.rstrip("\r") for word in (words[:-1] if words[-1] == "" else words)]
    if len(set(words)) < len(words) or "[UNK]" not in words:
        message = f"{name} is no WordPiece vocabulary: it needs a token a line, each once, and [UNK] among them"
        raise EngineError("invalid_data", message, POINTER)
    return wordpiece({word: number for number, word in enumerate(words)}, "[UNK]", lowercase=lowercase)
