"""From a dataset's card to an evaluation, to a pull request, to its verification, by unmodified clients."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.hub import reviews
from tests.hub.processes import assay, environment, python
from tests.hub.server import WRITER, Hub, Repository, running

pytestmark = [pytest.mark.slow]


@dataclass
class Workshop:
    """A Hub, the environment in which commands are pointed at it, and a finished run."""

    hub: Hub
    home: Path
    given: dict[str, str]
    said: str
    run_id: str

    @property
    def model(self) -> Repository:
        """The model that was evaluated."""
        return self.hub.repositories["models", "acme/topic"]

    def offered(self, path: str, number: int = 1) -> Any:
        """Return a file of a pull request, as YAML (of a card its header)."""
        text = self.model.commits[self.model.names[f"refs/pr/{number}"]][path].decode()
        return yaml.safe_load(text.split("---\n")[1] if path == "README.md" else text)

    def steps(self, script: str) -> list[dict[str, Any]]:
        """Run steps of a script in a process of its own and return what each gave."""
        done = python(["-c", STEPS + script], self.given)
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found


STEPS = """
import json
from dataclasses import asdict
from huggingface_hub import HfApi
from flows import environment
environment.prepare()
from tasks.errors import AssayError
from tasks.publish import results
from tasks.publish.pull_requests import publish
found = []
def step(*run_ids, **more):
    try:
        read = [results.read(each) for each in run_ids]
        found.append(asdict(publish(read[0].model, read, **more)))
    except AssayError as error:
        found.append({"refused": f"{type(error).__name__}: {error}"})
"""


@pytest.fixture(scope="module")
def workshop(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """A Hub that fails now and then, and one evaluation by the dataset's card alone."""
    home = tmp_path_factory.mktemp("workshop")
    with running(reviews.made(demo, moody=True)) as hub:
        given = environment(hub, home, HF_TOKEN=WRITER)
        done = assay(given, "run", "--dataset", "acme/reviews", "--model", "acme/topic", "--json")
        assert done.returncode == 0, done.stderr
        (run,) = json.loads(done.stdout)["runs"]
        assert (run["task"], run["split"], run["rows"]) == ("text-classification", "validation", 60)
        assert set(run["scores"]) == {"accuracy", "f1_macro"}
        yield Workshop(hub, home, given, done.stderr, run["mlflow_run_id"])


def test_the_card_alone_was_enough_and_what_it_said_is_shown(workshop: Workshop) -> None:
    assert (
        "Taken from the card (train-eval-index) of 'acme/reviews': task type text-classification; "
        "config default; split validation; columns text=text, label=topic; metrics accuracy, "
        "f1 (average macro)." in workshop.said
    )


