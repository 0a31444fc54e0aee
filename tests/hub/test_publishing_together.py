"""Two processes publish on one model at the same moment: one pull request is left, with what both say."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.hub import reviews
from tests.hub.processes import ROOT, environment, python
from tests.hub.server import WRITER, Repository, running

pytestmark = [pytest.mark.slow]

PUBLISH = """
import json, sys
from dataclasses import asdict
from flows import environment
environment.prepare()
from huggingface_hub import HfApi
from tasks.publish.pull_requests import publish
from tests.publish.sample import result
given = result(model_commit=HfApi().model_info("acme/topic").sha, split=sys.argv[1])
print(json.dumps(asdict(publish("acme/topic", [given]))))
"""


def items(model: Repository, number: int = 1) -> list[dict[str, Any]]:
    """Return what the card of a pull request holds beside what its author reports."""
    card = model.commits[model.names[f"refs/pr/{number}"]]["README.md"].decode()
    (entry,) = yaml.safe_load(card.split("---\n")[1])["model-index"]
    return [each for each in entry["results"] if "verifyToken" in each["metrics"][0]]


def together(environments: list[dict[str, str]], splits: tuple[str, str]) -> list[dict[str, Any]]:
    """Publish in a process per environment at once and return what each made."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PUBLISH, split],
            cwd=ROOT,
            env=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for given, split in zip(environments, splits, strict=True)
    ]
    made = []
    for process in started:
        said, complaints = process.communicate(timeout=900)
        assert process.returncode == 0, complaints
        made.append(json.loads(said))
    return made


@pytest.mark.parametrize(
    ("installations", "splits", "kept", "comments"),
    [
        # The same of one installation twice, two results of one, and the same of two installations.
        pytest.param(("a", "a"), ("test", "test"), 1, 1, id="the same twice"),
        pytest.param(("a", "a"), ("test", "validation"), 2, 2, id="two splits"),
        pytest.param(("a", "b"), ("test", "test"), 2, 2, id="two installations"),
    ],
)
def test_two_that_open_a_pull_request_at_the_same_moment_end_with_one(
    installations: tuple[str, str],
    splits: tuple[str, str],
    kept: int,
    comments: int,
    demo: Path,
    tmp_path: Path,
) -> None:
    with running(reviews.made(demo)) as hub:
        model = hub.repositories["models", "acme/topic"]
        homes = [environment(hub, tmp_path / each, HF_TOKEN=WRITER) for each in installations]
        for each in {home["ASSAY_HOME"]: home for home in homes}.values():
            key = python(["-c", "from tasks.publish.signatures import public_key as k; k()"], each)
            assert key.returncode == 0, key.stderr
        hub.together = threading.Barrier(2)
        made = together(homes, splits)
        assert [each.status for each in model.discussions] == ["open", "closed"]
        assert {each["url"] for each in made} == {f"{hub.address}/acme/topic/discussions/1"}
        statuses = {"opened", "unchanged" if kept == 1 else "updated"}
        assert {each["status"] for each in made} == statuses
        assert len(items(model)) == kept
        # The description comes before what was said of each result.
        first, second = model.discussions
        assert len(first.comments) == 1 + comments
        assert second.comments[-1] == "Opened at the same moment as #1, which holds these results."

        hub.together = None
        again = python(["-c", PUBLISH, splits[0]], homes[0])
        # `.eval_results` has one place for both splits, which the later one takes.
        unchanged = {"unchanged"} if splits[0] == splits[1] else {"unchanged", "updated"}
        assert json.loads(again.stdout)["status"] in unchanged, again.stderr
        assert [each.status for each in model.discussions] == ["open", "closed"]


def test_one_that_died_with_its_pull_request_open_beside_another_is_tidied_up_by_the_next(
    demo: Path, tmp_path: Path
) -> None:
    with running(reviews.made(demo)) as hub:
        model = hub.repositories["models", "acme/topic"]
        given = environment(hub, tmp_path, HF_TOKEN=WRITER)
        for number, split in enumerate(("test", "validation"), 1):
            done = python(["-c", PUBLISH, split], given)
            assert json.loads(done.stdout)["status"] == "opened", done.stderr
            # Out of sight of the second, as it is where both look before either opens.
            model.discussions[number - 1].status = "closed"
        for each in model.discussions:
            each.status = "open"
        assert [len(items(model, number)) for number in (1, 2)] == [1, 1]
        done = python(["-c", PUBLISH, "test"], given)
        assert json.loads(done.stdout)["status"] == "updated", done.stderr
        assert [each.status for each in model.discussions] == ["open", "closed"]
        assert {each["dataset"]["split"] for each in items(model)} == {"test", "validation"}
