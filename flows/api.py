"""Evaluations from Python: `evaluate(...)`, whose models may be plain functions.

```python
from flows.api import evaluate

def shout(rows):
    return ["positive" if "!" in row["text"] else "negative" for row in rows]

reports = evaluate("text-classification", "reviews.csv", [shout, "owner/model"])
print(reports[0].scores["accuracy"])
```
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flows import environment, foreground
from flows.serving import companion
from tasks import configs
from tasks.elsewhere.functions import Function
from tasks.spec import Model

if TYPE_CHECKING:
    from tasks.report import RunReport

__all__ = ["Function", "evaluate"]


def evaluate(
    task: str,
    dataset: str | Mapping[str, Any],
    models: Sequence[str | Mapping[str, Any] | Callable[..., Any] | Function],
    *,
    columns: Mapping[str, str] | None = None,
    metrics: Sequence[str | Mapping[str, Any]] = (),
    settings: Mapping[str, Any] | None = None,
) -> list[RunReport]:
    """Evaluate models and functions on a dataset, and keep every score in MLflow, as `assay run` does.

    Args:
        task: The task type.
        dataset: A Hub id, file or folder, or what a config's `dataset` holds.
        models: Hub ids, folders, what a config's `models` hold, and functions.
        columns: Which dataset column feeds which column of the task type.
        metrics: Metrics; left out, the task type's defaults.
        settings: What a config's `settings` hold.

    Returns:
        The outcome of each model, in their order.

    Raises:
        UserError: The evaluation cannot run as written.
    """
    environment.prepare()
    evaluation = configs.parse(
        {
            "task": task,
            "dataset": {"path": dataset} if isinstance(dataset, str) else dict(dataset),
            "models": [_model(each) for each in models],
            "columns": dict(columns or {}),
            "metrics": list(metrics),
            "settings": dict(settings or {}),
        }
    )
    with companion.server() as prefect, foreground.attended(prefect):
        from flows import evaluation as flow

        given = {name: getattr(evaluation, name) for name in type(evaluation).model_fields}
        reports: list[RunReport] = flow.evaluate(**given)
    return reports


def _model(given: str | Mapping[str, Any] | Callable[..., Any] | Function) -> Any:
    if isinstance(given, str | Mapping | Model):
        return given
    function = given if isinstance(given, Function) else Function(given)
    return Model.calling(function.title, function, function.labels or {})
