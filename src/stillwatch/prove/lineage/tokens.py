"""What a token is, for a tracer: the units whose coins are looked up.

A mark lives in the provider's tokens. A suspect may use another tokeniser; its text is simply read with
the provider's, which is valid (the test is exact for any text) and costs power only where the suspect
writes a word in pieces that the provider never emits.

- `words`: lower-cased words and marks of punctuation, hashed to 32 bits; needs no vocabulary.
- `vocabulary:NAME`: words of a list, one per line, separated by spaces in texts; anything else is skipped.
- `tokenizer:NAME`: a Hugging Face `tokenizer.json` (needs the package `tokenizers`).

Named files lie in the `tokens` folder of the key directory; the name begins with the hash of the content,
so that the commitment to a key covers its tokens.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stillwatch.errors import SettingsError, UsageError

Ids = NDArray[np.int64]
Encoder = Callable[[str], Ids]
_WORD = re.compile(r"\w+|[^\w\s]")


def adopt(spec: str, folder: Path) -> str:
    """Take a tokens file into a key directory; `words` needs none.

    Args:
        spec: `words`, `vocabulary:FILE` or `tokenizer:FILE`.
        folder: the `tokens` folder of the key directory.

    Returns:
        What the key's card says: the same, with the file's kept name.

    Raises:
        UsageError: when the kind is unknown or the file cannot be read.
    """
    kind, _, file = spec.partition(":")
    if spec == "words":
        return spec
    if kind not in ("vocabulary", "tokenizer") or not file:
        raise UsageError(f"`{spec}` names no tokens", hint="`words`, `vocabulary:FILE` or `tokenizer:FILE`")
    try:
        content = Path(file).read_bytes()
    except OSError as why:
        raise UsageError(f"cannot read `{file}`: {why.strerror}") from why
    name = f"{hashlib.sha256(content).hexdigest()[:16]}-{Path(file).name}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = folder / f".{name}.part"
    part.write_bytes(content)
    part.replace(folder / name)
    return f"{kind}:{name}"


def encoder(spec: str, folder: Path) -> Encoder:
    """Give the function that turns a text into token ids.

    Raises:
        SettingsError: when the tokens file is missing, was changed, or needs a package that is not installed.
    """
    kind, _, name = spec.partition(":")
    if kind == "words":
        return words
    path = folder / name
    try:
        content = path.read_bytes()
    except OSError as why:
        raise SettingsError(f"the tokens of a key are missing: `{path}`", hint="restore them from a backup") from why
    if hashlib.sha256(content).hexdigest()[:16] != name.split("-", 1)[0]:
        raise SettingsError(f"the tokens in `{path}` were changed", hint="restore them from a backup")
    return _vocabulary(content.decode("utf-8")) if kind == "vocabulary" else _tokenizer(content.decode("utf-8"))


def words(text: str) -> Ids:
    """Give the 32-bit hashes of a text's words, lower-cased and in compatibility form."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return np.array([_hash(word) for word in _WORD.findall(plain)], dtype=np.int64)


@lru_cache(maxsize=1 << 18)
def _hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=4).digest(), "little")


def _vocabulary(content: str) -> Encoder:
    ids = {word: i for i, word in enumerate(content.split("\n")) if word}

    def encode(text: str) -> Ids:
        return np.array([ids[word] for word in text.split() if word in ids], dtype=np.int64)

    return encode


def _tokenizer(content: str) -> Encoder:
    try:
        import tokenizers
    except ImportError as why:
        raise SettingsError(
            "these keys need the package `tokenizers`", hint="install it: `pip install 'stillwatch[audit]'`"
        ) from why
    made: Any = tokenizers.Tokenizer.from_str(content)

    def encode(text: str) -> Ids:
        return np.array(made.encode(text, add_special_tokens=False).ids, dtype=np.int64)

    return encode
