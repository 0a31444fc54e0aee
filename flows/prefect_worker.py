"""Prefect's worker of processes, which does not die of a run that comes back while it still has it.

A crashed run goes back into the queue at once, and so does one that was thought lost. A worker that has not
yet let go of that run is handed it again, and Prefect's own ends then with "this borrower is already holding
one of this CapacityLimiter's tokens".
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from prefect.workers.process import ProcessWorker

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRun
    from prefect.client.schemas.responses import WorkerFlowRunResponse

with warnings.catch_warnings():
    # It takes the place of the other on purpose: the command line finds a worker by its type.
    warnings.simplefilter("ignore")

    class Worker(ProcessWorker):
        """A worker that leaves a run it still has in the queue, until it has let go of it."""

        async def _submit_scheduled_flow_runs(
            self, flow_run_response: list[WorkerFlowRunResponse]
        ) -> list[FlowRun]:
            had = set(self._limiter.statistics().borrowers) if self._limiter is not None else set()
            others = [each for each in flow_run_response if each.flow_run.id not in had]
            return await super()._submit_scheduled_flow_runs(others)
