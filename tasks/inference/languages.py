"""Languages: how a translation model is told what it reads and what it is to write.

mBART, M2M100 and NLLB begin what they write with a token of the language; some Marian models begin what
they read with one.
"""

from __future__ import annotations

import re
from typing import Any

from tasks.errors import BadEvaluation, unknown
from tasks.inference.predictor import Options

_CODE = re.compile(r"(?:__)?([a-z]{2,3}(?:_[A-Z][A-Za-z]{1,3})?)(?:__)?")
SEVERAL = frozenset({"m2m_100", "nllb-moe"})
"""Model types that write the wrong language unless they are told which."""


def of(tokenizer: Any) -> dict[str, int]:
    """Return the tokens that stand for languages, by the language's name."""
    found = {}
    for token in tokenizer.all_special_tokens:
        match = _CODE.fullmatch(str(token))
        if match:
            found[match[1]] = int(tokenizer.convert_tokens_to_ids(str(token)))
    return dict(sorted(found.items()))


def forced(tokenizer: Any, options: Options, model_type: str, name: str) -> int | None:
    """Set the language that a tokenizer reads, and return the token that what is written begins with.

    Returns:
        None for a model that has no such tokens, or where none is asked for.

    Raises:
        UnknownName: A language is none of the model's.
        BadEvaluation: The model needs to be told a language, and was not.
    """
    there_is = of(tokenizer) if hasattr(tokenizer, "src_lang") else {}
    for language in (options.source_language, options.target_language):
        if there_is and language is not None and language not in there_is:
            raise unknown(f"language of the model '{name}'", language, there_is)
    if there_is and options.source_language:
        tokenizer.src_lang = options.source_language
    if there_is and options.target_language:
        return there_is[options.target_language]
    if model_type in SEVERAL:
        raise BadEvaluation(
            f"The model '{name}' writes {len(there_is)} languages; say which as "
            "settings.generation.target_language (and source_language), as in "
            f"{', '.join(list(there_is)[:3])}."
        )
    return None


def mark(tokenizer: Any, options: Options) -> str | None:
    """Return what a text begins with for a model that is told its target that way; None for others."""
    token = f">>{options.target_language}<<"
    if options.target_language and token in tokenizer.get_vocab():
        return f"{token} "
    return None
