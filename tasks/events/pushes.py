"""Pushes: what the Hub's webhook says was pushed, and which evaluations that starts, by a YAML file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from tasks import configs
from tasks.errors import BadEvaluation, NotFound, UserError
from tasks.settings import Strict
from tasks.spec import Evaluation

SHIPPED = configs.SHIPPED.parent / "triggers.yaml"
FORM = "evaluate/evaluate"
"""The deployment that runs a config."""


class Rule(Strict):
    """What a push of some repositories starts."""

    repo: str = Field(min_length=1, description="A repository, or several: acme/bert, acme/*.")
    type: Literal["model", "dataset"] = Field("model", description="What it is a repository of.")
    branch: str = Field("main", min_length=1, description="The branch whose pushes count.")
    configs: list[str] = Field(
        default_factory=list,
        description="Configs to run. One that names the repository runs as it is, at the pushed commit; one "
        "that does not evaluates the pushed model in place of its own.",
    )
    deployments: list[str] = Field(
        default_factory=list, description="Deployments to run, as evaluate/nightly, at the pushed commit."
    )


class Rules(Strict):
    """All rules: the whole of configs/triggers.yaml."""

    rules: list[Rule] = Field(description="The rules.")


@dataclass(frozen=True)
class Push:
    """New content of a branch of a repository.

    Attributes:
        type: model or dataset.
        repo: Its Hub id.
        branch: The branch.
        commit: The commit it is at now.
    """

    type: str
    repo: str
    branch: str
    commit: str


@dataclass(frozen=True)
class Start:
    """A run to be started.

    Attributes:
        deployment: Of this deployment, as flow/name.
        label: What is run.
        key: The same for the same work, so that it is started once.
        parameters: The flow's parameters; None for the deployment's own.
    """

    deployment: str
    label: str
    key: str
    parameters: Mapping[str, Any] | None = None


class _Event(BaseModel):
    action: str
    scope: str


class _Repo(BaseModel):
    type: str
    name: str


class _Ref(BaseModel):
    ref: str
    newSha: str | None = None


class _Payload(BaseModel):
    """The part of the Hub's webhook, version 3, that matters here; the rest is not looked at.

    Source: https://huggingface.co/docs/hub/webhooks#webhook-payloads
    """

    event: _Event
    repo: _Repo
    updatedRefs: list[_Ref] = Field(default_factory=list, max_length=1000)


def pushes(payload: Any) -> list[Push]:
    """Return what a webhook says was pushed to branches; nothing for comments, settings, pull requests.

    Raises:
        BadEvaluation: It is no webhook of the Hub's.

    >>> ref = {"ref": "refs/heads/main", "oldSha": None, "newSha": "c0ffee"}
    >>> event, repo = {"action": "update", "scope": "repo.content"}, {"type": "model", "name": "acme/bert"}
    >>> pushes({"event": event, "repo": repo, "updatedRefs": [ref]})
    [Push(type='model', repo='acme/bert', branch='main', commit='c0ffee')]
    """
    try:
        told = _Payload.model_validate(payload)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise BadEvaluation(f"This is no webhook of the Hub's: '{where}' is missing or not right.") from error
    if told.event.scope != "repo.content" or told.event.action not in {"create", "update"}:
        return []
    heads = "refs/heads/"
    return [
        Push(told.repo.type, told.repo.name, each.ref.removeprefix(heads), each.newSha)
        for each in told.updatedRefs
        if each.ref.startswith(heads) and each.newSha and set(each.newSha) != {"0"}
    ]


def read(path: Path) -> list[Rule]:
    """Read rules from a YAML file, and check that every config in it is there.

    Raises:
        UserError: There is no such file, it is not YAML, or it holds no rules.
    """
    if not path.is_file():
        raise NotFound(f"There is no file '{path}' that says what a push starts.")
    given = configs.document(path)
    try:
        if not isinstance(given, Mapping):
            raise BadEvaluation("Rules are a mapping with the one key 'rules', a list.")
        found = Rules.model_validate({**given, "rules": given.get("rules") or []}).rules
        for rule in found:
            if not rule.configs and not rule.deployments:
                raise BadEvaluation(
                    f"The rule for '{rule.repo}' starts nothing: name configs or deployments."
                )
            for name in rule.configs:
                configs.read(configs.find(name))
    except ValidationError as error:
        told = configs.explain(error, Rules)
        raise type(told)(f"{path}: {told}") from error
    except UserError as error:
        raise type(error)(f"{path}: {error}") from error
    return found


def starts(
    push: Push, rules: Sequence[Rule], parameters_of: Callable[[str], Mapping[str, Any]]
) -> list[Start]:
    """Return the runs that a push starts, each once however many rules name it.

    Args:
        push: What was pushed.
        rules: What starts what.
        parameters_of: Gives a deployment's own parameters.
    """
    found: dict[str, Start] = {}
    for rule in rules:
        if (rule.type, rule.branch) != (push.type, push.branch) or not fnmatchcase(push.repo, rule.repo):
            continue
        for name in rule.configs:
            evaluation = pinned(configs.read(configs.find(name)).model_dump(mode="json"), push, instead=True)
            if evaluation is not None:
                key = _key(push, name)
                found.setdefault(
                    key, Start(FORM, name, key, Evaluation(**evaluation).model_dump(mode="json"))
                )
        for name in rule.deployments:
            key = _key(push, name)
            found.setdefault(key, Start(name, name, key, pinned(parameters_of(name), push)))
    return list(found.values())


def _key(push: Push, name: str) -> str:
    return f"hub:{push.type}:{push.repo}:{push.commit}:{name}"


def pinned(given: Mapping[str, Any], push: Push, *, instead: bool = False) -> dict[str, Any] | None:
    """Return an evaluation's parameters with what was pushed at the commit that was pushed.

    Args:
        given: The parameters of the `evaluate` flow.
        push: What was pushed.
        instead: Whether a pushed model takes the place of the models where none of them is it.

    Returns:
        None where the evaluation has nothing to do with what was pushed, or is pinned to another commit.

    >>> push = Push("model", "acme/bert", "main", "c0ffee")
    >>> pinned({"models": [{"name": "acme/bert"}, {"name": "acme/other"}]}, push)["models"]
    [{'name': 'acme/bert', 'revision': 'c0ffee'}, {'name': 'acme/other'}]
    >>> pinned({"models": ["acme/other"]}, push) is None
    True
    """
    if push.type == "dataset":
        dataset = given.get("dataset") or {}
        if dataset.get("path") != push.repo or not _follows(dataset, push):
            return None
        return {**given, "dataset": {**dataset, "revision": push.commit}}
    models = [each if isinstance(each, Mapping) else {"name": each} for each in given.get("models") or []]
    named = [each for each in models if each["name"] == push.repo and not each.get("endpoint")]
    if not named and instead:
        return {**given, "models": [{"name": push.repo, "revision": push.commit}]}
    if not any(_follows(each, push) for each in named):
        return None
    at = {"revision": push.commit}
    return {**given, "models": [{**each, **at} if _is(each, push) else each for each in models]}


def _is(model: Mapping[str, Any], push: Push) -> bool:
    return model["name"] == push.repo and not model.get("endpoint") and _follows(model, push)


def _follows(given: Mapping[str, Any], push: Push) -> bool:
    """Tell whether a model or dataset is taken from the branch that was pushed, not from a fixed commit."""
    return given.get("revision") in {None, push.branch}
