"""The compare flow: finished runs read back -> compared on the rows they share -> shown on the run's page."""

from __future__ import annotations

from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from tasks.comparing import comparison, comparison_report
from tasks.comparing.comparison import Comparison
from tasks.comparing.disagreements import MOST
from tasks.errors import listing
from tasks.spec import Metric


@task(name="compare runs", task_run_name="compare runs", cache_policy=NO_CACHE)
def compare_runs(runs: list[str], metrics: list[Metric], most: int) -> Comparison:
    """Read finished runs back and compare them; no model runs."""
    return comparison.compare(runs, metrics=[each.model_dump() for each in metrics], most=most)


def _run_name() -> str:
    named = [str(run)[:12] for run in flow_run.parameters.get("runs") or []]
    return f"compare {listing(named, 4)}"


@flow(name="compare", flow_run_name=_run_name)
def compare(runs: list[str], metrics: list[Metric] | None = None, most: int = MOST) -> dict[str, Any]:
    """Compare finished runs on the rows that all of them answered.

    Args:
        runs: MLflow runs by id, the beginning of one, or name; an evaluation's run stands for its models'.
        metrics: Metrics to compare by; left out, those that all of the runs were judged by.
        most: The most rows kept of those on which they differ.
    """
    found = compare_runs(runs, metrics or [], most)
    for note in found.notes:
        get_run_logger().info(note)
    create_markdown_artifact(
        comparison_report.markdown(found), key="comparison", description=comparison_report.heading(found)
    )
    rows = [comparison_report.plain(row) for row in found.disagreements.shown]
    create_table_artifact(
        rows, key="disagreements", description=comparison_report.rows_heading(found, len(rows))
    )
    return comparison_report.as_json(found)
