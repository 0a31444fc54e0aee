"""Text, speech and sequence metrics beside the libraries that define them, values checked before time."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from benchmarks.measurement import Result, side_by_side
from benchmarks.metrics import tagged, transcripts
from tasks.metrics import METRICS, compute
from tasks.metrics.intervals import scores

STEMS = ("talk", "organiz", "relat", "run", "summar", "model", "citi", "report", "nation", "govern")
ENDINGS = ("", "s", "ed", "ing", "ation", "ations", "er", "ly", "ment", "ness")
WORDS = [stem + ending + mark for stem in STEMS for ending in ENDINGS for mark in ("", "x", "qu", "8")]
RESAMPLED = ("rouge", "sacrebleu", "chrf", "token_f1", "wer", "cer", "seqeval", "poseval")
ROUGE = ["rouge1", "rouge2", "rougeL", "rougeLsum"]


def _texts(rows: int = 2000, lines: int = 3, length: int = 20, mark: str = "") -> tuple[list[str], list[str]]:
    """Return texts of lines, and references of which they share six words in ten."""
    generator = random.Random(0)

    def line() -> list[str]:
        return [generator.choice(WORDS) for _ in range(length)]

    def heard(words: list[str]) -> list[str]:
        return [word if generator.random() < 0.6 else generator.choice(WORDS) for word in words]

    def joined(row: list[list[str]]) -> str:
        return "\n".join(" ".join(words) + mark for words in row)

    right = [[line() for _ in range(lines)] for _ in range(rows)]
    written = [[heard(words) for words in row] for row in right]
    return list(map(joined, written)), list(map(joined, right))


def rouge(stemmer: bool) -> Result:
    """All four ROUGE of 2,000 texts of three lines of 20 words, with a 95% interval or without."""
    from rouge_score.rouge_scorer import RougeScorer

    written, right = _texts()
    scorer = RougeScorer(ROUGE, use_stemmer=stemmer)
    theirs = [scorer.score(one, other) for one, other in zip(right, written, strict=True)]
    ours = compute("rouge", predictions=written, references=right, use_stemmer=stemmer, resamples=0)
    for name in ROUGE:
        assert abs(ours[name].value - sum(row[name].fmeasure for row in theirs) / len(theirs)) < 1e-9
    return side_by_side(
        "metric_rouge" + ("_stemmed" if stemmer else ""),
        lambda: compute("rouge", predictions=written, references=right, use_stemmer=stemmer),
        lambda: [scorer.score(one, other) for one, other in zip(right, written, strict=True)],
        "2,000 texts of 3 lines of 20 words; ours with 1,000 resamples, rouge_score's values alone",
    )


def bootstrap_rouge() -> Result:
    """A 95% interval of ROUGE: resampled statistics, or scipy's bootstrap over the whole metric, as HF."""
    from rouge_score.rouge_scorer import RougeScorer
    from scipy.stats import bootstrap

    written, right = _texts(rows=500)
    scorer = RougeScorer(ROUGE)

    def value(predictions: Any, references: Any) -> float:
        pairs = zip(references, predictions, strict=True)
        return sum(scorer.score(one, other)["rouge1"].fmeasure for one, other in pairs) / len(predictions)

    def recomputed() -> None:
        bootstrap((written, right), value, n_resamples=2, vectorized=False, paired=True, method="percentile")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = side_by_side(
            "bootstrap_rouge",
            lambda: compute("rouge", predictions=written, references=right, resamples=1000),
            recomputed,
            "500 texts of 3 lines of 20 words, 1,000 resamples; theirs, what HF evaluate's "
            "strategy='bootstrap' runs over rouge_score, extrapolated from 2 resamples, no jackknife",
        )
    theirs = found.theirs_s * 500
    return replace(found, theirs_s=theirs, ratio=theirs / found.ours_s)


def sacrebleu() -> Result:
    """BLEU of 2,000 sentences of 30 words with 1,000 resamples, by Assay and by sacrebleu."""
    import sacrebleu

    written, right = _texts(lines=1, length=30, mark=".")
    theirs = sacrebleu.BLEU()
    ours = compute("sacrebleu", predictions=written, references=right, resamples=0)["sacrebleu"].value
    assert abs(ours - theirs.corpus_score(written, [right]).score) < 1e-9
    return side_by_side(
        "bootstrap_sacrebleu",
        lambda: compute("sacrebleu", predictions=written, references=right),
        lambda: theirs.corpus_score(written, [right], n_bootstrap=1000),
        "2,000 sentences of 30 words, both with 1,000 resamples",
    )


