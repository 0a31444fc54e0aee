"""Kills an evaluation at each of many points of its tracking, resumes it, and prints what MLflow then holds.

Run as a program: `killing.py HOME DEMO`. Each evaluation is a process of its own, forked once all is judged,
and dies by `os._exit` right after the call it is told, as it would by a kill -9 or a power cut.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient

from tasks.tracking import artifacts, mlflow_store, outbox, records
from tests.tracking.material import Judged, judged

WRITING = (
    "create_experiment",
    "create_run",
    "update_run",
    "log_inputs",
    "log_outputs",
    "create_logged_model",
    "log_model_artifacts",
    "finalize_logged_model",
    "log_batch",
    "log_artifacts",
    "set_terminated",
    "set_tag",
)


def watched(owner: Any, name: str, seen: Callable[[str], None]) -> None:
    """Tell of each call of a function once it is done."""
    original = getattr(owner, name)

    def call(*given: Any, **named: Any) -> Any:
        found = original(*given, **named)
        seen(name)
        return found

    setattr(owner, name, call)


def watch(seen: Callable[[str], None]) -> None:
    """Tell of every write to MLflow, and of every step of writing a record to this disk."""
    for name in WRITING:
        watched(MlflowClient, name, seen)
    for owner, name in ((artifacts, "log"), (records, "put"), (records, "write"), (outbox, "tell")):
        watched(owner, name, seen)


def forked(work: Callable[[], None]) -> int:
    """Do something in a process of its own and return how that ended."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_at(point: int, ready: Judged) -> Callable[[], None]:
    def work() -> None:
        calls = 0

        def seen(name: str) -> None:
            nonlocal calls
            if calls == point:
                os._exit(9)
            calls += 1

        watch(seen)
        ready.track()

    return work


def content(store: MlflowClient) -> dict[str, Any]:
    """Return all that MLflow holds, but for ids and times."""
    runs = []
    experiments = [each.experiment_id for each in store.search_experiments()]
    for run in store.search_runs(experiments):
        run_id = run.info.run_id
        # The description holds the line of code that loads this run's predictions, by its id.
        told = {name: value.replace(run_id, "RUN") for name, value in run.data.tags.items()}
        tags: dict[str, Any] = {name: value for name, value in told.items() if name not in CHANGING}
        if "assay.difference" in tags:
            tags["assay.difference"] = {**json.loads(tags["assay.difference"]), "from": ""}
        files = Path(store.download_artifacts(run_id, ""))
        runs.append(
            {
                "status": run.info.status,
                "name": run.info.run_name,
                "below": run.data.tags.get("mlflow.parentRunId"),
                "tags": tags,
                "params": run.data.params,
                "metrics": {
                    key: [each.value for each in store.get_metric_history(run_id, key)]
                    for key in run.data.metrics
                },
                "datasets": [each.dataset.name for each in run.inputs.dataset_inputs],
                "models": len(run.outputs.model_outputs) if run.outputs else 0,
                "files": {
                    str(path.relative_to(files)): hashlib.sha256(path.read_bytes()).hexdigest()
                    for path in sorted(files.rglob("*"))
                    if path.is_file()
                },
            }
        )
    parents = {run.info.run_id: run.info.run_name for run in store.search_runs(experiments)}
    for run in runs:
        run["below"] = parents.get(run["below"])
    models = [
        {
            "name": model.name,
            "status": str(model.status),
            "metrics": sorted(
                (metric.key, metric.value, metric.dataset_name) for metric in model.metrics or []
            ),
        }
        for model in store.search_logged_models(experiments)
    ]
    return {
        "runs": sorted(runs, key=lambda run: (run["name"], run["status"])),
        "models": sorted(models, key=lambda model: model["name"]),
        "outbox": [path.name for path in outbox.box().iterdir() if not path.name.startswith(".")],
    }


CHANGING = {"assay.process", "assay.key", "mlflow.parentRunId", "mlflow.user"}


def main(home: Path, demo: Path) -> None:
    """Print one JSON object: what each point left after the evaluation was started again."""
    os.environ["ASSAY_CHUNKS"] = str(home / "chunks")
    os.environ["ASSAY_HOME"] = str(home / "template")
    ready = judged(demo)
    # A store is made once and copied, which saves each point the seconds of making its tables.
    assert forked(lambda: mlflow_store.client().search_experiments()) == 0

    def afresh(name: str) -> None:
        mlflow.set_tracking_uri(None)
        shutil.copytree(home / "template", home / name)
        os.environ["ASSAY_HOME"] = str(home / name)

    def report(name: str) -> None:
        (home / f"{name}.json").write_text(json.dumps(content(mlflow_store.client())), encoding="utf-8")

    def count() -> None:
        names: list[str] = []
        watch(names.append)
        ready.track()
        (home / "calls.json").write_text(json.dumps(names), encoding="utf-8")

    afresh("whole")
    assert forked(count) == 0
    assert forked(lambda: report("whole")) == 0
    calls = json.loads((home / "calls.json").read_text(encoding="utf-8"))
    points = {}
    for point in chosen(calls):
        afresh(str(point))
        died = forked(killed_at(point, ready))
        resumed = forked(lambda: (ready.track(), None)[1])
        assert forked(lambda name=str(point): report(name)) == 0
        points[point] = {
            "after": calls[point],
            "died": died,
            "resumed": resumed,
            "content": json.loads((home / f"{point}.json").read_text(encoding="utf-8")),
        }
    whole = json.loads((home / "whole.json").read_text(encoding="utf-8"))
    print(json.dumps({"calls": calls, "whole": whole, "points": points}))


def chosen(calls: list[str]) -> list[int]:
    """Return the first call of each kind, the last that ends a run, and the last of all."""
    first = {name: number for number, name in reversed(list(enumerate(calls)))}
    last = {name: number for number, name in enumerate(calls)}
    first.pop("write")
    return sorted({*first.values(), last["set_terminated"], last["tell"], last["write"]})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
