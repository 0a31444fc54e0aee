"""Pushes of the Hub, and what they start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tasks.errors import UserError
from tasks.events import pushes
from tasks.events.pushes import FORM, Push, Rule, starts

MODEL = "distilbert/distilbert-base-uncased-finetuned-sst-2-english"


def webhook(**change: Any) -> dict[str, Any]:
    """A webhook as the Hub sends it, with all that it holds."""
    return {
        "event": {"action": "update", "scope": "repo.content"},
        "repo": {
            "type": "model",
            "name": MODEL,
            "id": "621ffdc036468d709f174366",
            "private": False,
            "url": {
                "web": f"https://huggingface.co/{MODEL}",
                "api": f"https://huggingface.co/api/models/{MODEL}",
            },
            "tags": [],
            "headSha": "c379e803",
            "owner": {"id": "628b753283ef59b5be89e937"},
        },
        "config": {},
        "updatedRefs": [{"ref": "refs/heads/main", "oldSha": "ce9a4674fa", "newSha": "575db8b7a5"}],
        "webhook": {"id": "6390e855e30d9209411de93b", "version": 3},
        **change,
    }


def refs(ref: str, sha: str | None) -> dict[str, Any]:
    return {"updatedRefs": [{"ref": ref, "oldSha": None, "newSha": sha}]}


def never(name: str) -> dict[str, Any]:
    raise AssertionError(f"{name} was asked for")


def test_a_push_is_told_from_everything_else() -> None:
    assert pushes.pushes(webhook()) == [Push("model", MODEL, "main", "575db8b7a5")]
    assert pushes.pushes(webhook(event={"action": "create", "scope": "discussion.comment"})) == []
    assert pushes.pushes(webhook(event={"action": "update", "scope": "repo.config"})) == []
    assert pushes.pushes(webhook(event={"action": "delete", "scope": "repo"})) == []
    assert pushes.pushes(webhook(**refs("refs/pr/3", "c0ffee"))) == []
    assert pushes.pushes(webhook(**refs("refs/tags/v1", "c0ffee"))) == []
    assert pushes.pushes(webhook(**refs("refs/heads/main", None))) == []
    assert pushes.pushes(webhook(**refs("refs/heads/main", "0" * 40))) == []


@pytest.mark.parametrize("wrong", [None, [], {}, {"event": 3}, webhook(updatedRefs="main")])
def test_what_is_no_webhook_is_said_in_one_sentence(wrong: Any) -> None:
    with pytest.raises(UserError, match=r"This is no webhook of the Hub's: '.*' is missing or not right\."):
        pushes.pushes(wrong)


def test_a_config_that_names_the_model_runs_at_the_pushed_commit() -> None:
    push = Push("model", MODEL, "main", "575db8b7a5")
    (start,) = starts(push, [Rule(repo=MODEL, configs=["sst2"]), Rule(repo="*", configs=["sst2"])], never)
    assert (start.deployment, start.label) == (FORM, "sst2")
    assert start.key == f"hub:model:{MODEL}:575db8b7a5:sst2"
    assert start.parameters is not None
    assert [(each["name"], each["revision"]) for each in start.parameters["models"]] == [
        (MODEL, "575db8b7a5")
    ]
    assert start.parameters["dataset"]["revision"] is None


def test_a_model_that_a_config_does_not_name_takes_the_place_of_its_models() -> None:
    push = Push("model", "acme/new", "main", "c0ffee")
    (start,) = starts(push, [Rule(repo="acme/*", configs=["emotion"])], never)
    assert start.parameters is not None
    assert [(each["name"], each["revision"]) for each in start.parameters["models"]] == [
        ("acme/new", "c0ffee")
    ]


def test_a_dataset_is_pinned_and_starts_only_what_reads_it() -> None:
    push = Push("dataset", "stanfordnlp/sst2", "main", "c0ffee")
    (start,) = starts(push, [Rule(repo="stanfordnlp/*", type="dataset", configs=["sst2", "emotion"])], never)
    assert start.label == "sst2"
    assert start.parameters is not None
    assert start.parameters["dataset"]["revision"] == "c0ffee"


def test_other_branches_other_kinds_and_other_commits_start_nothing() -> None:
    rules = [Rule(repo=MODEL, configs=["sst2"])]
    assert starts(Push("model", MODEL, "wip", "c0ffee"), rules, never) == []
    assert starts(Push("dataset", MODEL, "main", "c0ffee"), rules, never) == []
    assert starts(Push("model", "acme/other", "main", "c0ffee"), rules, never) == []
    fixed = {"models": [{"name": MODEL, "revision": "0123abc"}]}
    assert pushes.pinned(fixed, Push("model", MODEL, "main", "c0ffee"), instead=True) is None


def test_a_deployment_keeps_its_other_parameters() -> None:
    own = {
        "task": "text-classification",
        "models": [{"name": "acme/x"}, {"name": MODEL}],
        "dataset": {"path": "d"},
    }
    rules = [Rule(repo=MODEL, deployments=["evaluate/nightly"])]
    (start,) = starts(Push("model", MODEL, "main", "c0ffee"), rules, lambda name: own)
    assert start.parameters == {**own, "models": [{"name": "acme/x"}, {"name": MODEL, "revision": "c0ffee"}]}
    (other,) = starts(Push("model", MODEL, "main", "c0ffee"), rules, lambda name: {"name": "a suite"})
    assert other.parameters is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "the one key 'rules'"),
        ({"rulse": []}, "Did you mean 'rules'"),
        ({"rules": [{"repo": "a/b"}]}, "The rule for 'a/b' starts nothing"),
        ({"rules": [{"repo": "a/b", "configs": ["sst3"]}]}, "Did you mean 'sst2'"),
        ({"rules": [{"repo": "a/b", "type": "space", "configs": ["sst2"]}]}, "'rules.0.type' is not right"),
        ({"rules": [{"repos": "a/b"}]}, "Did you mean 'repo'"),
    ],
)
def test_rules_that_are_none_are_said_in_one_sentence(tmp_path: Path, given: Any, words: str) -> None:
    path = tmp_path / "triggers.yaml"
    path.write_text(yaml.safe_dump(given), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        pushes.read(path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_shipped_rules_start_nothing_until_someone_writes_one() -> None:
    assert pushes.read(pushes.SHIPPED) == []
