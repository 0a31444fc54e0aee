"""The rules of an installation: the keys of `infra/policy.yaml`, read as strictly as a config is.

What is left out of the file is as strict as the shipped one, so that an empty policy is a safe one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from tasks import configs, home
from tasks.errors import BadEvaluation, NotFound, UserError
from tasks.policy import addresses
from tasks.settings import Strict

SHIPPED = configs.SHIPPED.parents[1] / "infra" / "policy.yaml"
VARIABLE = "ASSAY_POLICY"
"""The environment variable that names another file."""
_NAMED = re.compile(r"\$\{(\w+)\}")

Entry = Annotated[str, Field(min_length=1, max_length=4096)]
Entries = Annotated[list[Entry], Field(max_length=1000)]


class Hub(Strict):
    """Whose repositories may be read."""

    models: Entries = Field(default=["*"], description="Models, as globs of owner/name.")
    datasets: Entries = Field(default=["*"], description="Datasets, as globs of owner/name.")


class Limits(Strict):
    """How much an evaluation may take; null is no limit."""

    models: int | None = Field(20, gt=0, description="Models of one evaluation.")
    evaluations: int | None = Field(50, gt=0, description="Evaluations of one suite.")
    rows: int | None = Field(10_000_000, gt=0, description="Rows of one evaluation, after sampling.")
    dataset_gb: float | None = Field(
        200.0, gt=0, description="Gigabytes of a dataset's files, where they are known before they are read."
    )
    model_gb: float | None = Field(
        100.0, gt=0, description="Gigabytes of a model's files, where they are known before they are read."
    )
    hours: float | None = Field(
        24.0,
        gt=0,
        description="Hours a run may predict, waits for a device left out; what is done is kept.",
    )
    dollars: float | None = Field(
        None, ge=0, description="Dollars a run may spend at endpoints, by the price the evaluation states."
    )


class Policy(Strict):
    """What evaluations that come through the server may do."""

    enforce: Literal["server", "everywhere"] = Field(
        "server",
        description="For runs of the server's deployments, or for those of the command line and Python too.",
    )
    hub: Hub = Field(default_factory=Hub, description="Whose repositories may be read.")
    paths: Entries = Field(
        default_factory=list, description="Folders that local data, models, predictions may lie in."
    )
    remote_code: Entries = Field(
        default_factory=list,
        description="Whose own Python code may run here: globs of owner/name, or of folders.",
    )
    pickles: Entries = Field(
        default_factory=list,
        description="Whose pickled weights may be loaded: globs of owner/name, or of folders.",
    )
    endpoints: Entries = Field(
        default_factory=list, description="Addresses of model servers that may be asked."
    )
    key_variables: Entries = Field(
        default=["OPENAI_API_KEY"],
        description="Environment variables whose keys may be sent to endpoints, as globs.",
    )
    ray: Entries = Field(default=["auto"], description="Ray clusters that may be used.")
    publish: bool = Field(False, description="Whether results may be offered to the Hub.")
    limits: Limits = Field(default_factory=Limits, description="How much an evaluation may take.")


@dataclass(frozen=True)
class Standing:
    """The policy in force.

    Attributes:
        policy: Its rules, with the environment put in.
        file: Where they are written; refusals name it.
        folders: The folders of `paths`, absolute, links followed.
    """

    policy: Policy
    file: Path
    folders: tuple[Path, ...]


def in_force() -> Standing:
    """Return the policy of this installation: the file that ASSAY_POLICY names, else the shipped one.

    Raises:
        UserError: The file is not there, is not YAML, or is no policy; nothing is allowed then.
    """
    named = os.environ.get(VARIABLE)
    if not named and not SHIPPED.is_file():
        # Installed without its checkout: what is left out of a policy is as strict as the shipped one.
        return standing(Policy(), SHIPPED, {})
    return read(Path(named).expanduser() if named else SHIPPED)


def read(path: Path) -> Standing:
    """Read a policy from a YAML file.

    Raises:
        UserError: There is no such file, it is not YAML, or it is no policy; the message names file and key.
    """
    if not path.is_file():
        raise NotFound(f"There is no policy '{path}', so nothing is allowed; {VARIABLE} names the file.")
    given = configs.document(path)
    try:
        return standing(parse(given), path.resolve(), {**os.environ, "ASSAY_HOME": str(home.home())})
    except UserError as error:
        raise type(error)(f"{path}: {error}") from error


def parse(given: Any) -> Policy:
    """Make a policy of plain data, or say in one sentence why it is none.

    >>> parse({"limits": {"rows": 1000}}).limits.rows
    1000
    >>> parse({"remote_cod": ["*"]})
    Traceback (most recent call last):
    tasks.errors.UnknownName: There is no key 'remote_cod'; there are: enforce, hub, paths, remote_code, \
pickles, endpoints, key_variables, ray, publish, limits. Did you mean 'remote_code'?
    """
    if not isinstance(given, Mapping):
        raise BadEvaluation(f"A policy is a mapping, not {type(given).__name__}.")
    try:
        return Policy.model_validate(given)
    except ValidationError as error:
        raise configs.explain(error, Policy) from error


def standing(policy: Policy, file: Path, environment: Mapping[str, str]) -> Standing:
    """Put the environment into a policy, and find its folders.

    Args:
        policy: As it is written.
        file: Where; a relative folder counts from beside it.
        environment: The environment's variables.

    Raises:
        BadEvaluation: An endpoint's address is none.
    """
    lists = {
        name: filled(getattr(policy, name), environment, os.pathsep if name == "paths" else ",")
        for name in ("paths", "remote_code", "pickles", "endpoints", "key_variables", "ray")
    }
    addresses.check_patterns(lists["endpoints"])
    folders = tuple(
        dict.fromkeys((file.parent / Path(each).expanduser()).resolve() for each in lists["paths"])
    )
    return Standing(policy.model_copy(update=lists), file, folders)


def filled(entries: Iterable[str], environment: Mapping[str, str], between: str) -> list[str]:
    """Put variables into entries; one whose variable is not set is left out, and one may stand for several.

    Args:
        entries: With `${NAME}` where a variable goes.
        environment: The variables.
        between: What parts several entries of one variable.

    >>> filled(["/a", "${HERE}", "${GONE}/b"], {"HERE": "/c:/d"}, ":")
    ['/a', '/c', '/d']
    """
    found: list[str] = []
    for entry in entries:
        if all(environment.get(name) for name in _NAMED.findall(entry)):
            whole = _NAMED.sub(lambda match: environment[match[1]], entry)
            parts = whole.split(between) if _NAMED.search(entry) else [whole]
            found += [part.strip() for part in parts if part.strip()]
    return found
