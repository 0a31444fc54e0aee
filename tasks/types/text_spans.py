"""Text spans: entities as character ranges of a text, made from tags of words, and judged as tags again.

A span is `{"start": …, "end": …, "label": …}`, its end not included, in characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tasks.errors import BadEvaluation, listing
from tasks.types.objects import field_of, struct_of_lists
from tasks.types.tags import OUTSIDE, split_tag

STARTS = ("start", "begin", "start_offset", "start_char", "char_start", "offset_start", "start_position")
ENDS = ("end", "stop", "end_offset", "end_char", "char_end", "offset_end", "end_position")
LABELS = ("label", "type", "entity", "entity_type", "entity_group", "tag", "category", "class")

Span = dict[str, Any]


def fields(names: Iterable[str]) -> tuple[str, str, str]:
    """Return which fields of a span's struct are its start, its end and its label.

    Raises:
        BadEvaluation: One of them is missing.
    """
    there = list(names)
    found = [field_of(there, each) for each in (STARTS, ENDS, LABELS)]
    for what, names_of, field in zip(("start", "end", "label"), (STARTS, ENDS, LABELS), found, strict=True):
        if field is None:
            raise BadEvaluation(
                f"The spans of a text have no {what} (called {listing(names_of)}); "
                f"there are: {listing(there)}."
            )
    start, end, label = (each or "" for each in found)
    return start, end, label


def spans_of(value: Any) -> list[Span]:
    """Return a row's spans, in order, whichever way the dataset writes them.

    >>> spans_of({"begin": [4], "stop": [8], "type": ["PER"]})
    [{'start': 4, 'end': 8, 'label': 'PER'}]
    """
    struct = struct_of_lists(value)
    if not struct:
        return []
    start, end, label = fields(struct)
    rows = zip(struct[start], struct[end], struct[label], strict=True)
    made = [{"start": int(first), "end": int(last), "label": str(name)} for first, last, name in rows]
    return sorted(made, key=lambda span: (span["start"], -span["end"]))


def disjoint(spans: Sequence[Span]) -> list[Span]:
    """Return spans without those that overlap one before them, or lie within it.

    >>> whole, inner = {"start": 0, "end": 9, "label": "ORG"}, {"start": 4, "end": 9, "label": "LOC"}
    >>> disjoint([whole, inner]) == [whole]
    True
    """
    kept: list[Span] = []
    for span in spans:
        if span["end"] > span["start"] and (not kept or span["start"] >= kept[-1]["end"]):
            kept.append(span)
    return kept


def joined(
    text: str, offsets: Sequence[tuple[int, int]], tags: Sequence[str], scores: Sequence[float]
) -> list[Span]:
    """Return the spans that the tags of words make up, white space at their borders left out.

    A word goes on with the span before it unless its tag begins one, or is of another type. A span's score is
    the mean of its words'.

    >>> joined("Ada Byron came", [(0, 3), (4, 9), (10, 14)], ["B-PER", "I-PER", "O"], [0.5, 1.0, 1.0])
    [{'start': 0, 'end': 9, 'label': 'PER', 'score': 0.75}]
    """
    found: list[tuple[int, int, str, list[float]]] = []
    going = ""
    for (start, end), tag, score in zip(offsets, tags, scores, strict=True):
        prefix, kind = split_tag(tag)
        if tag == OUTSIDE:
            going = ""
        elif kind == going and prefix not in {"B-", "S-", "U-"}:
            first, _, _, own = found[-1]
            found[-1] = (first, end, kind, [*own, score])
        else:
            found.append((start, end, kind, [score]))
            going = kind
    made = []
    for start, end, kind, own in found:
        inside = text[start:end]
        left = start + len(inside) - len(inside.lstrip())
        right = end - len(inside) + len(inside.rstrip())
        if right > left:
            made.append({"start": left, "end": right, "label": kind, "score": float(sum(own) / len(own))})
    return made


def as_tags(one: Sequence[Span], other: Sequence[Span]) -> tuple[list[str], list[str]]:
    """Return two sets of spans over one text as tags of the stretches between their borders.

    An entity of one is then right where the other has one of its label with both borders.

    >>> as_tags([{"start": 0, "end": 9, "label": "PER"}], [{"start": 0, "end": 3, "label": "PER"}])
    (['B-PER', 'I-PER'], ['B-PER', 'O'])
    """
    borders = sorted({0, *(place for span in (*one, *other) for place in (span["start"], span["end"]))})
    places = {border: number for number, border in enumerate(borders)}
    both = []
    for spans in (one, other):
        tags = [OUTSIDE] * max(len(borders) - 1, 1)
        for span in spans:
            for number in range(places[span["start"]], places[span["end"]]):
                begins = number == places[span["start"]]
                tags[number] = f"{'B' if begins else 'I'}-{span['label']}"
        both.append(tags)
    return both[0], both[1]


def marked(text: str, spans: Sequence[Mapping[str, Any]]) -> str:
    """Write a text with its spans in brackets.

    >>> marked("Ada came", [{"start": 0, "end": 3, "label": "PER"}])
    '[Ada]PER came'
    """
    written, place = "", 0
    for span in spans:
        written += f"{text[place : span['start']]}[{text[span['start'] : span['end']]}]{span['label']}"
        place = span["end"]
    return written + text[place:]
