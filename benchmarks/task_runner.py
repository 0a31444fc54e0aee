"""Handing work out on a Ray cluster: chunks from our queue beside tasks of Prefect's Ray task runner.

Neither computes anything: what is timed is what each costs beside the work, on a cluster of one node whose
processes are warm.
"""

from __future__ import annotations

import os
import tempfile
import time

from benchmarks.measurement import Result, result

TASKS = 40


def ray_task_runner() -> Result:
    """A chunk taken from the queue beside a task of the task runner; the ratio is how much cheaper it is."""
    from tests.fleet import nodes as cluster

    with tempfile.TemporaryDirectory() as folder, cluster.running() as nodes:
        os.environ["ASSAY_HOME"] = os.environ["PREFECT_HOME"] = folder
        nodes.fill(1)
        ours, theirs = _taken(nodes.address), _submitted(nodes.address)
    return result(
        "ray_task_runner",
        ours,
        theirs,
        f"taking {TASKS} chunks from our queue, {1000 * ours / TASKS:.1f} ms each, beside {TASKS} tasks "
        f"that do nothing with prefect-ray, {1000 * theirs / TASKS:.0f} ms each, on one node with one "
        "worker; no model is loaded in either, which the tasks would do once each",
    )


def _taken(address: str) -> float:
    """Return how long a worker on the node takes to be given so many chunks, one after the other."""
    from tasks.fleet.cluster import connected
    from tasks.fleet.cluster_prediction import HEAD
    from tasks.fleet.cluster_queue import Queue
    from tasks.inference.chunks import chunks_of

    with connected(address) as ray:
        queue = ray.remote(Queue).options(num_cpus=0, resources=HEAD).remote(chunks_of(TASKS + 1, 1))

        @ray.remote
        def take(count: int) -> float:
            began = time.perf_counter()
            for _ in range(count):
                ray.get(queue.take.remote(0))
            return time.perf_counter() - began

        ray.get(take.remote(1))
        took: float = ray.get(take.remote(TASKS))
    return took


def _submitted(address: str) -> float:
    """Return how long so many tasks take that the task runner is given at once."""
    from flows.serving import companion

    with companion.server() as served:
        assert served is not None, "PREFECT_API_URL names a server; this needs one of its own"
        served.wait()
        from prefect import flow, task
        from prefect_ray import RayTaskRunner

        @task
        def nothing(number: int) -> int:
            return number

        @flow(task_runner=RayTaskRunner(address=address))
        def spread() -> float:
            nothing.submit(0).result()
            began = time.perf_counter()
            nothing.map(list(range(TASKS))).result()
            return time.perf_counter() - began

        return spread()
