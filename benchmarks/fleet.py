"""A thousand devices by simulation: what chunk size and queue do to the time until the last row is there.

`python -m benchmarks.fleet docs/images/fleet.png` prints the table of docs/scaling.md and draws its picture.
Nothing is measured here: devices, their speeds and their failures are drawn by a seed, and events are played
in the order of time.
"""

from __future__ import annotations

import heapq
import random
import sys
from dataclasses import dataclass, replace
from itertools import count


@dataclass(frozen=True)
class Fleet:
    """Devices and work; times in seconds.

    Attributes:
        devices: How many.
        rows: How many in all.
        row: Time of a row on a device of the usual speed.
        chunk_rows: Rows of a chunk.
        overhead: Time of a chunk beside its rows: its claim, its reading, its writing.
        load: Time to load the model.
        spread: Standard deviation of the logarithm of devices' speeds.
        slow: Share of devices that are `slowness` times slower than usual: the stragglers.
        slowness: How much slower they are.
        life: Mean time until a device is lost, for good; 0 for never.
        notice: Time until others know that it was.
        queue: Whether devices take chunks from one queue; otherwise each is given its share beforehand, and
            what a lost one leaves undone is shared out among those that are done.
        seed: Seed of everything drawn.
    """

    devices: int = 1000
    rows: int = 10_000_000
    row: float = 0.1
    chunk_rows: int = 256
    overhead: float = 0.1
    load: float = 60.0
    spread: float = 0.1
    slow: float = 0.0
    slowness: float = 5.0
    life: float = 0.0
    notice: float = 30.0
    queue: bool = True
    seed: int = 0


@dataclass(frozen=True)
class Course:
    """How it went.

    Attributes:
        seconds: Until the last row was there.
        lost: Devices that were lost.
        repeated: Chunks that were begun again.
    """

    seconds: float
    lost: int
    repeated: int


def simulate(fleet: Fleet) -> Course:
    """Play a fleet's work until every row is there.

    Raises:
        RuntimeError: All devices were lost before.

    >>> alone = Fleet(devices=1, rows=1000, chunk_rows=100, spread=0.0, load=0.0, overhead=0.0)
    >>> round(simulate(alone).seconds, 6)
    100.0
    >>> round(simulate(replace(alone, devices=10)).seconds, 6)
    10.0
    """
    chance = random.Random(fleet.seed)
    speeds = [chance.lognormvariate(0.0, fleet.spread) for _ in range(fleet.devices)]
    speeds = [speed / fleet.slowness if chance.random() < fleet.slow else speed for speed in speeds]
    ends = [chance.expovariate(1 / fleet.life) if fleet.life else float("inf") for _ in speeds]
    sizes = [min(fleet.chunk_rows, fleet.rows - start) for start in range(0, fleet.rows, fleet.chunk_rows)]
    common = sizes[::-1] if fleet.queue else []
    own: list[list[int]] = [
        [] if fleet.queue else sizes[device :: fleet.devices] for device in range(fleet.devices)
    ]
    # Events: when, their number (so that ties have an order), the device, the chunk in hand, whether done.
    number = count()
    events = [(fleet.load, next(number), device, 0, True) for device in range(fleet.devices)]
    heapq.heapify(events)
    idle: set[int] = set()
    left, last, repeated, lost = len(sizes), 0.0, 0, 0

    def begin(device: int, now: float) -> None:
        nonlocal lost
        line = own[device] or common
        if now >= ends[device]:
            _mourn(device, now, 0)
            return
        if not line:
            idle.add(device)
            return
        size = line.pop()
        until = now + fleet.overhead + size * fleet.row / speeds[device]
        if until > ends[device]:
            _mourn(device, ends[device], size)
        else:
            heapq.heappush(events, (until, next(number), device, size, True))

    def _mourn(device: int, when: float, size: int) -> None:
        heapq.heappush(events, (when + fleet.notice, next(number), device, size, False))

    while left:
        if not events:
            raise RuntimeError("All devices were lost before the work was done.")
        now, _, device, size, done = heapq.heappop(events)
        if done:
            if size:
                left, last = left - 1, now
            begin(device, now)
            continue
        lost += 1
        repeated += size > 0
        common += ([size] if size else []) + own[device]
        own[device] = []
        for other in sorted(idle)[: len(common)]:
            idle.remove(other)
            begin(other, now)
    return Course(last, lost, repeated)


WORLDS = {
    "devices alike": Fleet(),
    "2 % five times slower": Fleet(slow=0.02),
    "5 % lost on the way": Fleet(life=20_000.0),
    "both": Fleet(slow=0.02, life=20_000.0),
}
SIZES = (16, 64, 256, 1024, 4096, 10_000)


DEALING = {False: "equal shares", True: "one queue"}
SEEDS = 3
Courses = dict[tuple[str, bool], list[float]]


def courses() -> Courses:
    """Return seconds until the last row by chunk size, the worst of some seeds, by world and dealing."""
    return {
        (name, queue): [
            max(
                simulate(replace(world, queue=queue, chunk_rows=size, seed=seed)).seconds
                for seed in range(SEEDS)
            )
            for size in SIZES
        ]
        for name, world in WORLDS.items()
        for queue in DEALING
    }


def table(found: Courses) -> str:
    """Return the table of docs/scaling.md."""
    lines = [
        "| devices | dealing | " + " | ".join(f"{size:,} rows" for size in SIZES) + " |",
        "|" + "---|" * (len(SIZES) + 2),
    ]
    for (name, queue), seconds in found.items():
        lines.append(
            f"| {name} | {DEALING[queue]} | " + " | ".join(f"{each:,.0f}" for each in seconds) + " |"
        )
    return "\n".join(lines)


def plot(found: Courses, file: str) -> None:
    """Draw the picture of docs/scaling.md: a line for each world, one panel for each dealing."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    for panel, (queue, dealing) in zip(panels, DEALING.items(), strict=True):
        for name in WORLDS:
            panel.plot(SIZES, found[name, queue], marker="o", markersize=4, label=name)
        panel.set(title=dealing, xlabel="rows in a chunk", xscale="log", yscale="log")
        panel.set_xticks(SIZES, [f"{size:,}" for size in SIZES], fontsize=8)
        panel.set_yticks([1000, 2000, 4000, 8000], ["1,000", "2,000", "4,000", "8,000"])
        panel.minorticks_off()
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("seconds until the last row")
    panels[0].legend(fontsize=8, loc="upper left", bbox_to_anchor=(0, 0.72))
    figure.savefig(file, dpi=130)


if __name__ == "__main__":
    everything = courses()
    print(table(everything))
    if len(sys.argv) > 1:
        plot(everything, sys.argv[1])
