"""Prefect's worker of processes, with runs forked from a nursery, and which outlives a run that comes back.

A crashed run goes back into the queue at once, and so does one that was thought lost. A worker that has not
yet let go of that run is handed it again, and Prefect's own ends then with "this borrower is already holding
one of this CapacityLimiter's tokens".
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from prefect.workers.process import ProcessWorker

from flows.nursery import keeper

if TYPE_CHECKING:
    from anyio.abc import TaskStatus
    from prefect.client.schemas.objects import FlowRun
    from prefect.client.schemas.responses import WorkerFlowRunResponse
    from prefect.workers.process import ProcessJobConfiguration, ProcessWorkerResult

with warnings.catch_warnings():
    # It takes the place of the other on purpose: the command line finds a worker by its type.
    warnings.simplefilter("ignore")

    class Worker(ProcessWorker):
        """A worker that has runs forked, and leaves one in the queue for as long as it still has it."""

        async def _submit_scheduled_flow_runs(
            self, flow_run_response: list[WorkerFlowRunResponse]
        ) -> list[FlowRun]:
            had = set(self._limiter.statistics().borrowers) if self._limiter is not None else set()
            others = [each for each in flow_run_response if each.flow_run.id not in had]
            return await super()._submit_scheduled_flow_runs(others)

        async def run(
            self,
            flow_run: FlowRun,
            configuration: ProcessJobConfiguration,
            task_status: TaskStatus[int] | None = None,
        ) -> ProcessWorkerResult:
            """Run a flow in a process that the nursery forks, where there is one."""
            keeper.engage(configuration)
            return await super().run(flow_run, configuration, task_status)
