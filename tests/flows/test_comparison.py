"""The compare flow through a real Prefect server."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client

from flows.comparison import compare
from tests.runs import tracked

pytestmark = pytest.mark.usefixtures("prefect_server")


async def artifacts() -> dict[str, str]:
    async with get_client() as client:
        answer = await client._client.post("/artifacts/filter", json={})
        return {each["key"]: each["data"] for each in answer.json()}


def test_the_comparison_and_the_rows_are_on_the_runs_page(demo: Path) -> None:
    run_ids = tracked(
        {
            "task": "text-classification",
            "dataset": {"path": str(demo / "data" / "messages"), "split": "test", "limit": 60},
            "columns": {"text": "text", "label": "topic"},
            "models": [str(demo / "models" / f"messages-topic-{size}") for size in ("small", "large")],
        }
    )
    found = compare(run_ids)
    assert [each["mlflow_run_id"] for each in found["runs"]] == run_ids
    kept = asyncio.run(artifacts())
    assert "messages-topic-small" in kept["comparison"]
    assert f"They differ on {found['disagreements']['count']} of 60 rows" in kept["comparison"]
    assert json.loads(kept["disagreements"]) == found["disagreements"]["rows"]
