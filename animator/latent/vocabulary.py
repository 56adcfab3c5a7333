"""CLIP's tokenizer, from the vocabulary that open_clip carries: it needs no download."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import CLIPTokenizer

SIZE = 49408
"""Tokens of CLIP's vocabulary; the last two mark the beginning and the end of a text."""

BEGIN, END = "<|startoftext|>", "<|endoftext|>"


@lru_cache(maxsize=1)
def _table() -> tuple[dict[str, int], Any]:
    """Return the number of every token, and the pairs that are merged, those first that go first.

    The tokenizer takes the pairs as pairs, though transformers says as texts.
    """
    from open_clip.tokenizer import SimpleTokenizer

    read = SimpleTokenizer()
    numbers = {token: number for token, number in read.encoder.items() if number < SIZE - 2}
    return {**numbers, BEGIN: SIZE - 2, END: SIZE - 1}, list(read.bpe_ranks)


def clip_tokenizer(pad: str = END) -> CLIPTokenizer:
    """Return CLIP's tokenizer.

    Args:
        pad: the token that fills a short text up to 77; ``!`` for the networks of open_clip.
    """
    from transformers import CLIPTokenizer

    numbers, merges = _table()
    made = CLIPTokenizer(
        vocab=numbers,
        merges=merges,
        unk_token=END,
        bos_token=BEGIN,
        eos_token=END,
        model_max_length=77,
    )
    # Set afterwards, or a "!" in a text would be read as padding.
    made.pad_token = pad
    return made
