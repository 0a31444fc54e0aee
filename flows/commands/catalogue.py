"""`assay list`: what there is to evaluate with."""

from __future__ import annotations

from flows import console
from tasks import catalogue, configs, suites


def show() -> None:
    """List task types, metrics, shipped configs and suites."""
    from rich.table import Table

    from tasks.metrics import metrics
    from tasks.types import task_type

    kinds = Table("task type", "columns", "default metrics", title="Task types", title_justify="left")
    for name in catalogue.task_types():
        kind = task_type(name)
        columns = ", ".join(each.name if each.required else f"[{each.name}]" for each in kind.columns)
        defaults = ", ".join(each for each, _ in kind.metrics)
        kinds.add_row(name, columns.replace("[", r"\["), defaults)
    measures = Table("metric", "judges", "arguments", "what it is", title="Metrics", title_justify="left")
    for name, metric in metrics().items():
        measures.add_row(name, metric.takes, ", ".join(metric.arguments), metric.summary)
    shipped = Table("config", "task type", "dataset", title="Configs", title_justify="left")
    for name, path in configs.shipped().items():
        evaluation = configs.read(path)
        shipped.add_row(name, evaluation.task, evaluation.dataset.path)
    together = Table("suite", "evaluations", "models", title="Suites", title_justify="left")
    for name, path in suites.shipped().items():
        evaluations, models = suites.outline(path)
        together.add_row(name, ", ".join(evaluations), ", ".join(models))
    for table in (kinds, measures, shipped, together):
        console.out.print(table)
