"""Tokenisers of machine translation by name, as sacrebleu defines them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache

from tasks.errors import BadEvaluation, unknown
from tasks.metrics.texts import Tokenize

TOKENIZERS = {
    "13a": "as WMT does",
    "intl": "by Unicode classes",
    "zh": "Chinese characters apart",
    "char": "every character",
    "none": "on spaces as they are",
    "ja-mecab": "Japanese words",
    "ko-mecab": "Korean words",
    "flores101": "SentencePiece pieces",
    "flores200": "SentencePiece pieces",
}


_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
"""Scripts written without spaces: Thai, Lao, Burmese, Khmer, Japanese and Chinese."""


def noted(name: str, given: str | Tokenize, texts: Iterable[str]) -> dict[str, str]:
    """Return a tag that says so where `13a` cuts texts of a script without spaces.

    >>> noted("bleu", "13a", ["猫", "cat"])["bleu_note"]
    "1 references are in a script without spaces, which 13a does not cut: try 'zh', 'ja-mecab' or 'char'"
    """
    found = sum(_UNSPACED.search(text) is not None for text in texts) if given == "13a" else 0
    if not found:
        return {}
    return {
        f"{name}_note": f"{found} references are in a script without spaces, which 13a does not cut: "
        "try 'zh', 'ja-mecab' or 'char'"
    }


@cache
def tokenizer(name: str) -> Callable[[str], str]:
    """Return a tokeniser by name: from a text to its tokens with single spaces between.

    Raises:
        UnknownName: There is no such tokeniser.
        BadEvaluation: What it needs is not installed or cannot be downloaded.

    >>> tokenizer("13a")("Hello, world.")
    'Hello , world .'
    """
    if name not in TOKENIZERS:
        raise unknown("tokenizer", name, TOKENIZERS)
    from sacrebleu.metrics.bleu import BLEU

    try:
        made: Callable[[str], str] = BLEU(tokenize=name).tokenizer
    except (Exception, SystemExit) as problem:
        package = {"ja-mecab": "sacrebleu[ja]", "ko-mecab": "sacrebleu[ko]"}.get(name)
        if package:
            raise BadEvaluation(
                f"The tokenizer '{name}' is not installed: pip install {package}."
            ) from problem
        raise BadEvaluation(
            f"The tokenizer '{name}' downloads its model at first use, and that failed: "
            f"{str(problem).strip().splitlines()[0]}."
        ) from problem
    return made


def cutter(given: str | Tokenize) -> Tokenize:
    """Return a function from a text to its tokens: a named tokeniser's, or the one given.

    >>> cutter("13a")("a, b")
    ['a', ',', 'b']
    """
    if not isinstance(given, str):
        return given
    cut = tokenizer(given)
    return lambda text: cut(text).split()
