"""Metrics beside the libraries that define them, equal values checked before time is taken."""

from __future__ import annotations

import random
from dataclasses import replace

from benchmarks.measurement import Result, side_by_side
from tasks.metrics import compute

_CALLS = 100
"""Calls of a metric that are timed where theirs would make thousands."""
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


def hf_bootstrap() -> Result:
    """An interval of accuracy on 1,000 rows: resampled cells, or what HF evaluate's `bootstrap` does."""
    import datasets
    import evaluate
    from sklearn.metrics import accuracy_score

    class Accuracy(evaluate.Metric):  # type: ignore[misc]  # evaluate has no types
        """What the Hub's `accuracy` computes, which needs no network here."""

        def _info(self) -> evaluate.MetricInfo:
            integer = datasets.Value("int32")
            return evaluate.MetricInfo(
                description="",
                citation="",
                features=datasets.Features({"predictions": integer, "references": integer}),
            )

        def _compute(self, predictions: list[int], references: list[int]) -> dict[str, float]:
            return {"accuracy": float(accuracy_score(references, predictions))}

    generator = random.Random(0)
    right = [generator.randrange(2) for _ in range(1000)]
    given = [label if generator.random() < 0.8 else 1 - label for label in right]
    theirs = Accuracy()
    inputs = {"predictions": given, "references": right}
    ours = compute("accuracy", predictions=given, references=right, method="bca", resamples=9999)["accuracy"]
    assert abs(ours.value - theirs.compute(**inputs)["accuracy"]) < 1e-12

    def single_calls() -> None:
        for _ in range(_CALLS):
            theirs.compute(**inputs)

    found = side_by_side(
        "metric_bootstrap_accuracy",
        lambda: compute("accuracy", predictions=given, references=right, method="bca", resamples=9999),
        single_calls,
        "1,000 rows, 9,999 resamples, BCa as HF evaluate has it of scipy; theirs extrapolated: "
        f"it computes the metric for every resample and every row left out, and {_CALLS} calls were timed",
    )
    whole = found.theirs_s / _CALLS * (9999 + 1000)
    return replace(found, theirs_s=whole, ratio=whole / found.ours_s)


def rank_correlation() -> Result:
    """An interval of Kendall's tau on 10,000 rows: weighted counts of pairs, or scipy a resample."""
    import numpy as np
    from scipy.stats import kendalltau

    generator = np.random.default_rng(0)
    right = generator.normal(size=10_000)
    given = right + generator.normal(size=10_000)
    ours = compute("kendalltau", predictions=given, references=right, resamples=0)["kendalltau"].value
    assert abs(ours - kendalltau(given, right).statistic) < 1e-9

    def recomputed() -> None:
        for _ in range(20):
            rows = generator.integers(0, len(right), len(right))
            kendalltau(given[rows], right[rows])

    found = side_by_side(
        "metric_bootstrap_kendalltau",
        lambda: compute("kendalltau", predictions=given, references=right),
        recomputed,
        "10,000 rows, 1,000 resamples; theirs extrapolated from 20",
    )
    theirs = found.theirs_s * 50
    return replace(found, theirs_s=theirs, ratio=theirs / found.ours_s)
