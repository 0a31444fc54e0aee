"""Write the reference pages from the code: `python docs/reference.py`."""

from __future__ import annotations

import inspect
from pathlib import Path

from tasks import catalogue
from tasks.metrics import metrics
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
                f"`{column.name}`" + ("" if column.required else " (optional)"),
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
    """Return the page of metrics."""
    lines = ["# Metrics", "", NOTE]
    for name, metric in metrics().items():
        lines += ["", f"## {name}", "", f"Judges {metric.takes}.", ""]
        lines += [inspect.getdoc(metric.measure) or ""]
        if metric.arguments:
            given = ", ".join(
                f"`{key}` (" + ("required)" if value is inspect.Parameter.empty else f"default `{value}`)")
                for key, value in metric.arguments.items()
            )
            lines += ["", f"Arguments: {given}."]
    return "\n".join(lines) + "\n"


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
