"""Write the reference pages from the code: `python docs/reference.py`."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import get_args

from tasks import catalogue
from tasks.metrics import Metric as Found
from tasks.metrics import metrics
from tasks.metrics.contract import Evidence
from tasks.spec import Dataset, Metric, Model, Settings
from tasks.types import task_type

HERE = Path(__file__).resolve().parent
NOTE = "<!-- Made from the code by docs/reference.py; change the code instead. -->"


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *cells]]


def task_types_page() -> str:
    """Return the page of task types."""
    lines = ["# Task types", "", NOTE]
    for name in catalogue.task_types():
        kind = task_type(name)
        rows = [
            [
                f"`{column.name}`"
                + (
                    f" (where datasets hold {column.way})"
                    if column.way
                    else ""
                    if column.required
                    else " (optional)"
                ),
                column.help,
                ", ".join(sorted(column.accepts)),
                ", ".join(column.aliases),
            ]
            for column in kind.columns
        ]
        fields = ", ".join(f"`{field.name}` ({field.type})" for field in kind.prediction)
        defaults = ", ".join(
            f"`{metric}`" + (f" {dict(arguments)}" if arguments else "") for metric, arguments in kind.metrics
        )
        lines += ["", f"## {name}", "", kind.summary, ""]
        lines += _table(["column", "what it is", "takes", "also known as"], rows)
        lines += ["", f"Default metrics: {defaults}.", "", f"A stored prediction: {fields}."]
    return "\n".join(lines) + "\n"


def metrics_page() -> str:
    """Return the page of metrics: a table of contents by family, then each metric."""
    families: dict[str, list[str]] = {}
    for name, metric in metrics().items():
        families.setdefault(metric.family, []).append(name)
    lines = ["# Metrics", "", NOTE, "", *METRICS_INTRODUCTION, ""]
    rows = [
        [
            family if name == names[0] else "",
            f"[{name}](#{name})",
            metrics()[name].takes.replace("_", " "),
            "↑" if metrics()[name].higher_is_better else "↓",
            metrics()[name].summary,
        ]
        for family, names in families.items()
        for name in names
    ]
    lines += _table(["family", "metric", "judges", "better", "what it is"], rows)
    lines += ["", "What metrics judge, in an evaluation and as `predictions` and `references` in Python:", ""]
    shapes = [[kind.replace("_", " "), SHAPES[kind]] for kind in get_args(Evidence)]
    lines += _table(["judges", "a row's prediction; a row's reference"], shapes)
    for family, names in families.items():
        lines += ["", f"## {family}"]
        if of_family := _of_family(metrics()[names[0]]):
            lines += ["", of_family]
        for name in names:
            metric = metrics()[name]
            direction = "higher" if metric.higher_is_better else "lower"
            judged = metric.takes.replace("_", " ")
            lines += ["", f"### {name}", "", f"Judges {judged}; {direction} is better.", ""]
            lines += [_paragraphs(inspect.getdoc(metric.measure) or "")]
            if metric.arguments:
                given = ", ".join(
                    f"`{key}` ("
                    + ("required)" if value is inspect.Parameter.empty else f"default `{value}`)")
                    for key, value in metric.arguments.items()
                )
                lines += ["", f"Settings: {given}."]
    return "\n".join(lines) + "\n"


SHAPES: dict[Evidence, str] = {
    "labels": "a class label; the right one",
    "probabilities": "a probability (or score) of each label; the right label",
    "label_sets": "a set of labels, or 0 and 1 a label; the same",
    "label_scores": "a score for each label; the set of right ones",
    "tags": "a list with a tag a token; the same",
    "texts": "a text; the right text, or for most metrics a list of them",
    "numbers": "a number, or a list of them; the same",
    "rankings": "documents, best first, or with their scores; the relevant ones, or with their relevance",
    "answers": "an answer in SQuAD's form, with its question's id; right answers in SQuAD's form",
    "answer_lists": "an answer; a list of right ones",
    "edits": "an edited text, its source beside it; right texts",
    "images": "a picture; the right one (or, of distances between sets, another)",
    "prompts": "a picture; the text it was made from",
    "maps": "a class number for every pixel; the same",
    "depths": "a map of distances; the same",
    "boxes": "boxes or masks with scores and labels; right ones with labels",
    "choices": "a log-likelihood and a length of each choice; the right choice's number",
    "likelihoods": "the log-likelihood of a text, with its tokens and bytes; none",
    "anything": "whatever the task type gives first",
}

METRICS_INTRODUCTION = [
    "Every score comes with its number of rows and a 95% interval, named by how it was found: Wilson's",
    "formula (`wilson`) for plain shares of rows, otherwise the percentile bootstrap (`percentile`) of",
    "1,000 samples; on request `bca`, `clopper-pearson`, by group of rows, or at another level. Up to",
    "2,000 rows each row is drawn by itself; more are drawn in random bags, which keeps the spread to",
    "within 1.6%. More than 200,000 rows whose statistics do not add up (areas under curves, rank",
    "correlations) have the `jackknife`'s. A score that would have the same value in every sample has no",
    "interval. Two models are compared on the same rows by a paired bootstrap, by approximate",
    "randomisation, and where they fit by McNemar's or Wilcoxon's test, with the effect size and the",
    "smallest difference that the rows can show.",
    "",
    "`↑` means higher is better. A key is the name a score has in reports, in MLflow and in Python.",
    "*Reference* names the independent implementation that the tests hold each value against.",
]


def _of_family(metric: Found) -> str:
    """Return what the metric's module says of the whole family, after its first line."""
    module = inspect.getmodule(metric.measure)
    return inspect.cleandoc((module and module.__doc__) or "").partition("\n\n")[2]


def _paragraphs(text: str) -> str:
    """Turn a docstring's `Args:` and `Raises:` sections into lists."""
    lines: list[str] = []
    for line in text.split("\n"):
        if line in {"Args:", "Raises:"}:
            lines += [{"Args:": "Arguments:", "Raises:": "Refused with a sentence:"}[line], ""]
        elif line.startswith("    ") and not line.startswith("     "):
            name, _, rest = line.strip().partition(": ")
            lines.append(f"- `{name}`: {rest}")
        else:
            lines.append(f"  {line.strip()}" if line.startswith("     ") else line)
    return "\n".join(lines)


def settings_page() -> str:
    """Return the page of keys and settings."""
    lines = ["# Settings", "", NOTE]
    for title, model in (
        ("dataset", Dataset),
        ("models", Model),
        ("metrics", Metric),
        ("settings", Settings),
    ):
        rows = [
            [
                f"`{name}`",
                "" if field.is_required() else f"`{field.get_default(call_default_factory=True)}`",
                field.description or "",
            ]
            for name, field in model.model_fields.items()
        ]
        lines += ["", f"## {title}", "", (model.__doc__ or "").strip(), ""]
        lines += _table(["key", "default", "what it does"], rows)
    return "\n".join(lines) + "\n"


PAGES = {"task-types.md": task_types_page, "metrics.md": metrics_page, "settings.md": settings_page}

if __name__ == "__main__":
    for file, page in PAGES.items():
        (HERE / file).write_text(page(), encoding="utf-8")
