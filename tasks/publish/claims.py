"""Claims: scores that models report of themselves, held against scores that were measured here.

The rules, all of them pure:

- A claim is about the same thing where dataset, config and split are the same. What a claim names and we did
  otherwise cannot be compared; what it leaves open is remarked on, and then a claim that our interval does
  not cover may be about something else: it cannot be told.
- Metrics are the same by name, synonyms among them. An average that a claim leaves open is one more thing
  that is open.
- A share of rows (accuracy, F1, WER …) that is above 1 is read as percent; a score that we give in percent
  (BLEU, SQuAD's) is read as a share where the claim is at most 1 and ours is above.
- A claim is rounded: 0.93 stands for all from 0.925 to 0.935. It is covered where that meets our interval.
- Without an interval of ours, only a claim that is the same but for rounding is verified; others cannot be
  told.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from tasks.cards import vocabulary
from tasks.publish.entries import metric_of
from tasks.publish.results import Result

Verdict = Literal["verified", "not reproduced", "cannot tell"]
SHARES = {
    *("accuracy", "balanced_accuracy", "f1", "precision", "recall", "exact_match", "token_f1", "wer", "cer"),
    *("mer", "wil", "rouge", "rouge1", "rouge2", "rougeL", "rougeLsum", "bleu", "google_bleu", "meteor"),
    *("roc_auc", "average_precision", "top_k_accuracy", "subset_accuracy", "multilabel_f1", "seqeval"),
    *("choice_accuracy", "mean_iou", "pixel_accuracy", "dice", "mean_average_precision", "ndcg", "mrr"),
    *("recall_at_k", "precision_at_k", "hit_rate", "matthews_correlation", "pearsonr", "spearmanr"),
    *("kendalltau", "cohen_kappa", "vqa_accuracy", "anls", "bertscore"),
}
"""Metrics that are at most 1 here; WER may be more, and then only on models that are of no use."""
PERCENT = {"sacrebleu", "squad", "squad_v2", "chrf", "ter"}
"""Metrics that go from 0 to 100 here."""


@dataclass(frozen=True)
class Claim:
    """A score that is reported.

    Attributes:
        model: The model's Hub id.
        dataset: The dataset's id, as the claim names it.
        metric: The metric's type, as the claim names it; empty where it names none.
        value: The value, as it is written.
        origin: Where it stands: `model-index`, `.eval_results`, `leaderboard`.
        config: The dataset's configuration; None where it names none.
        split: The split; None where it names none.
        revision: The dataset's revision; None where it names none.
        name: What the claim calls the score, for people.
        arguments: The metric's arguments.
        ours: Whether it was published by this installation.
    """

    model: str
    dataset: str
    metric: str
    value: Any
    origin: str
    config: str | None = None
    split: str | None = None
    revision: str | None = None
    name: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    ours: bool = False


@dataclass(frozen=True)
class Finding:
    """A claim beside what was measured.

    Attributes:
        claim: The claim.
        score: The key of the score that it is about; None where nothing fits.
        claimed: The claimed value in our scale; None where it is no number.
        value: Our value.
        low: Lower end of its interval.
        high: Upper end.
        difference: Ours minus the claimed one.
        verdict: What follows.
        why: Why, and what is to be remarked on, as sentences.
        run_id: The MLflow run; empty where nothing was measured.
    """

    claim: Claim
    score: str | None
    claimed: float | None
    value: float | None
    low: float | None
    high: float | None
    difference: float | None
    verdict: Verdict
    why: tuple[str, ...]
    run_id: str = ""


def number(written: Any) -> tuple[float, float] | None:
    """Read a claimed value: the number, and half a unit of its last digit. None for what is no number.

    >>> number(0.93), number("93.1%"), number("20.0 ± 1.2"), number("SOTA")
    ((0.93, 0.005), (93.1, 0.05), (20.0, 0.05), None)
    """
    if isinstance(written, bool) or written is None:
        return None
    found = re.match(r"\s*(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)", str(written))
    if not found:
        return None
    try:
        digits = Decimal(found[1])
    except InvalidOperation:
        return None
    exponent = digits.as_tuple().exponent
    return float(digits), float(Decimal(5).scaleb(int(exponent) - 1))


def scaled(metric: str, claimed: float, rounding: float, ours: float) -> tuple[float, float, str]:
    """Return a claim and its rounding in the scale of our score, with what was done about it.

    >>> scaled("accuracy", 93.1, 0.05, 0.93)[:2]
    (0.931, 0.0005)
    >>> scaled("sacrebleu", 0.41, 0.005, 40.2)[:2]
    (41.0, 0.5)
    """
    if metric in SHARES and abs(claimed) > 1:
        return round(claimed / 100, 12), rounding / 100, "It was read as percent."
    if metric in PERCENT and abs(claimed) <= 1 < abs(ours):
        return round(claimed * 100, 12), rounding * 100, "It was read as a share, and ours is in percent."
    return claimed, rounding, ""


def same_dataset(one: str, other: str) -> bool:
    """Tell whether two ids are of one dataset; `squad` is `rajpurkar/squad`, as it once was called.

    >>> same_dataset("squad", "rajpurkar/squad"), same_dataset("a/squad", "b/squad")
    (True, False)
    """
    first, second = one.casefold(), other.casefold()
    if "/" in first and "/" in second:
        return first == second
    return first.rpartition("/")[2] == second.rpartition("/")[2]


def score_of(claim: Claim, result: Result) -> tuple[str | None, list[str]]:
    """Return the key of our score that a claim is about, None for none, and what the claim leaves open."""
    if not (claim.metric or claim.name):
        return result.headline, ["names no metric, so it was held against our first"]
    wanted, average = vocabulary.metric(result.task, claim.metric)
    plain = vocabulary.folded(claim.metric)
    average = average or claim.arguments.get("average")
    fitting = []
    for key in result.scores:
        kind, arguments = metric_of(key, result.metrics)
        names = {vocabulary.folded(kind), vocabulary.folded(key)}
        if plain in names or vocabulary.folded(wanted) in names or vocabulary.folded(claim.name) in names:
            folded = vocabulary.folded(key)
            # Of SQuAD's two scores, the one that ends as the claim's metric is called.
            named = folded in {plain, vocabulary.folded(claim.name)} or folded.endswith(f"_{plain}")
            fitting.append((key, arguments, named))
    exact = [key for key, _, named in fitting if named]
    if exact:
        return exact[0], []
    if average:
        fitting = [each for each in fitting if each[1].get("average", "macro") == average]
        return (fitting[0][0], []) if fitting else (None, [])
    averaged = [key for key, _, _ in fitting if key.endswith(vocabulary.AVERAGES)]
    if averaged:
        return averaged[0], ["does not say how it is averaged over labels"]
    return (fitting[0][0], []) if fitting else (None, [])


def judge(claim: Claim, result: Result) -> Finding:
    """Hold a claim against what was measured, by the rules of this module."""
    key, opened = score_of(claim, result)
    if key is None:
        return _cannot(claim, f"'{claim.metric or claim.name}' was not measured here.", result)
    read = number(claim.value)
    score = result.scores[key]
    if read is None or not math.isfinite(score.value):
        return _cannot(claim, "One of the two is no number.", result, key)
    kind, _ = metric_of(key, result.metrics)
    claimed, rounding, remark = scaled(kind, *read, score.value)
    remarks = [remark] if remark else []
    apart = _apart(claim, result)
    opened += [f"names no {name}" for name in ("config", "split") if getattr(claim, name) is None]
    if claim.revision and claim.revision != result.revision:
        opened.append("is about another revision of the dataset")
    elif not claim.revision:
        remarks.append("The claim names no revision of the dataset.")
    if result.filters:
        opened.append("does not say which rows it is on, and ours is on some")
    low = score.low if score.low is not None else score.value
    high = score.high if score.high is not None else score.value
    covered = low - rounding <= claimed + 1e-12 and claimed - 1e-12 <= high + rounding
    said = [f"The claim {each}." for each in opened]
    verdict: Verdict
    if apart:
        verdict, why = "cannot tell", apart
    elif covered:
        verdict, why = "verified", ["Our interval covers it." if score.low is not None else "It is the same."]
    elif score.low is None:
        verdict, why = "cannot tell", ["Our score has no interval."]
    elif opened:
        verdict, why = "cannot tell", ["Our interval does not cover it."]
    else:
        verdict, why = "not reproduced", ["Our interval does not cover it."]
    difference = round(score.value - claimed, 12)
    return Finding(
        claim,
        key,
        claimed,
        score.value,
        score.low,
        score.high,
        difference,
        verdict,
        (*why, *said, *remarks),
        result.run_id,
    )


def _apart(claim: Claim, result: Result) -> list[str]:
    """Say in what a claim is about something else than what was measured."""
    ours = {"config": result.config or "default", "split": result.split}
    return [
        f"The claim is about the {name} '{stated}', and ours about '{here}'."
        for name, here in ours.items()
        if (stated := getattr(claim, name)) is not None and stated != here
    ]


def _cannot(claim: Claim, why: str, result: Result | None = None, key: str | None = None) -> Finding:
    score = result.scores[key] if result and key else None
    read = number(claim.value)
    return Finding(
        claim,
        key,
        read[0] if read else None,
        score.value if score else None,
        score.low if score else None,
        score.high if score else None,
        None,
        "cannot tell",
        (why,),
        result.run_id if result else "",
    )


def findings(claims: Sequence[Claim], results: Sequence[Result]) -> list[Finding]:
    """Hold every claim against the result that fits it best: of its model and dataset, then config and split.

    Args:
        claims: What is reported.
        results: What was measured, the latest first.
    """
    found = []
    for claim in claims:
        if claim.ours:
            continue
        fitting = [
            result
            for result in results
            if result.model.casefold() == claim.model.casefold()
            and same_dataset(claim.dataset, result.dataset)
        ]
        if not fitting:
            found.append(_cannot(claim, "It was not evaluated here."))
            continue
        apart = [(len(_apart(claim, each)), score_of(claim, each)[0] is None) for each in fitting]
        found.append(judge(claim, fitting[apart.index(min(apart))]))
    return found
