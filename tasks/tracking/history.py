"""History: the scores of one model on one dataset over time, in an MLflow run that holds nothing else.

Each evaluation that found something changed adds a step to every score, so that MLflow's own chart draws how
it went. Adding the same entry again adds nothing.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks import home

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

TAG = "assay"
"""As in `tracking`, which is not imported here: it costs a second that an unchanged evaluation is over in."""


@dataclass(frozen=True)
class Entry:
    """One evaluation in a history.

    Attributes:
        step: Its place, from 0.
        run_id: The MLflow run that holds everything about it.
        when: When it was added, in milliseconds since 1970.
        state: What mattered then: commits, digests, versions.
    """

    step: int
    run_id: str
    when: int
    state: Mapping[str, str]


def last(identity: str) -> Entry | None:
    """Return the last entry of a history, from this machine's own note of it or from MLflow."""
    return _noted(identity) or _found(identity)


def _note(identity: str) -> Path:
    return home.home() / "history" / f"{identity}.json"


def _noted(identity: str) -> Entry | None:
    """Return the last entry as this machine knows it; None where it is of another MLflow, or unknown."""
    try:
        found = json.loads(_note(identity).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    database = home.tracking_uri().removeprefix("sqlite:///")
    gone = database != home.tracking_uri() and not Path(database).exists()
    if gone or found.pop("tracking_uri", None) != home.tracking_uri():
        return None
    return Entry(**found)


def _found(identity: str) -> Entry | None:
    from tasks.tracking.mlflow_store import client

    store = client()
    run = _run(store, identity)
    return None if run is None else _last_of(run)


def _run(store: MlflowClient, identity: str) -> Run | None:
    experiments = [each.experiment_id for each in store.search_experiments()]
    there = store.search_runs(
        experiments, f"tags.`{TAG}.history` = '{identity}'", order_by=["attributes.start_time ASC"]
    )
    return there[0] if there else None


def _entries(run: Run) -> list[Entry]:
    """Return the entries of a history, whole ones and one that was being added when it was cut short."""
    tags = run.data.tags
    found = [json.loads(value) for name, value in tags.items() if name.startswith(f"{TAG}.entry.")]
    return sorted((Entry(**each) for each in found), key=lambda entry: entry.step)


def _last_of(run: Run) -> Entry | None:
    """Return the last entry that was added whole."""
    whole = int(run.data.tags.get(f"{TAG}.entries", "0"))
    entries = _entries(run)
    return entries[whole - 1] if whole else None


def add(
    identity: str, state: Mapping[str, str], run_id: str, tags: Mapping[str, str], scores: Mapping[str, float]
) -> str:
    """Add an evaluation to a history, and return the history's MLflow run.

    What was cut short is finished by adding the same again: an entry is known by its evaluation's run.

    Args:
        identity: What is evaluated again and again.
        state: What mattered of it.
        run_id: The evaluation's run, whose experiment the history lies in.
        tags: What the history is of, as `task`, `dataset`, `split` and `model`.
        scores: By score key.
    """
    from mlflow.entities import Metric

    from tasks.tracking.mlflow_store import client

    store = client()
    experiment = store.get_run(run_id).info.experiment_id
    run = _run(store, identity) or _opened(store, experiment, identity, tags)
    history = str(run.info.run_id)
    entries = _entries(run)
    known = [each for each in entries if each.run_id == run_id]
    entry = known[0] if known else Entry(len(entries), run_id, int(time.time() * 1000), dict(state))
    store.set_tag(history, f"{TAG}.entry.{entry.step:04d}", json.dumps(asdict(entry)))
    # The same value at the same time and step is one point, however often it is logged.
    points = [Metric(key, value, entry.when, entry.step) for key, value in scores.items() if value == value]
    store.log_batch(history, metrics=points)
    store.set_tag(history, "mlflow.note.content", _described(tags, [*entries, *([] if known else [entry])]))
    store.set_tag(history, f"{TAG}.entries", str(max(entry.step + 1, len(entries))))
    _write(identity, entry)
    return history


def _opened(store: MlflowClient, experiment: str, identity: str, tags: Mapping[str, str]) -> Run:
    named = {f"{TAG}.{name}": value for name, value in tags.items()}
    run = store.create_run(
        experiment,
        run_name=f"history · {tags.get('model', '')}",
        tags={
            **named,
            f"{TAG}.kind": "history",
            f"{TAG}.history": identity,
            "mlflow.source.name": "assay",
        },
    )
    store.set_terminated(run.info.run_id, status="FINISHED")
    return run


def _described(tags: Mapping[str, str], entries: Sequence[Entry]) -> str:
    lines = [
        f"The scores of {tags.get('model')} on {tags.get('dataset')} ({tags.get('split')}) over time.",
        "",
        "| step | evaluated | model | dataset | run |",
        "|---:|---|---|---|---|",
    ]
    for each in entries[-50:]:
        when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(each.when / 1000))
        commits = (each.state.get(name, "")[:12] for name in ("model", "dataset"))
        lines.append(f"| {each.step} | {when} | {' | '.join(commits)} | {each.run_id} |")
    return "\n".join(lines).replace("<", "&lt;")


def _write(identity: str, entry: Entry) -> None:
    """Note the last entry on this machine."""
    path = _note(identity)
    path.parent.mkdir(exist_ok=True)
    written = path.with_name(f".{uuid.uuid4().hex}.part")
    content: dict[str, Any] = {**asdict(entry), "tracking_uri": home.tracking_uri()}
    written.write_text(json.dumps(content), encoding="utf-8")
    written.replace(path)
