"""BLEU against sacrebleu, and against its definition counted out by hand."""

from __future__ import annotations

import importlib.util
import math
from collections import Counter

import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import BadEvaluation, UnknownName
from tasks.metrics import compute
from tasks.metrics.bleu import bleu
from tests.metrics.corpora import apart, rows_of


def value(name: str, predictions: list[str], references: object, **arguments: object) -> float:
    found = compute(name, predictions=predictions, references=references, resamples=0, **arguments)  # type: ignore[arg-type]
    return found[name].value


def counted(tokens: list[str], most: int) -> Counter[tuple[str, ...]]:
    return Counter(
        tuple(tokens[start : start + n]) for n in range(1, most + 1) for start in range(len(tokens) - n + 1)
    )


def by_hand(
    predictions: list[list[str]], references: list[list[list[str]]], most: int, smooth: bool
) -> float:
    """HF's `bleu`, as TensorFlow NMT's: clipped by all references, the shortest one's length."""
    right, every, given, wanted = [0] * most, [0] * most, 0, 0
    for prediction, several in zip(predictions, references, strict=True):
        given += len(prediction)
        wanted += min(map(len, several))
        union: Counter[tuple[str, ...]] = Counter()
        for reference in several:
            union |= counted(reference, most)
        for gram, count in (counted(prediction, most) & union).items():
            right[len(gram) - 1] += count
        for n in range(most):
            every[n] += max(len(prediction) - n, 0)
    if smooth:
        precisions = [(r + 1) / (e + 1) for r, e in zip(right, every, strict=True)]
    else:
        precisions = [r / e if e else 0.0 for r, e in zip(right, every, strict=True)]
    if min(precisions) == 0 or not given:
        return 0.0
    mean = math.exp(sum(map(math.log, precisions)) / most)
    return mean * (1.0 if given > wanted else math.exp(1 - wanted / given))


@given(rows_of(most=3), st.sampled_from(["exp", "floor", "add-k", "none"]), st.booleans(), st.booleans())
def test_sacrebleu_equals_the_librarys(
    rows: list[tuple[str, list[str]]], method: str, effective: bool, lowercase: bool
) -> None:
    predictions, references = apart(rows)
    most = max(map(len, references))
    streams = [[row[slot] if slot < len(row) else None for row in references] for slot in range(most)]
    metric = sacrebleu.BLEU(smooth_method=method, effective_order=effective, lowercase=lowercase)
    wanted = metric.corpus_score(predictions, streams).score  # type: ignore[arg-type]
    arguments = {"smooth_method": method, "use_effective_order": effective, "lowercase": lowercase}
    assert value("sacrebleu", predictions, references, **arguments) == pytest.approx(wanted, abs=1e-9)


@given(rows_of(), st.sampled_from(["13a", "intl", "zh", "char", "none"]))
def test_tokenizers_are_sacrebleus_and_so_is_the_signature(
    rows: list[tuple[str, list[str]]], name: str
) -> None:
    predictions, references = apart(rows)
    metric = sacrebleu.BLEU(tokenize=name)
    wanted = metric.corpus_score(predictions, [[row[0] for row in references]])
    measured = compute(
        "sacrebleu", predictions=predictions, references=references, tokenize=name, resamples=0
    )
    assert measured["sacrebleu"].value == pytest.approx(wanted.score, abs=1e-9)


def test_the_signature_is_sacrebleus() -> None:
    from tasks.metrics.bleu import sacrebleu as measured

    metric = sacrebleu.BLEU(tokenize="zh", lowercase=True, smooth_method="floor")
    metric.corpus_score(["a"], [["a"], ["b"]])
    found = measured(["a"], [["a", "b"]], tokenize="zh", lowercase=True, smooth_method="floor")
    assert found.tags["sacrebleu_signature"] == str(metric.get_signature())
    assert "nrefs:var" in measured(["a", "b"], [["a", "b"], ["c"]]).tags["sacrebleu_signature"]


@given(rows_of(most=3), st.integers(1, 5), st.booleans())
def test_bleu_equals_its_definition(rows: list[tuple[str, list[str]]], most: int, smooth: bool) -> None:
    predictions, references = apart(rows)
    cut = [[text.split() for text in row] for row in references]
    if not any(min(map(len, row)) for row in cut):
        return
    wanted = by_hand([text.split() for text in predictions], cut, most, smooth)
    found = value("bleu", predictions, references, tokenizer=str.split, max_order=most, smooth=smooth)
    assert found == pytest.approx(wanted, abs=1e-9)


