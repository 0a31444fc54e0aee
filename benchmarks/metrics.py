"""Metrics beside the libraries that define them, equal values checked before time is taken."""

from __future__ import annotations

import random
import warnings
from dataclasses import replace

from benchmarks.measurement import Result, side_by_side
from tasks.metrics import compute

WORDS = [f"word{number}" for number in range(400)]
TAGS = ["O", "O", "O", "B-PER", "I-PER", "B-LOC", "I-LOC"]


def _transcripts(rows: int = 10_000, length: int = 20) -> tuple[list[str], list[str]]:
    generator = random.Random(0)
    said = [[generator.choice(WORDS) for _ in range(length)] for _ in range(rows)]
    heard = [[word if generator.random() < 0.9 else generator.choice(WORDS) for word in row] for row in said]
    return [" ".join(row) for row in heard], [" ".join(row) for row in said]


def wer() -> Result:
    """Word error rate of 10,000 rows of 20 words: Assay with a 95% interval, jiwer without."""
    import jiwer

    heard, said = _transcripts()
    ours = compute("wer", predictions=heard, references=said, resamples=0)["wer"].value
    assert abs(ours - jiwer.wer(said, heard)) < 1e-12
    return side_by_side(
        "metric_wer",
        lambda: compute("wer", predictions=heard, references=said),
        lambda: jiwer.wer(said, heard),
        "10,000 rows of 20 words; ours with 1,000 resamples, jiwer's value alone",
    )


def seqeval() -> Result:
    """Entity F1 of 10,000 rows of 25 tokens: Assay with intervals, seqeval without."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from seqeval.metrics import f1_score

    generator = random.Random(0)
    right = [[generator.choice(TAGS) for _ in range(25)] for _ in range(10_000)]
    given = [[tag if generator.random() < 0.9 else generator.choice(TAGS) for tag in row] for row in right]
    ours = compute("seqeval", predictions=given, references=right, resamples=0)["seqeval_f1"].value
    assert abs(ours - f1_score(right, given)) < 1e-12
    return side_by_side(
        "metric_seqeval",
        lambda: compute("seqeval", predictions=given, references=right, resamples=0),
        lambda: f1_score(right, given),
        "10,000 rows of 25 tokens; ours F1, precision, recall and accuracy, theirs F1",
    )


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
