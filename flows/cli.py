"""`assay`: the command line.

Exit codes: 0 done, 1 something broke, 2 the evaluation as written cannot run.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows import companion, console, environment
from tasks import catalogue, configs
from tasks.errors import AssayError, BadEvaluation, UserError

if TYPE_CHECKING:
    from tasks.report import RunReport
    from tasks.spec import Evaluation

app = typer.Typer(
    help="Evaluate any model on any dataset with any metric, on your own machines.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
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
    metric: Annotated[list[str] | None, typer.Option(help="Metric name; repeatable.")] = None,
    limit: Annotated[int | None, typer.Option(help="Evaluate on a seeded sample of this many rows.")] = None,
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
            "streaming": streaming,
        },
        "columns": _pairs(column or []),
        "models": model,
        "metrics": metric,
    }
    environment.prepare()
    evaluations = _evaluations(config or [], flags)
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


def _evaluations(names: list[str], flags: dict[str, Any]) -> list[Evaluation]:
    """Read every config, with flags over it; or make one evaluation of flags alone."""
    given = {key: value for key, value in flags.items() if value}
    given["dataset"] = {key: value for key, value in flags["dataset"].items() if value is not None}
    given = {key: value for key, value in given.items() if value}
    if not names:
        if not given:
            raise BadEvaluation(
                "Nothing to evaluate: name a config, or give --task, --dataset and --model; "
                "`assay list` shows what there is."
            )
        return [configs.parse(given)]
    read = [configs.read(configs.find(name)) for name in names]
    if not given:
        return read
    return [configs.parse(_over(each.model_dump(mode="json"), given)) for each in read]


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Lay given flags over a config: mappings key by key, lists whole."""
    merged = dict(below)
    for key, value in above.items():
        inner = merged.get(key)
        merged[key] = {**inner, **value} if isinstance(inner, dict) and isinstance(value, dict) else value
    return merged


def _evaluated(
    evaluations: list[Evaluation], prefect: companion.Companion | None, failures: list[AssayError]
) -> Iterator[list[RunReport]]:
    """Run evaluations one after the other, yielding the outcome of each as it ends.

    One that fails is said and kept in `failures`; the next goes on.
    """
    with console.aside.status("starting …"):
        from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

        from flows.evaluation import evaluate, progress

        if prefect:
            prefect.wait()
    shown = progress.set(console.bar)
    try:
        for each in evaluations:
            # Joining the heartbeat's thread takes most of a second; whoever started this sees it end anyway.
            try:
                with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
                    reports = evaluate(**{name: getattr(each, name) for name in type(each).model_fields})
            except AssayError as error:
                console.fail(str(error))
                failures.append(error)
            else:
                yield reports
    finally:
        progress.reset(shown)


@app.command("list")
def list_() -> None:
    """List task types, metrics and shipped configs."""
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
    for table in (kinds, measures, shipped):
        console.out.print(table)


@app.command()
def leaderboard(
    dataset: Annotated[str | None, typer.Option(help="Only this dataset.")] = None,
    task: Annotated[str | None, typer.Option(help="Only this task type.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Show the latest score of every model on every dataset, best first."""
    environment.prepare()
    from tasks import leaderboard as board

    places = board.read(dataset=dataset, task=task)
    if as_json:
        print(json.dumps(board.as_json(places), ensure_ascii=False))
    else:
        board.show(console.out, places)


@app.command()
def ui(
    prefect_port: Annotated[int, typer.Option(help="Port of Prefect's server.")] = 4200,
    mlflow_port: Annotated[int, typer.Option(help="Port of MLflow's server.")] = 5000,
    detach: Annotated[bool, typer.Option(help="Leave the servers running and return.")] = False,
    stop: Annotated[bool, typer.Option(help="Stop servers left running.")] = False,
) -> None:
    """Start Prefect's and MLflow's servers and the evaluate form; print their addresses."""
    environment.prepare(quiet=False)
    from flows import servers

    if stop:
        servers.stop()
        return
    servers.start(prefect_port, mlflow_port, detach=detach)


def main() -> None:
    """Run the command line, turning what goes wrong into one sentence and an exit code."""
    debug = bool(os.environ.get("ASSAY_DEBUG"))

    try:
        app()
    except UserError as error:
        console.fail(str(error))
        sys.exit(2)
    except AssayError as error:
        console.fail(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        console.fail("Stopped; finished chunks are kept and will be reused.")
        sys.exit(130)
    except Exception as error:
        if debug:
            raise
        console.fail(f"{type(error).__name__}: {error} (set ASSAY_DEBUG=1 for the traceback)")
        sys.exit(1)


if __name__ == "__main__":
    main()