def chrf() -> Result:
    """chrF++ of 2,000 sentences of 30 words: Assay with an interval, sacrebleu's value alone."""
    import sacrebleu

    written, right = _texts(lines=1, length=30, mark=".")
    theirs = sacrebleu.CHRF(word_order=2)
    ours = compute("chrf", predictions=written, references=right, word_order=2, resamples=0)["chrf++"].value
    assert abs(ours - theirs.corpus_score(written, [right]).score) < 1e-9
    return side_by_side(
        "metric_chrf",
        lambda: compute("chrf", predictions=written, references=right, word_order=2),
        lambda: theirs.corpus_score(written, [right]),
        "chrF++ of 2,000 sentences of 30 words; ours with 1,000 resamples, sacrebleu's value alone",
    )


def error_rate(name: str, resamples: int) -> Result:
    """Word or character error rate of 10,000 rows of 20 words beside jiwer, whose value has no interval."""
    import jiwer

    heard, said = transcripts()
    theirs = getattr(jiwer, name)
    ours = compute(name, predictions=heard, references=said, resamples=0)[name].value
    assert abs(ours - theirs(said, heard)) < 1e-9
    return side_by_side(
        f"metric_{name}" if resamples else f"metric_{name}_alone",
        lambda: compute(name, predictions=heard, references=said, resamples=resamples),
        lambda: theirs(said, heard),
        f"10,000 rows of 20 words; ours with {resamples:,} resamples, jiwer's value alone",
    )


def seqeval(strict: bool) -> Result:
    """Entity scores of 10,000 rows of 25 tokens, by conlleval's rules or strictly."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from seqeval.metrics import f1_score
        from seqeval.scheme import IOB2

    given, right = tagged()
    arguments = {"mode": "strict", "scheme": "IOB2"} if strict else {}
    theirs = {"mode": "strict", "scheme": IOB2} if strict else {}
    key = "seqeval_strict_f1" if strict else "seqeval_f1"
    ours = compute("seqeval", predictions=given, references=right, resamples=0, **arguments)[key].value
    assert abs(ours - f1_score(right, given, **theirs)) < 1e-9
    return side_by_side(
        "metric_seqeval_strict" if strict else "metric_seqeval",
        lambda: compute("seqeval", predictions=given, references=right, **arguments),
        lambda: f1_score(right, given, **theirs),
        "10,000 rows of 25 tokens; ours F1, precision, recall, accuracy and each type's, with 1,000 "
        "resamples; seqeval's F1 alone",
    )


def resamples(name: str) -> Result:
    """1,000 resamples of a metric's statistics beside computing it once from strings: above 1 is cheaper."""
    made: dict[str, Callable[[], tuple[Any, Any]]] = {
        "rouge": partial(_texts, rows=10_000, lines=1),
        "sacrebleu": partial(_texts, rows=10_000, lines=1, mark="."),
        "chrf": partial(_texts, rows=10_000, lines=1),
        "token_f1": partial(_texts, rows=10_000, lines=1),
        "wer": transcripts,
        "cer": transcripts,
        "seqeval": tagged,
        "poseval": tagged,
    }
    predictions, references = made[name]()
    measured = METRICS[name].measure(predictions, references)
    return side_by_side(
        f"resamples_{name}",
        lambda: scores(measured, resamples=1000),
        lambda: METRICS[name].measure(predictions, references),
        f"{len(predictions):,} rows; ours 1,000 resamples, theirs our own metric once from strings",
    )


BENCHMARKS: dict[str, Callable[[], Result]] = {
    "metric_rouge": partial(rouge, stemmer=False),
    "metric_rouge_stemmed": partial(rouge, stemmer=True),
    "bootstrap_rouge": bootstrap_rouge,
    "bootstrap_sacrebleu": sacrebleu,
    "metric_chrf": chrf,
    "metric_wer_alone": partial(error_rate, "wer", 0),
    "metric_wer": partial(error_rate, "wer", 1000),
    "metric_cer_alone": partial(error_rate, "cer", 0),
    "metric_cer": partial(error_rate, "cer", 1000),
    "metric_seqeval": partial(seqeval, strict=False),
    "metric_seqeval_strict": partial(seqeval, strict=True),
    **{f"resamples_{name}": partial(resamples, name) for name in RESAMPLED},
}