@given(rows_of())
def test_bleu_of_one_reference_is_sacrebleu_unsmoothed(rows: list[tuple[str, list[str]]]) -> None:
    predictions, references = apart([(one.rstrip(), [text.rstrip() for text in row]) for one, row in rows])
    if not any(sacrebleu.BLEU().tokenizer(row[0]) for row in references):
        return
    wanted = sacrebleu.corpus_bleu(predictions, [[row[0] for row in references]], smooth_method="none").score
    assert value("bleu", predictions, [row[0] for row in references]) == pytest.approx(wanted / 100, abs=1e-9)


@given(rows_of(), st.integers(0, 2**32 - 1))
def test_resampled_bleu_is_that_of_the_drawn_rows(rows: list[tuple[str, list[str]]], seed: int) -> None:
    import numpy as np

    predictions, references = apart([(f"a {one}", [f"b {text}" for text in row]) for one, row in rows])
    measured = bleu(predictions, references, tokenizer=str.split, smooth=True)
    drawn = np.random.default_rng(seed).integers(0, len(rows), len(rows))
    weights = np.bincount(drawn, minlength=len(rows)).astype(float)
    total = weights @ measured.statistics.values  # type: ignore[union-attr]
    wanted = by_hand(
        [predictions[row].split() for row in drawn],
        [[text.split() for text in references[row]] for row in drawn],
        4,
        smooth=True,
    )
    assert float(measured.score(total)["bleu"]) == pytest.approx(wanted, abs=1e-9)


def test_documented_values() -> None:
    assert value("bleu", ["hello there general kenobi", "foo bar foobar"],
                 [["hello there general kenobi", "hello there!"], ["foo bar foobar"]]) == 1.0  # fmt: skip
    table = bleu(["a b"], ["a c"]).details["bleu"]
    assert table[0] == {"order": 1, "matched": 1, "total": 2, "precision": 0.5}
    assert bleu(["a b"], ["a b c"]).details["bleu_lengths"][0]["reference_length"] == 3


def test_a_tokenizer_that_is_not_installed_says_how_to_get_it() -> None:
    if importlib.util.find_spec("MeCab") or importlib.util.find_spec("mecab_ko"):
        pytest.skip("the tokenizer is installed")
    with pytest.raises(BadEvaluation, match=r"'ko-mecab' is not installed: pip install sacrebleu\[ko\]"):
        compute("sacrebleu", predictions=["a"], references=["a"], tokenize="ko-mecab")


def test_scripts_without_spaces_are_noted() -> None:
    assert "13a does not cut" in bleu(["猫"], ["猫"]).tags["bleu_note"]
    assert "bleu_note" not in bleu(["猫"], ["猫"], tokenizer="zh").tags


def test_arrays_are_taken_as_lists_are() -> None:
    import numpy as np

    predictions, references = np.array(["a b c d"]), [np.array(["a b c d", "e"])]
    assert compute("bleu", predictions=predictions, references=references)["bleu"].value == 1  # type: ignore[arg-type]


def test_what_cannot_be_scored_is_said() -> None:
    with pytest.raises(BadEvaluation, match="Every reference is empty"):
        compute("bleu", predictions=["a"], references=[""])
    with pytest.raises(BadEvaluation, match="Row 1 has an empty list of references"):
        compute("bleu", predictions=["a", "b"], references=[["a"], []])
    with pytest.raises(BadEvaluation, match="prediction of row 0 is not text but missing"):
        compute("sacrebleu", predictions=[None], references=["a"])
    with pytest.raises(UnknownName, match=r"tokenizer '13b'.*Did you mean '13a'"):
        compute("sacrebleu", predictions=["a"], references=["a"], tokenize="13b")
    with pytest.raises(UnknownName, match="smooth_method of the metric 'sacrebleu' 'addk'"):
        compute("sacrebleu", predictions=["a"], references=["a"], smooth_method="addk")
    with pytest.raises(BadEvaluation, match="1 token or more"):
        compute("bleu", predictions=["a"], references=["a"], max_order=0)
