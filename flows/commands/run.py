"""`assay run`: evaluate what config files or flags describe."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows import console, environment, foreground
from flows.serving import companion
from tasks import configs
from tasks.errors import AssayError, BadEvaluation, UserError

_RANGE = re.compile(r"(?=.*\d)(-?\d+(?:\.\d+)?)?\.\.(-?\d+(?:\.\d+)?)?")

if TYPE_CHECKING:
    from tasks.report import RunReport
    from tasks.spec import Evaluation


def run(
    config: Annotated[
        list[str] | None, typer.Argument(help="Config files, or names of shipped ones (see `assay list`).")
    ] = None,
    task: Annotated[str | None, typer.Option(help="Task type, as text-classification.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Hub id, file or folder.")] = None,
    dataset_config: Annotated[
        str | None, typer.Option("--config", help="The dataset's configuration.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Split, as test or test[:100].")] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a Hub dataset.")] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="canonical=dataset column, as text=sentence; repeatable.")
    ] = None,
    model: Annotated[list[str] | None, typer.Option(help="Hub id or folder; repeatable.")] = None,
    predictions: Annotated[
        list[str] | None, typer.Option(help="File of predictions made elsewhere; repeatable.")
    ] = None,
    best: Annotated[
        int | None,
        typer.Option(min=1, help="Evaluate this many models that declare the dataset on the Hub."),
    ] = None,
    metric: Annotated[list[str] | None, typer.Option(help="Metric name; repeatable.")] = None,
    limit: Annotated[int | None, typer.Option(help="Evaluate on a seeded sample of this many rows.")] = None,
    row_filter: Annotated[
        list[str] | None,
        typer.Option("--filter", help="column=value or column=1..5, only such rows; repeatable."),
    ] = None,
    streaming: Annotated[
        bool | None, typer.Option("--streaming", help="Read the dataset's rows as they come.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Run evaluations from config files, or one from flags; flags given beside one config override it."""
    flags = {
        "task": task,
        "dataset": {
            "path": dataset,
            "config": dataset_config,
            "split": split,
            "revision": revision,
            "limit": limit,
            "filters": _filters(row_filter or []) or None,
            "streaming": streaming,
        },
        "columns": _pairs(column or []),
        "models": [*(model or []), *({"predictions": each} for each in predictions or [])],
        "metrics": metric,
    }
    environment.prepare()
    evaluations = _evaluations(config or [], flags, best)
    failures: list[AssayError] = []
    with companion.server() as prefect:
        console.results(_evaluated(evaluations, prefect, failures), as_json=as_json)
    if failures:
        raise typer.Exit(2 if all(isinstance(error, UserError) for error in failures) else 1)


def _pairs(columns: list[str]) -> dict[str, str]:
    """Read `canonical=dataset column` pairs."""
    pairs = {}
    for given in columns:
        canonical, equals, dataset_column = given.partition("=")
        if not (canonical and equals and dataset_column):
            raise BadEvaluation(f"'{given}' is not of the form canonical=column, as text=sentence.")
        pairs[canonical] = dataset_column
    return pairs


def _filters(given: list[str]) -> dict[str, Any]:
    """Read `column=value` pairs, several of one column as one of them, and `column=low..high`.

    >>> _filters(["label=a", "label=b", "length=1..5"])
    {'label': ['a', 'b'], 'length': {'min': 1.0, 'max': 5.0}}
    """
    filters: dict[str, Any] = {}
    for each in given:
        column, equals, value = each.partition("=")
        if not (column and equals):
            raise BadEvaluation(f"'{each}' is not of the form column=value, as language=sw.")
        span = _RANGE.fullmatch(value)
        if span:
            ends = {"min": span[1], "max": span[2]}
            filters[column] = {name: float(end) for name, end in ends.items() if end}
        elif isinstance(filters.setdefault(column, []), list):
            filters[column].append(value)
    return filters


def _evaluations(names: list[str], flags: dict[str, Any], best: int | None) -> list[Evaluation]:
    """Read every config, with flags over it; or make one evaluation of flags alone."""
    given = {key: value for key, value in flags.items() if value}
    given["dataset"] = {key: value for key, value in flags["dataset"].items() if value is not None}
    given = {key: value for key, value in given.items() if value}
    if best and "models" in given:
        raise BadEvaluation("--best chooses the models: leave out --model and --predictions, or --best.")
    if not names:
        if not given:
            raise BadEvaluation(
                "Nothing to evaluate: name a config, or give --task, --dataset and --model; "
                "`assay list` shows what there is."
            )
        return [configs.parse(_with_models(_from_card(given), best))]
    read = [configs.read(configs.find(name)) for name in names]
    if not given and not best:
        return read
    asked = [configs.over(each.model_dump(mode="json"), given) for each in read]
    return [configs.parse(_with_models(each, best)) for each in asked]


def _with_models(given: dict[str, Any], best: int | None) -> dict[str, Any]:
    """Choose the models, where that is asked for; where none is named, say which ones fit."""
    from tasks import catalogue, choosing

    path, task = given.get("dataset", {}).get("path"), given.get("task")
    if path is None or task not in catalogue.task_types():
        return given
    if best:
        names = choosing.best_known(path, task, best)
        few = f", all there are of {best} asked for" if len(names) < best else ""
        console.aside.print(
            f"note: Models that declare '{path}'{few}: {', '.join(names)}.", markup=False, soft_wrap=True
        )
        return {**given, "models": names}
    if not given.get("models"):
        raise BadEvaluation(choosing.unnamed(path, task))
    return given


def _from_card(given: dict[str, Any]) -> dict[str, Any]:
    """Fill in, where no task type is given, what the dataset's own card says, and say what that was."""
    path = given.get("dataset", {}).get("path")
    if "task" in given or path is None:
        return given
    from tasks.cards import dataset as card

    asked = {key: given["dataset"].get(key) for key in ("revision", "config", "split")}
    declaration = card.declared(path, **asked)
    for sentence in card.told(declaration, path):
        console.aside.print(f"note: {sentence}", markup=False, soft_wrap=True)
    return configs.over(declaration.given(), given)


def _evaluated(
    evaluations: list[Evaluation], prefect: companion.Companion | None, failures: list[AssayError]
) -> Iterator[list[RunReport]]:
    """Run evaluations one after the other, yielding the outcome of each as it ends.

    One that fails is said and kept in `failures`; the next goes on.
    """
    with foreground.on_terminal(prefect, _flow) as evaluate:
        for each in evaluations:
            try:
                reports = evaluate(**{name: getattr(each, name) for name in type(each).model_fields})
            except AssayError as error:
                console.fail(str(error))
                failures.append(error)
                if done := getattr(error, "reports", ()):
                    yield list(done)
            else:
                yield reports


def _flow() -> Callable[..., list[RunReport]]:
    from flows.evaluation import evaluate

    return evaluate
