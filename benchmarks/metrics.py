"""Metrics beside the libraries that define them, equal values checked before time is taken."""

from __future__ import annotations

import random
from dataclasses import replace

from benchmarks.measurement import Result, side_by_side
from tasks.metrics import compute

WORDS = [f"word{number}" for number in range(400)]
TAGS = ["O", "O", "O", "B-PER", "I-PER", "B-LOC", "I-LOC"]


def transcripts(rows: int = 10_000, length: int = 20) -> tuple[list[str], list[str]]:
    generator = random.Random(0)
    said = [[generator.choice(WORDS) for _ in range(length)] for _ in range(rows)]
    heard = [[word if generator.random() < 0.9 else generator.choice(WORDS) for word in row] for row in said]
    return [" ".join(row) for row in heard], [" ".join(row) for row in said]


def tagged(rows: int = 10_000, length: int = 25) -> tuple[list[list[str]], list[list[str]]]:
    generator = random.Random(0)
    right = [[generator.choice(TAGS) for _ in range(length)] for _ in range(rows)]
    given = [[tag if generator.random() < 0.9 else generator.choice(TAGS) for tag in row] for row in right]
    return given, right


def bootstrap() -> Result:
    """A 95% interval of macro F1 on 10,000 rows: resampled cells, or recomputing with scikit-learn."""
    from sklearn.metrics import f1_score

    generator = random.Random(0)
    right = [generator.randrange(5) for _ in range(10_000)]
    given = [label if generator.random() < 0.8 else generator.randrange(5) for label in right]

    def recomputed() -> None:
        for _ in range(20):
            rows = [generator.randrange(len(right)) for _ in right]
            f1_score([right[row] for row in rows], [given[row] for row in rows], average="macro")

    found = side_by_side(
        "metric_bootstrap_f1",
        lambda: compute("f1", predictions=given, references=right, resamples=1000),
        recomputed,
        "10,000 rows, 1,000 resamples; theirs extrapolated from 20",
    )
    theirs = found.theirs_s * 50
    return replace(found, theirs_s=theirs, ratio=theirs / found.ours_s)
