"""Reading evaluations from YAML, and saying in one sentence what is wrong with one."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from tasks import documents, secrecy
from tasks.errors import BadEvaluation, NotFound, UserError, listing, unknown
from tasks.spec import Evaluation

SHIPPED = Path(__file__).resolve().parents[1] / "configs" / "evaluations"
_VARIABLE = re.compile(r"\$\{(\w+)\}")


def shipped() -> dict[str, Path]:
    """Return the configs that ship with Assay, by name (the file's, without its ending)."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}


def find(name: str) -> Path:
    """Return the file of a config given by path or by the name of a shipped one.

    Raises:
        UnknownName: There is neither such a file nor such a shipped config.
    """
    path = Path(name)
    if path.is_file():
        return path
    there_is = shipped()
    if path.suffix in {".yaml", ".yml"} and path.name != name:
        raise NotFound(f"There is no config file '{name}'.")
    if path.stem in there_is and path.name == name:
        return there_is[path.stem]
    raise unknown("config", name, there_is)


def read(path: Path) -> Evaluation:
    """Read one evaluation from a YAML file; `${NAME}` stands for an environment variable.

    Raises:
        UserError: The file is not YAML, or not an evaluation; the message names the file and the key.
    """
    given = document(path)
    try:
        return parse(expand(given))
    except UserError as error:
        raise type(error)(f"{path}: {error}") from error


def document(path: Path) -> Any:
    """Return what a YAML file holds.

    Raises:
        BadEvaluation: It is not YAML, or too much of it; the message names the file.
    """
    return documents.read(path.read_text(encoding="utf-8"), str(path))


def expand(given: Any) -> Any:
    """Replace `${NAME}` in every string by the environment variable of that name.

    >>> os.environ["ASSAY_DOCTEST"] = "here"
    >>> expand({"path": "${ASSAY_DOCTEST}/x", "limit": 3})
    {'path': 'here/x', 'limit': 3}
    """
    if isinstance(given, str):
        return _VARIABLE.sub(_environment, given)
    if isinstance(given, list):
        return [expand(each) for each in given]
    if isinstance(given, dict):
        return {key: expand(value) for key, value in given.items()}
    return given


def _environment(match: re.Match[str]) -> str:
    name = match.group(1)
    if name not in os.environ:
        raise BadEvaluation(f"The environment variable {name} is not set.")
    return os.environ[name]


def parse(given: Any) -> Evaluation:
    """Make an evaluation of plain data, or say in one sentence why it is none; an empty key is left out.

    >>> parse({"task": "text-classification", "dataset": {"path": "a/b"}, "models": ["c/d"]}).models[0].name
    'c/d'
    >>> parse({"tusk": "text-classification"})
    Traceback (most recent call last):
    tasks.errors.UnknownName: There is no key 'tusk'; there are: task, dataset, models, metrics, columns, \
settings. Did you mean 'task'?
    """
    if not isinstance(given, Mapping):
        raise BadEvaluation(
            f"An evaluation is a mapping with the keys {listing(Evaluation.model_fields)}, "
            f"not {type(given).__name__}."
        )
    try:
        return Evaluation.model_validate({key: value for key, value in given.items() if value is not None})
    except ValidationError as error:
        raise explain(error) from error


def over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Lay what is given over a config: mappings key by key, lists whole.

    >>> over({"dataset": {"path": "a", "split": "test"}}, {"dataset": {"split": "train"}})
    {'dataset': {'path': 'a', 'split': 'train'}}
    """
    merged = dict(below)
    for key, value in above.items():
        inner = merged.get(key)
        inside = isinstance(inner, Mapping) and isinstance(value, Mapping)
        merged[key] = over(dict(inner or {}), value) if inside else value
    return merged


def explain(error: ValidationError, root: type[BaseModel] = Evaluation) -> UserError:
    """Turn the first finding of a validation error into one sentence, unknown keys before missing ones."""
    findings = sorted(error.errors(), key=lambda finding: finding["type"] != "extra_forbidden")
    finding = findings[0]
    where = [str(part) for part in finding["loc"]]
    if finding["type"] == "extra_forbidden":
        owner = _model_at(finding["loc"][:-1], root)
        there_is = [*owner.model_fields] if owner else []
        return unknown(f"key in {'.'.join(where[:-1])}" if where[:-1] else "key", where[-1], there_is)
    if finding["type"] == "missing":
        return BadEvaluation(f"The key '{'.'.join(where)}' is missing.")
    problem = str(finding["msg"]).removeprefix("Value error, ")
    value = finding.get("input")
    # Someone may have put the key itself where its variable's name belongs.
    plain = isinstance(value, str | int | float | bool | type(None)) and where[-1:] != ["api_key_env"]
    shown = f" (given: {secrecy.hidden(_shown(value))})" if plain else ""
    whole = f"This {root.__name__.lower()} is not right"
    subject = f"The key '{'.'.join(where)}' is not right" if where else whole
    return BadEvaluation(f"{subject}{shown}: {problem[:1].lower()}{problem[1:]}.")


def _shown(value: object, most: int = 100) -> str:
    """Return a value as people wrote it, cut where it is long.

    >>> _shown("x" * 1000, 5), _shown(10**10000)
    ("'xxxx…", 'a number of more than 100 digits')
    """
    if isinstance(value, int) and abs(value) >= 10**most:
        return f"a number of more than {most} digits"
    written = repr(value)
    return written if len(written) <= most else f"{written[:most]}…"


def _model_at(location: tuple[int | str, ...], root: type[BaseModel]) -> type[BaseModel] | None:
    """Return the spec model that a location in a validation error lies in."""
    owner = root
    for part in location:
        if isinstance(part, int):
            continue
        field = owner.model_fields.get(part)
        if field is None:
            return None
        inner = [field.annotation, *get_args(field.annotation)]
        found = [each for each in inner if isinstance(each, type) and issubclass(each, BaseModel)]
        if not found:
            return None
        owner = found[0]
    return owner
