"""Slots: a device of a machine is held by one evaluation at a time, whichever worker runs it.

A slot is a global concurrency limit of Prefect's, named for the machine and the device, and held by a lease
that is renewed: it is given back when an evaluation ends or is cancelled, and runs out when it is killed.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from flows.companion import COMPANION

LEASE = 60.0
"""Seconds after which the slot of a killed process is free again."""


def names(devices: Sequence[str], host: str, there: Sequence[str]) -> list[str]:
    """Return the slots to hold for devices: each accelerator's always, the CPU's where its limit was made.

    >>> names(["cuda:1", "cuda:0"], "box", [])
    ['box/cuda-0', 'box/cuda-1']
    >>> names(["cpu", "cpu"], "box", []), names(["cpu", "cpu"], "box", ["box/cpu"])
    ([], ['box/cpu'])
    """
    wanted = sorted({f"{host}/{device.replace(':', '-')}" for device in devices})
    return [name for name in wanted if not name.endswith("/cpu") or name in there]


@contextmanager
def held(devices: Sequence[str]) -> Iterator[list[str]]:
    """Hold the devices of this machine while the context is open, waiting for those that are taken.

    Where the server is a command's own nobody else could see what is held, so nothing is.
    """
    if not devices or COMPANION in os.environ:
        yield []
        return
    from prefect.concurrency.sync import concurrency

    wanted = _provided(devices)
    if not wanted:
        yield []
        return
    with concurrency(wanted, occupy=1, strict=True, lease_duration=LEASE):
        yield wanted


def _provided(devices: Sequence[str]) -> list[str]:
    """Return the slots of devices, with limits made for accelerators that have none yet."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
    from prefect.exceptions import ObjectAlreadyExists

    with get_client(sync_client=True) as client:
        there = [each.name for each in client.read_global_concurrency_limits(limit=200)]
        wanted = names(devices, socket.gethostname(), there)
        for name in wanted:
            if name not in there:
                try:
                    client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=1))
                except ObjectAlreadyExists:
                    # Another worker of this machine was first.
                    continue
    return wanted
