"""The cluster: a Ray cluster that runs already, reached by its address, and the devices it lends.

Only its devices are asked for: nothing of Prefect or MLflow has to be reached from its nodes, but the chunk
store, the rows and the model do.
"""

from __future__ import annotations

import logging
import math
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tasks import home
from tasks.errors import BadEvaluation, OutOfReach
from tasks.inference import devices
from tasks.inference.readahead import described
from tasks.spec import Settings

PATIENCE = 5.0
"""Seconds that an address has to answer in."""

ATTEMPTS = 3
"""How often to connect: on a busy head the process that serves a client from outside may not start."""

FORWARDED = ("AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "HF_ENDPOINT", "HF_HUB_OFFLINE")
"""What nodes are told of this process's environment. No secrets: Ray shows it to whoever sees the cluster."""


@dataclass(frozen=True)
class Place:
    """Where one worker of the cluster runs.

    Attributes:
        device: The torch device, as the worker sees it: Ray shows it its own GPU as the first.
        cpus: The CPUs it is given; a share of one where there are more workers than CPUs.
        gpus: The GPUs it is given: one or none.
        node: The id of the node it is bound to; empty for any.
    """

    device: str
    cpus: float
    gpus: int
    node: str = ""

    @property
    def threads(self) -> int:
        """The threads its model computes with."""
        return max(1, int(self.cpus))


@contextmanager
def held(settings: Settings, *, streamed: bool) -> Iterator[None]:
    """Hold a connection to the cluster that settings name, if they name one, and check that it will do.

    Raises:
        BadEvaluation: Ray is not installed, or the rows are a stream, or a device is named.
        OutOfReach: There is no cluster at the address.
    """
    if settings.ray is None:
        yield
        return
    if find_spec("ray") is None:
        raise BadEvaluation(
            "settings.ray needs Ray, which is not installed: pip install 'assay[ray]', or leave the setting "
            "out."
        )
    if streamed:
        raise BadEvaluation(
            "A stream is read front to back by one process, which settings.ray cannot share out; leave "
            "'streaming' or 'ray' out."
        )
    if settings.device not in {"auto", "cpu", "cuda"}:
        raise BadEvaluation(
            f"A Ray cluster gives its devices out itself, so settings.device cannot be '{settings.device}'; "
            "it can be: auto, cpu, cuda."
        )
    with connected(settings.ray):
        yield


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Hold a connection to a cluster and yield the library; one that is there already is used and left.

    Args:
        address: auto for the cluster of this machine or of `RAY_ADDRESS`, or host:port, or ray://host:port.

    Raises:
        OutOfReach: There is no cluster there, or it runs another version of Ray or Python.
    """
    # Without this Ray warns that it will do so one day.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    if ray.is_initialized():
        yield ray
        return
    _check_address(address)
    _join(ray, address)
    try:
        yield ray
    finally:
        ray.shutdown()


def _join(ray: Any, address: str) -> None:
    """Connect to a cluster.

    Raises:
        OutOfReach: It cannot be.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            ray.init(
                address=address, runtime_env=_environment(), log_to_driver=False, logging_level=logging.ERROR
            )
            return
        except Exception as error:
            # What is half connected would keep the next attempt from connecting.
            ray.shutdown()
            if not isinstance(error, ConnectionAbortedError) or attempt == ATTEMPTS:
                raise OutOfReach(f"There is no Ray cluster at '{address}': {described(error)}") from error
            time.sleep(attempt)


def _check_address(address: str) -> None:
    """Ask whether anything listens: Ray itself takes long to say so.

    Raises:
        OutOfReach: Nothing does.
    """
    known = os.environ.get("RAY_ADDRESS", address) if address == "auto" else address
    host, colon, port = known.removeprefix("ray://").rpartition(":")
    if not colon:
        return
    try:
        socket.create_connection((host, int(port)), timeout=PATIENCE).close()
    except OSError as error:
        raise OutOfReach(
            f"There is no Ray cluster at '{known}': {described(error)}; `ray start --head` starts one, and "
            "settings.ray is auto, host:port, or ray://host:port."
        ) from error


def _environment() -> dict[str, Any]:
    """Return what processes on the nodes are given: this code, and where the chunk store is."""
    told = {name: os.environ[name] for name in FORWARDED if name in os.environ}
    return {
        "py_modules": [str(Path(__file__).parents[1])],
        "env_vars": {**told, "ASSAY_CHUNKS": home.chunk_store(), "TOKENIZERS_PARALLELISM": "false"},
    }


def precision(address: str, device: str, dtype: str) -> tuple[str, devices.Dtype]:
    """Return the device that models run on in a cluster, and the precision that auto means there.

    Args:
        address: The cluster's.
        device: auto, cpu or cuda; auto is a GPU where the cluster has any.
        dtype: What was asked for.

    Raises:
        BadEvaluation: A GPU was asked for and the cluster has none.
    """
    with connected(address) as ray:
        there_is = ray.cluster_resources()
        if device == "cuda" and not there_is.get("GPU"):
            raise BadEvaluation(
                f"The Ray cluster at '{address}' has no GPU; it has: {int(there_is.get('CPU', 0))} CPUs on "
                f"{sum(node['Alive'] for node in ray.nodes())} nodes."
            )
        if device == "cpu" or not there_is.get("GPU"):
            return "cpu", devices.choose_dtype(dtype, "cpu")
        if dtype != "auto":
            return "cuda:0", devices.choose_dtype(dtype, "cuda:0")
        asked = ray.remote(devices.choose_dtype).options(num_gpus=1, num_cpus=0)
        chosen: devices.Dtype = ray.get(asked.remote(dtype, "cuda:0"))
        return "cuda:0", chosen


def places(ray: Any, device: str, workers: int | None) -> list[Place]:
    """Return where workers run: as many as asked, or one a GPU, or one a node on CPUs.

    Args:
        ray: The library, connected.
        device: That of the candidate: cpu, cuda:0, or endpoint.
        workers: How many; None for as many as there are devices.
    """
    living = [node for node in ray.nodes() if node["Alive"]]
    return shared(
        {node["NodeID"]: node["Resources"] for node in living},
        device if device != "endpoint" else "cpu",
        workers,
    )


def shared(nodes: dict[str, dict[str, float]], device: str, workers: int | None) -> list[Place]:
    """Share the devices of nodes out among workers.

    Args:
        nodes: The resources of each node, as Ray names them.
        device: cpu or cuda:0.
        workers: How many; None for as many as there are devices.

    >>> [place.cpus for place in shared({"a": {"CPU": 8.0}, "b": {"CPU": 4.0}, "head": {}}, "cpu", None)]
    [8.0, 4.0]
    >>> shared({"a": {"CPU": 8.0}}, "cpu", 2)[0]
    Place(device='cpu', cpus=4.0, gpus=0, node='')
    >>> len(shared({"a": {"CPU": 8.0, "GPU": 2.0}, "b": {"GPU": 1.0}}, "cuda:0", None))
    3
    """
    if device == "cuda:0":
        count = int(sum(each.get("GPU", 0) for each in nodes.values()))
        return [Place(device, 0.0, 1)] * (workers or count)
    cpus = {name: each["CPU"] for name, each in nodes.items() if each.get("CPU")}
    if workers is None:
        return [Place(device, count, 0, name) for name, count in cpus.items()]
    return [Place(device, each_of(list(cpus.values()), workers), 0)] * workers


def each_of(cpus: Sequence[float], workers: int) -> float:
    """Return the most CPUs that each of so many workers can have, none of them spread over two nodes.

    Args:
        cpus: Of each node.
        workers: How many there are to be.

    >>> each_of([8.0, 4.0], 2), each_of([8.0, 4.0], 3), each_of([1.0, 1.0], 1), each_of([1.0, 1.0], 4)
    (4.0, 4.0, 1.0, 0.5)
    """
    whole = [int(each) for each in cpus]
    for share in range(max(whole, default=0), 0, -1):
        if sum(each // share for each in whole) >= workers:
            return float(share)
    return 1.0 / math.ceil(workers / sum(whole)) if sum(whole) else min(cpus, default=0.0) / workers
