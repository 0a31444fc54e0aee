"""Mistakes: which rows of a run are worth looking at, and what there is to see of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from tasks.candidates import Candidate
from tasks.data.references import references
from tasks.data.sampling import PICTURED, SAMPLED, sampled
from tasks.evidence.row_values import RowValues
from tasks.load import open_rows
from tasks.pictures.clip import MOST_SECONDS, clip
from tasks.pictures.contact_sheet import small, webp
from tasks.pictures.gallery import Card, Section, gallery
from tasks.pictures.word_diff import closest
from tasks.plan import Plan
from tasks.types.contract import Judged
from tasks.types.nesting import read

MOST_ROWS = 40
UNSURE_ROWS = 10
MOST_TOKENS = 2000
HIDDEN = {"row", "right", "confidence", "wrong"}
"""Columns of the sample table that a card says in another way."""


def page(
    plan: Plan,
    candidate: Candidate,
    table: pa.Table,
    judged: Mapping[str, Judged],
    numbers: Sequence[int],
    values: RowValues | None,
) -> str:
    """Return the error gallery of one model: its worst rows, and those it was right about by a hair.

    Args:
        plan: What is evaluated.
        candidate: The model.
        table: All its predictions, one a row of the dataset.
        judged: What the metrics took.
        numbers: The numbers of the judged rows.
        values: How well each did; None where that is not known, and the sampled rows are shown.
    """
    shown = _shown(plan, len(table))
    confidence = _confidence(table, numbers)
    if values is None or not (
        worst := [each for each in values.worst_first() if shown is None or numbers[each] in shown]
    ):
        chosen = [
            each for each in sampled(len(numbers), MOST_ROWS) if shown is None or numbers[each] in shown
        ]
        sections = [("Some rows", "A seeded sample: single rows have no score of their own.", chosen)]
    else:
        sections = _chosen(values, worst, confidence)
    title = f"Where {candidate.title} fails"
    rows = [numbers[each] for _, _, places in sections for each in places]
    cards = dict(
        zip(rows, _cards(plan, candidate, table, judged, numbers, rows, values, confidence), strict=True)
    )
    laid = [
        Section(heading, why, [cards[numbers[each]] for each in places]) for heading, why, places in sections
    ]
    summary = f"{plan.evaluation.task} on {plan.rows.name} ({plan.rows.split}), {len(numbers)} rows judged."
    return gallery(title, summary, laid)


def _shown(plan: Plan, rows: int) -> set[int] | None:
    """Return the rows whose media were kept, of a stream; None where every row can be read."""
    if not plan.rows.streamed:
        return None
    pictured = any("image" in column.accepts for column in plan.kind.columns)
    return set(sampled(rows, PICTURED if pictured else SAMPLED))


def _confidence(table: pa.Table, numbers: Sequence[int]) -> np.ndarray | None:
    """Return how sure the model was of each judged row, shape (rows,); None where it does not say."""
    if not {"label", "score"} <= set(table.column_names):
        return None
    sure = table["score"].to_numpy(zero_copy_only=False).astype(np.float64)
    return np.asarray(sure[np.asarray(numbers, dtype=np.int64)], dtype=np.float64)


def _chosen(
    values: RowValues, worst: list[int], confidence: np.ndarray | None
) -> list[tuple[str, str, list[int]]]:
    """Return headings, reasons, and the positions of the rows below each."""
    if values.name == "right":
        wrong = [each for each in worst if not values.values[each]]
        right = [each for each in worst if values.values[each]]
        if confidence is None:
            return [("Mistakes", f"{len(wrong)} rows are wrong.", wrong[:MOST_ROWS])]
        wrong = sorted(wrong, key=lambda each: -confidence[each])
        right = sorted(right, key=lambda each: confidence[each])
        return [
            (
                "Most confident mistakes",
                f"{len(wrong)} rows are wrong; the surest come first.",
                wrong[:MOST_ROWS],
            ),
            ("Right by a hair", "Right, and the least sure of it.", right[:UNSURE_ROWS]),
        ]
    arrow = "higher is better" if values.higher_is_better else "lower is better"
    return [
        ("Worst rows", f"By {values.name} of each row, {arrow}; the worst come first.", worst[:MOST_ROWS])
    ]


def _cards(
    plan: Plan,
    candidate: Candidate,
    table: pa.Table,
    judged: Mapping[str, Judged],
    numbers: Sequence[int],
    rows: Sequence[int],
    values: RowValues | None,
    confidence: np.ndarray | None,
) -> list[Card]:
    kind, mapping = plan.kind, plan.mapping
    opened = open_rows(plan.rows)
    given = {
        name: read(opened, mapping.columns[name], rows) for name in kind.inputs if name in mapping.columns
    }
    right = references(opened, mapping, kind.references, rows)
    place = {number: position for position, number in enumerate(numbers)}
    predictions = table.take(pa.array(rows, pa.int64())).to_pylist()
    cards = []
    for position, (number, prediction) in enumerate(zip(rows, predictions, strict=True)):
        row = {name: column[position] for name, column in (given | right).items()}
        card = card_of(number, kind.sample(prediction, row, candidate.alignment))
        at = place[number]
        if "audio" in given:
            card = _with_sound(card, given["audio"][position])
        if "tags" in judged and "tokens" in row:
            tagged = zip(
                row["tokens"], judged["tags"].references[at], judged["tags"].predictions[at], strict=True
            )
            fields = {
                name: text
                for name, text in card.fields.items()
                if name not in {"reference", "prediction", "text"}
            }
            card = replace(card, tags=tuple(tagged)[:MOST_TOKENS], fields=fields)
        elif "texts" in judged:
            card = _with_difference(card, judged["texts"].references[at], judged["texts"].predictions[at])
        cards.append(replace(card, score=_score(values, confidence, at)))
    return cards


def _score(values: RowValues | None, confidence: np.ndarray | None, at: int) -> str:
    words = []
    if values is not None and values.name != "right" and np.isfinite(values.values[at]):
        words.append(f"{values.name} {values.values[at]:.3f}")
    if confidence is not None and np.isfinite(confidence[at]):
        words.append(
            f"{confidence[at]:.1%} sure" if 0 <= confidence[at] <= 1 else f"score {confidence[at]:.3f}"
        )
    return " · ".join(words)


def card_of(number: int, seen: Mapping[str, Any]) -> Card:
    """Return a row of the sample table as a card: pictures apart from what is read.

    >>> card_of(3, {"reference": "cat", "prediction": "dog", "right": False}).right
    False
    """
    images, fields = {}, {}
    for name, value in seen.items():
        if isinstance(value, Mapping) and "bytes" in value:
            images[name] = webp(small(value))
        elif name not in HIDDEN and value is not None:
            fields[name] = f"{value:.4g}" if isinstance(value, float) else str(value)
    right = seen.get("right")
    return Card(number, right if isinstance(right, bool) else None, fields=fields, images=images)


def _with_sound(card: Card, value: Mapping[str, Any] | None) -> Card:
    try:
        sound, seconds = clip(value or {})
    except Exception as error:
        return replace(card, note=f"The recording cannot be played here: {error}")
    note = f"The first {MOST_SECONDS} of {seconds:.0f} seconds." if seconds > MOST_SECONDS else ""
    return replace(card, sound=sound, note=note)


def _with_difference(card: Card, reference: Any, prediction: str) -> Card:
    """Show right and predicted text as one, against the nearest of several right ones."""
    several = [reference] if isinstance(reference, str) else [each for each in (reference or []) if each]
    if not several or prediction is None:
        return card
    return replace(card, difference=(closest(prediction, several), prediction))


def token_errors(judged: Judged, tokens: Sequence[Sequence[str]], most: int = 500) -> list[dict[str, Any]]:
    """Return which words were tagged wrongly, the most frequent first.

    >>> token_errors(Judged([["O", "X"]], [["O", "O"]]), [["a", "b"]])
    [{'word': 'b', 'reference': 'O', 'prediction': 'X', 'times': 1, 'occurs': 1}]
    """
    wrong: Counter[tuple[str, str, str]] = Counter()
    occurs: Counter[str] = Counter()
    for words, right, given in zip(tokens, judged.references, judged.predictions, strict=True):
        occurs.update(words)
        wrong.update(each for each in zip(words, right, given, strict=True) if each[1] != each[2])
    return [
        {"word": word, "reference": right, "prediction": given, "times": times, "occurs": occurs[word]}
        for (word, right, given), times in wrong.most_common(most)
    ]
