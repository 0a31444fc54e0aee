"""A worker that still has a run is not ended by it when it comes back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client

from flows.queue import deployments
from flows.queue.prefect_worker import Worker
from flows.queue.worker import POOL


@pytest.mark.usefixtures("prefect_server")
def test_a_run_that_it_still_has_stays_in_the_queue(tmp_path: Path) -> None:
    deployments.deploy([], tmp_path)
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("evaluate/evaluate")
        given = {"task": "fill-mask", "dataset": {"path": "x"}, "models": [{"name": "y"}]}
        run = client.create_flow_run_from_deployment(deployment.id, parameters=given).id

    async def handed_out() -> None:
        async with Worker(work_pool_name=POOL, limit=1) as worker:
            there = await worker.client.get_scheduled_flow_runs_for_work_pool(POOL)
            mine = [each for each in there if each.flow_run.id == run]
            assert mine
            worker.limiter.acquire_on_behalf_of_nowait(run)
            assert await worker._submit_scheduled_flow_runs(mine) == []
            worker.limiter.release_on_behalf_of(run)

    asyncio.run(handed_out())
    with get_client(sync_client=True) as client:
        found = client.read_flow_run(run)
        assert found.state is not None
        assert found.state.is_scheduled()
        client.delete_flow_run(run)
