"""Porter's stems of English words, each word stemmed once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache


@cache
def _stemmer() -> Callable[[str], str]:
    from nltk.stem.porter import PorterStemmer

    made: Callable[[str], str] = PorterStemmer().stem
    return made


@lru_cache(maxsize=2**18)
def stem(word: str) -> str:
    """Return a word's stem.

    >>> stem("running")
    'run'
    """
    return _stemmer()(word)
