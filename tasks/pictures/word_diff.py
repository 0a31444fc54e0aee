"""Word diffs: what a text lacks of the right one, and what it has besides."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.pictures.page import escaped

MOST_WORDS = 400
"""Words of either text that are compared; the rest is counted."""
ALIKE = 0.35
"""Share of words in common below which two texts are shown one under the other instead."""


def words_of(text: str) -> list[str]:
    """Return what a text is compared by: its words, or its characters where it has no spaces between words.

    >>> words_of("the cat"), words_of("猫がいる")
    (['the', 'cat'], ['猫', 'が', 'い', 'る'])
    """
    words = text.split()
    if len(words) <= 2 and len(text) > 3 and not text.isascii():
        return [sign for sign in text if not sign.isspace()]
    return words


def closest(prediction: str, references: Sequence[str]) -> str:
    """Return the right text that is nearest to a predicted one, by words.

    >>> closest("a black cat", ["two dogs", "the black cat"])
    'the black cat'
    """
    from rapidfuzz.distance import Levenshtein

    words = words_of(prediction)[:MOST_WORDS]
    return min(
        references, key=lambda each: Levenshtein.distance(words_of(each)[:MOST_WORDS], words), default=""
    )


def word_diff(reference: str, prediction: str) -> str:
    """Return a right and a predicted text as one in HTML: missing words struck out, extra ones underlined.

    Texts with little in common are shown one under the other, since such a diff says nothing.

    >>> word_diff("the cat sat", "the <b> sat")
    'the <del title="missing">cat</del> <ins title="extra">&lt;b&gt;</ins> sat'
    """
    from rapidfuzz.distance import Levenshtein

    right, given = words_of(reference), words_of(prediction)
    gap = " " if any(each.isspace() for each in reference + prediction) else ""
    more = max(len(right), len(given)) - MOST_WORDS
    right, given = right[:MOST_WORDS], given[:MOST_WORDS]
    steps = Levenshtein.opcodes(right, given)
    same = sum(step.src_end - step.src_start for step in steps if step.tag == "equal")
    if same < ALIKE * min(len(right), len(given)) or not same:
        parts = [_marked("del", right, gap), _marked("ins", given, gap)]
    else:
        parts = []
        for step in steps:
            missing, extra = right[step.src_start : step.src_end], given[step.dest_start : step.dest_end]
            if step.tag == "equal":
                parts.append(escaped(gap.join(missing)))
            else:
                parts += [_marked("del", missing, gap), _marked("ins", extra, gap)]
    if more > 0:
        parts.append(f"… ({more} more words)")
    return gap.join(part for part in parts if part)


def _marked(tag: str, words: Sequence[str], gap: str) -> str:
    if not words:
        return ""
    title = "missing" if tag == "del" else "extra"
    return f'<{tag} title="{title}">{escaped(gap.join(words))}</{tag}>'
