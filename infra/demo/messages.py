"""A small text set written for the project: messages to a railway, with their topic and tagged entities.

`python -m infra.demo.messages` writes `configs/data/messages.jsonl` again; the file is committed, so that
anyone can read what the demo's text models are judged on. The test split has sentences, names, places and
numbers of its own.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.demo.templates import GAPS, TEST, TRAIN

FILE = Path(__file__).resolve().parents[2] / "configs" / "data" / "messages.jsonl"
TOPICS = sorted(TRAIN)
TAGS = ["O", *(f"{mark}-{kind}" for kind in ("DATE", "ORDER", "PERSON", "PLACE") for mark in "BI")]
TIMES = {"train": 8, "test": 8}
"""How often each sentence is filled in."""
_GAP = re.compile(r"(\{[A-Z]+\})")
_TOKEN = re.compile(r"\w+(?:[-']\w+)*|[^\w\s]")


def fill(
    template: str, values: dict[str, list[str]], generator: random.Random
) -> tuple[list[str], list[str], str]:
    """Fill a sentence's gaps; return its tokens, their tags, and the text.

    >>> fill("To {PLACE} please.", {"PLACE": ["New York"]}, random.Random(0))
    (['To', 'New', 'York', 'please', '.'], ['O', 'B-PLACE', 'I-PLACE', 'O', 'O'], 'To New York please.')
    """
    tokens: list[str] = []
    tags: list[str] = []
    text = ""
    for piece in _GAP.split(template):
        kind = piece[1:-1] if _GAP.fullmatch(piece) else None
        written = generator.choice(values[kind]) if kind else piece
        found = _TOKEN.findall(written)
        tokens += found
        tags += [f"{'I' if place else 'B'}-{kind}" if kind else "O" for place in range(len(found))]
        text += written
    return tokens, tags, text[:1].upper() + text[1:]


def generate(seed: int = 0) -> Iterator[dict[str, Any]]:
    """Yield every message, no text twice."""
    generator = random.Random(seed)
    seen: set[str] = set()
    for split, templates in (("train", TRAIN), ("test", TEST)):
        values = {kind: choices.split("|") for kind, choices in GAPS[split].items()}
        made = []
        for topic, lines in templates.items():
            for template in lines.strip().splitlines():
                for _ in range(TIMES[split]):
                    tokens, tags, text = fill(template, values, generator)
                    if text in seen:
                        continue
                    seen.add(text)
                    made.append(
                        {"split": split, "topic": topic, "text": text, "tokens": tokens, "tags": tags}
                    )
        generator.shuffle(made)
        yield from made


def write(path: Path = FILE) -> None:
    """Write the messages as JSON Lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(message, ensure_ascii=False) for message in generate())
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read(split: str) -> list[dict[str, Any]]:
    """Read one split of the committed file."""
    messages = map(json.loads, FILE.read_text(encoding="utf-8").splitlines())
    return [message for message in messages if message["split"] == split]


if __name__ == "__main__":
    write()
