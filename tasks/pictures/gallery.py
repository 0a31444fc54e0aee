"""Error gallery: rows to look at and listen to, with what was right and what was predicted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tasks.pictures.page import data_address, escaped, page
from tasks.pictures.word_diff import word_diff

MOST_BYTES = 4_000_000
"""Size of a page beyond which no more rows are added."""
LONGEST_TEXT = 1500

STYLE = """
.cards { display: grid; gap: .8rem; grid-template-columns: repeat(auto-fill, minmax(21rem, 1fr)); }
.wide .cards { grid-template-columns: 1fr; max-width: 62rem; }
.card { background: var(--card); border: 1px solid var(--line); border-left: 5px solid var(--line);
  border-radius: 6px; padding: .5rem .7rem; }
.card.wrong { border-left-color: var(--bad); } .card.right { border-left-color: var(--good); }
.card header { display: flex; gap: .6rem; color: var(--faint); font-size: .85rem; }
.card.wrong .verdict { color: var(--bad); font-weight: 600; }
.card.right .verdict { color: var(--good); font-weight: 600; }
figure { display: inline-block; margin: .4rem .5rem .2rem 0; }
figcaption { font-size: .8rem; color: var(--faint); }
img { max-width: 100%; min-width: 64px; border-radius: 4px; background: #fff; image-rendering: auto; }
audio { width: 100%; margin: .4rem 0; }
.tags { display: flex; flex-wrap: wrap; gap: .25rem .35rem; margin: .4rem 0; }
.tag { border: 1px solid var(--line); border-radius: 4px; padding: 0 .3rem; } .tag small { display: block; }
.tag.off { border-color: var(--bad); background: var(--badground); }
fieldset { border: 0; padding: 0; margin: .4rem 0; } label { margin-right: 1rem; }
body:has(#only-wrong:checked) .card.right, body:has(#only-right:checked) .card.wrong { display: none; }
"""


@dataclass(frozen=True)
class Card:
    """One row.

    Attributes:
        row: Its number in the dataset.
        right: Whether it was right; None where that is no question of yes or no.
        score: How well it did, in a few words.
        fields: What to read, by name: plain texts.
        difference: The right and the predicted text, to be shown as one.
        tags: Of each word: the word, its right tag, its predicted tag.
        images: Encoded as WebP, by name.
        sound: Encoded as MP3.
        note: What is missing, as a picture that was not kept.
    """

    row: int
    right: bool | None = None
    score: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    difference: tuple[str, str] | None = None
    tags: Sequence[tuple[str, str, str]] = ()
    images: Mapping[str, bytes] = field(default_factory=dict)
    sound: bytes | None = None
    note: str = ""


@dataclass(frozen=True)
class Section:
    """Rows under a heading, and why they are shown."""

    heading: str
    why: str
    cards: Sequence[Card]


def gallery(title: str, summary: str, sections: Sequence[Section], most_bytes: int = MOST_BYTES) -> str:
    """Return a page of rows; those that no longer fit in its size are counted and left out."""
    parts = [f"<p>{escaped(summary)}</p>"]
    every = [card for section in sections for card in section.cards]
    if len({card.right for card in every}) > 1:
        choices = [("all", "all rows", " checked"), ("wrong", "wrong ones", ""), ("right", "right ones", "")]
        inputs = "".join(
            f'<label><input type="radio" name="only" id="only-{name}"{checked}> {words}</label>'
            for name, words, checked in choices
        )
        parts.append(f"<fieldset>{inputs}</fieldset>")
    if not every:
        parts.append("<p>There is no row to show: every one was right.</p>")
    size, left_out = 0, 0
    for section in sections:
        shown = []
        for card in section.cards:
            laid = laid_out(card)
            if size + len(laid) > most_bytes:
                left_out += 1
                continue
            size += len(laid)
            shown.append(laid)
        if shown:
            wide = any(card.difference or card.tags for card in section.cards)
            parts.append(
                f'<section class="{"wide" if wide else ""}"><h2>{escaped(section.heading)}</h2>'
                f'<p>{escaped(section.why)}</p><div class="cards">{"".join(shown)}</div></section>'
            )
    if left_out:
        parts.append(f"<p>{left_out} more rows are left out to keep this page small.</p>")
    return page(title, "\n".join(parts), STYLE)


def laid_out(card: Card) -> str:
    """Return one row as HTML, all of it escaped.

    >>> "<script" in laid_out(Card(0, fields={"<script>": "<script>alert(1)</script>"}))
    False
    """
    verdict = {True: "right", False: "wrong", None: ""}[card.right]
    parts = [
        f'<header><span>row {card.row}</span><span class="verdict">{verdict}</span>'
        f"<span>{escaped(card.score)}</span></header>"
    ]
    for name, content in card.images.items():
        address = data_address("image/webp", content)
        parts.append(
            f'<figure><img src="{address}" alt="{escaped(name)}">'
            f"<figcaption>{escaped(name)}</figcaption></figure>"
        )
    if card.sound:
        parts.append(
            f'<audio controls preload="metadata" src="{data_address("audio/mpeg", card.sound)}"></audio>'
        )
    if card.note:
        parts.append(f"<p>{escaped(card.note)}</p>")
    if card.difference is not None:
        parts.append(f'<div class="text">{word_diff(*card.difference)}</div>')
    if card.tags:
        parts.append(f'<div class="tags">{"".join(_tagged(*each) for each in card.tags)}</div>')
    rows = "".join(
        f'<tr><th>{escaped(name)}</th><td class="text">{escaped(_cut(value))}</td></tr>'
        for name, value in card.fields.items()
    )
    if rows:
        parts.append(f"<table>{rows}</table>")
    return f'<article class="card {verdict}">{"".join(parts)}</article>'


def _tagged(word: str, right: str, given: str) -> str:
    if right == given:
        small = "" if right == "O" else f"<small>{escaped(right)}</small>"
        return f'<span class="tag">{escaped(word)}{small}</span>'
    return (
        f'<span class="tag off">{escaped(word)}<small><del title="right">{escaped(right)}</del> '
        f'<ins title="predicted">{escaped(given)}</ins></small></span>'
    )


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "…"
