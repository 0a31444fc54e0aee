"""One Ray cluster for every test that needs one, and a server whose answers take a while."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.endpoint.server import Talker, running
from tests.fleet import nodes as cluster
from tests.fleet.nodes import Nodes


@pytest.fixture(scope="package")
def started() -> Iterator[Nodes]:
    """The cluster, with its head only."""
    with cluster.running() as found:
        yield found


@pytest.fixture
def nodes(started: Nodes) -> Nodes:
    """A head that computes nothing, and two nodes with a processor each."""
    started.fill(2)
    return started


@pytest.fixture
def talker() -> Iterator[Talker]:
    """A server that takes a tenth of a second over every answer."""
    with running(Talker(key="", delay=0.1)) as served:
        yield served