def test_the_card_and_the_rows_are_read_from_the_cache_when_offline(workshop: Workshop) -> None:
    workshop.hub.asked.clear()
    offline = {**workshop.given, "HF_HUB_OFFLINE": "1"}
    done = assay(offline, "run", "--dataset", "acme/reviews", "--model", "acme/topic", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["runs"][0]["reused_rows"] == 60
    missing = assay(offline, "run", "--dataset", "acme/reviews", "--model", "acme/nothing")
    assert missing.returncode == 2
    assert "The model 'acme/nothing' is not in the local cache" in missing.stderr
    refused = assay(offline, "publish", workshop.run_id)
    assert refused.returncode == 2
    assert "Publishing needs the Hub, and HF_HUB_OFFLINE says not to ask it." in refused.stderr
    assert workshop.hub.asked == []


def test_results_become_one_pull_request_that_is_kept_up_to_date(workshop: Workshop) -> None:
    before = dict(workshop.model.files)
    dry = assay(workshop.given, "publish", workshop.run_id, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "+++ b/.eval_results/assay-acme--reviews.yaml" in dry.stdout
    assert workshop.model.discussions == []

    done = assay(workshop.given, "publish", workshop.run_id, "--json")
    assert done.returncode == 0, done.stderr
    (made,) = json.loads(done.stdout)["publications"]
    assert (made["model"], made["status"]) == ("acme/topic", "opened")
    assert made["url"] == f"{workshop.hub.address}/acme/topic/discussions/1"
    assert workshop.model.files == before
    card = workshop.model.commits[workshop.model.names["refs/pr/1"]]["README.md"].decode()
    old = before["README.md"].decode()
    assert card.startswith(old[: old.index("tags:")].rstrip())
    assert card.endswith(old[old.index("tags:") :])
    (entry,) = workshop.offered("README.md")["model-index"]
    author, ours = entry["results"]
    assert author["metrics"][0] == {"type": "accuracy", "value": 99.1}
    assert {each["name"] for each in ours["metrics"]} == {"accuracy", "f1_macro"}
    assert (ours["dataset"]["config"], ours["dataset"]["split"]) == ("default", "validation")
    assert len(ours["dataset"]["revision"]) == 40
    (reported,) = workshop.offered(".eval_results/assay-acme--reviews.yaml")
    assert reported["dataset"]["task_id"] == "topics"
    accuracy = {each["name"]: each["value"] for each in ours["metrics"]}["accuracy"]
    assert reported["value"] == accuracy
    description, comment = workshop.model.discussions[0].comments
    assert "Values reported by others are left as they are" in description
    for words in (
        "### acme/reviews, validation",
        "95% interval",
        "SHA-256",
        "assay run",
        "torch",
    ):
        assert words in comment

    unchanged, narrower, merged, fresh = workshop.steps(f"""
step("{workshop.run_id}")
run = results.client().get_run("{workshop.run_id}")
store = results.client()
store.log_metric("{workshop.run_id}", "accuracy", 0.125)
step("{workshop.run_id}")
found.append([each.num for each in HfApi().get_repo_discussions("acme/topic")])
HfApi().merge_pull_request("acme/topic", 1)
step("{workshop.run_id}")
print(json.dumps(found))
""")
    assert unchanged["status"] == "unchanged"
    assert narrower["status"] == "updated"
    assert narrower["url"] == made["url"]
    assert f"-  value: {accuracy}" in narrower["difference"]
    assert merged == [1]
    assert fresh["status"] == "already there"
    (entry,) = workshop.offered("README.md")["model-index"]
    assert entry["results"][0] == author
    values = {each["name"]: each["value"] for each in entry["results"][1]["metrics"]}
    assert values["accuracy"] == 0.125
    assert workshop.model.files[".eval_results/others.yaml"] == before[".eval_results/others.yaml"]
    assert len(workshop.model.discussions[0].comments) == 2
    assert "0.125" in workshop.model.discussions[0].comments[1]


def test_altered_numbers_are_found_on_the_hub_and_unknown_keys_are_said(
    workshop: Workshop, tmp_path: Path
) -> None:
    published = assay(workshop.given, "publish", workshop.run_id)
    assert published.returncode == 0, published.stderr
    card = "acme/topic@refs/pr/1"
    own = assay(workshop.given, "verify", card, "--json")
    assert own.returncode == 0, own.stderr
    scores = json.loads(own.stdout)["scores"]
    assert [each["verdict"] for each in scores].count("genuine") == 3
    assert [each["verdict"] for each in scores].count("not signed") == 3

    others = {**workshop.given, "ASSAY_HOME": str(tmp_path / "elsewhere")}
    unknown = assay(others, "verify", card)
    assert unknown.returncode == 1
    assert "unknown key" in unknown.stdout
    key = assay(workshop.given, "verify").stdout.strip()
    assert assay(others, "verify", card, "--key", key).returncode == 0
    assert assay(others, "verify", "--trust", f"{key}=colleagues").returncode == 0
    assert "Signed by colleagues" in assay({**others, "COLUMNS": "300"}, "verify", card, "--json").stdout

    files = workshop.model.commits[workshop.model.names["refs/pr/1"]]
    (entry,) = workshop.offered(".eval_results/assay-acme--reviews.yaml")
    path = ".eval_results/assay-acme--reviews.yaml"
    altered = files[path].decode().replace(f"value: {entry['value']}", "value: 0.999")
    workshop.model.names["altered"] = workshop.model.store({**files, path: altered.encode()})
    found = assay(workshop.given, "verify", "acme/topic@altered", "--json")
    assert found.returncode == 1
    (why,) = [each["why"] for each in json.loads(found.stdout)["scores"] if each["verdict"] == "altered"]
    assert why == f"The value that was signed is {entry['value']}, not 0.999."


def test_what_is_private_local_or_hidden_is_refused_unless_forced(workshop: Workshop) -> None:
    secret, forced, local, hidden, elsewhere = workshop.steps(f"""
from dataclasses import replace
run = results.read("{workshop.run_id}")
def attempt(result, **more):
    results.read = lambda _: result
    step("", dry_run=True, **more)
attempt(replace(run, dataset="acme/secret"))
attempt(replace(run, dataset="acme/secret"), force=True)
attempt(replace(run, dataset_on_hub=False))
attempt(replace(run, hidden=True))
attempt(replace(run, model_on_hub=False), force=True)
print(json.dumps(found))
""")
    assert "Refused: The dataset 'acme/secret' is private" in secret["refused"]
    assert "`--force` publishes them all the same" in secret["refused"]
    assert forced["status"] == "dry run"
    assert forced["notes"][0] == (
        "The dataset 'acme/secret' is private: nobody else could check its results."
    )
    assert "is not on the Hub" in local["refused"]
    assert "The right answers of 'acme/reviews' (validation) are hidden" in hidden["refused"]
    assert "there is nowhere to publish its results" in elsewhere["refused"]
