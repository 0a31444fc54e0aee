"""Admission: whether an evaluation may run as it is written, said before anything of it is opened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tasks import configs, suites
from tasks.errors import Refused, UserError, listing
from tasks.policy import addresses, places
from tasks.policy.addresses import Resolve
from tasks.policy.rules import Standing
from tasks.spec import Evaluation, Model
from tasks.suites import Suite

MODELS = frozenset({"encoder", "model", "model_type", "model_id"})
"""Arguments of metrics that name a model they look through."""
MODULE = "module"
"""The argument of a metric that names a Python script it runs."""


def check(evaluation: Evaluation, standing: Standing, resolve: Resolve | None = None) -> None:
    """Refuse an evaluation that asks for what the policy does not allow.

    Args:
        evaluation: As it is written; nothing it names has been opened.
        standing: The policy in force.
        resolve: From a host to its addresses; left out, the system's.

    Raises:
        Refused: It may not run; the message names what, the rule, the file, and what is allowed.
        BadEvaluation: A name can be no path.
    """
    policy = standing.policy
    check_count("models", len(evaluation.models), standing)
    _check_source("dataset", evaluation.dataset.path, policy.hub.datasets, standing)
    for model in evaluation.models:
        _check_model(model, standing, resolve)
    for where, name in looked_through(evaluation):
        _check_source(where, name, policy.hub.models, standing)
    for module in modules(evaluation):
        _check_code(module, standing)
    for path in paths_in([each.arguments for each in evaluation.metrics]):
        _check_place("file", path, standing)
    settings = evaluation.settings
    for model in evaluation.models:
        if model.endpoint is None and model.predictions is None and model.function is None:
            if settings.allow_remote_code:
                _check_trust("remote_code", "allow_remote_code", model.name, standing)
            if settings.allow_pickle:
                _check_trust("pickles", "allow_pickle", model.name, standing)
    if settings.ray is not None and not _matches(settings.ray, policy.ray):
        raise refused(f"The Ray cluster '{settings.ray}'", "ray", policy.ray, standing)
    if settings.publish:
        check_publication(standing)


def check_suite(suite: Suite, standing: Standing) -> None:
    """Refuse a suite of too many evaluations, or one that reads config files from where it may not.

    The evaluations themselves are checked as any, once their configs are read.

    Raises:
        Refused: It may not run.
    """
    check_count("evaluations", len(suite.evaluations), standing)
    for entry in suite.evaluations:
        if entry.config is None or (entry.config in configs.shipped() and not Path(entry.config).exists()):
            continue
        place = places.local(entry.config) or Path(entry.config).resolve()
        if not places.within(place, (configs.SHIPPED.resolve(), *standing.folders)):
            raise refused(f"The config file '{entry.config}'", "paths", standing.folders, standing)


def check_publication(standing: Standing) -> None:
    """Refuse to write to the Hub where the policy does not allow it.

    Raises:
        Refused: It does not.
    """
    if not standing.policy.publish:
        raise Refused(
            "The results cannot be published on the Hub ('publish'): the policy of this installation has "
            f"publish: false ({standing.file}); publish them with `assay publish`."
        )


def verdict(given: Evaluation | Suite, standing: Standing) -> str | None:
    """Return why an evaluation or a suite may not run, as one sentence; None where it may."""
    try:
        if isinstance(given, Suite):
            check_suite(given, standing)
            for part in suites.parts(given):
                check(part.evaluation, standing)
        else:
            check(given, standing)
    except UserError as error:
        return str(error)
    return None


def check_count(limit: str, count: int, standing: Standing, name: str = "") -> None:
    """Refuse more of something than `limits` says.

    Args:
        limit: The key: models, evaluations or rows.
        count: How many there are.
        standing: The policy in force.
        name: Of what, for the message.

    Raises:
        Refused: There are too many.
    """
    most = getattr(standing.policy.limits, limit)
    if most is not None and count > most:
        more = "; give dataset.limit" if limit == "rows" else ""
        of = f" in {name}" if name else ""
        raise Refused(
            f"There are {count:,} {limit}{of}, and the policy of this installation "
            f"allows {most:,} (limits.{limit} in {standing.file}){more}."
        )


def refused(what: str, rule: str, allowed: Iterable[object], standing: Standing) -> Refused:
    """Return the error for what a list of the policy does not hold.

    Args:
        what: As a subject: The dataset 'x'.
        rule: The policy's key.
        allowed: What the list holds.
        standing: The policy in force.
    """
    return Refused(
        f"{what} is not allowed by the policy of this installation; "
        f"allowed ({rule} in {standing.file}): {listing([str(each) for each in allowed], 8)}."
    )


def _check_model(model: Model, standing: Standing, resolve: Resolve | None) -> None:
    policy = standing.policy
    if model.function is not None:
        return
    if model.predictions is not None:
        _check_place("file of predictions", model.predictions, standing)
    elif model.endpoint is None:
        _check_source("model", model.name, policy.hub.models, standing)
    else:
        if not any(addresses.allows(each, model.endpoint, resolve) for each in policy.endpoints):
            shown = addresses.host_of(model.endpoint)
            raise refused(f"The endpoint '{shown}'", "endpoints", policy.endpoints, standing)
        if not any(fnmatchcase(model.api_key_env, each) for each in policy.key_variables):
            what = f"The environment variable '{model.api_key_env}' of the endpoint '{model.name}'"
            raise refused(what, "key_variables", policy.key_variables, standing)
        if policy.limits.dollars is not None and model.price is None:
            raise Refused(
                f"The endpoint of '{model.name}' states no price, and the policy of this installation limits "
                f"what a run may spend (limits.dollars in {standing.file}); give the model's price, 0 where "
                "it charges nothing."
            )


def _check_source(what: str, name: str, namespaces: Iterable[str], standing: Standing) -> None:
    if places.local(name) is not None:
        _check_place(what, name, standing)
    elif not _matches(name, namespaces):
        key = "datasets" if what == "dataset" else "models"
        raise refused(f"The {what} '{name}'", f"hub.{key}", namespaces, standing)


def _check_place(what: str, name: str, standing: Standing) -> None:
    """Refuse a local path outside of the allowed folders, or a folder with a link that leads out of them."""
    there = places.local(name)
    if there is None:
        # A bare name of a file that is not there: where it would be looked for.
        there = places.local(f"./{name}")
        assert there is not None
    if not places.within(there, standing.folders):
        raise refused(f"The {what} '{name}'", "paths", standing.folders, standing)
    link = places.leading_out(there, standing.folders)
    if link is not None:
        raise refused(f"The link '{link}' in the {what} '{name}'", "paths", standing.folders, standing)


def _check_code(module: str, standing: Standing) -> None:
    """Refuse a metric's own code, unless it is trusted; a local script lies in an allowed folder as well."""
    if places.local(module) is not None:
        _check_place("metric module", module, standing)
        _check_trust("remote_code", "module", module, standing)
    else:
        # A name alone is one of HF's own.
        whole = module if "/" in module else f"evaluate-metric/{module}"
        _check_trust("remote_code", "module", whole, standing)


def _check_trust(rule: str, asked: str, name: str, standing: Standing) -> None:
    trusted = getattr(standing.policy, rule)
    place = places.local(name)
    if not _matches(str(place) if place is not None else name, trusted):
        raise refused(f"What '{asked}' asks for '{name}'", rule, trusted, standing)


def _matches(name: str, globs: Iterable[str]) -> bool:
    """Tell whether one of some globs takes a name, capitals and small letters alike, as the Hub does.

    >>> _matches("Acme/bert", ["acme/*"]), _matches("acme-evil/bert", ["acme/*"])
    (True, False)
    """
    return any(fnmatchcase(name.casefold(), each.casefold()) for each in globs)


def looked_through(evaluation: Evaluation) -> Iterator[tuple[str, str]]:
    """Return the models that metrics look through, each with what to call it, defaults of metrics too."""
    for name, arguments in _asked(evaluation):
        for argument, value in {**_defaults(name), **arguments}.items():
            if argument in MODELS and isinstance(value, str):
                yield f"model of the metric '{name}',", value


def modules(evaluation: Evaluation) -> list[str]:
    """Return the Python scripts that metrics run."""
    given = (arguments.get(MODULE) for _, arguments in _asked(evaluation))
    return [each for each in given if isinstance(each, str)]


def _asked(evaluation: Evaluation) -> list[tuple[str, Mapping[str, Any]]]:
    if evaluation.metrics:
        return [(each.name, each.arguments) for each in evaluation.metrics]
    from tasks.types import task_type

    return list(task_type(evaluation.task).metrics)


def _defaults(name: str) -> dict[str, Any]:
    from tasks.metrics import metrics

    return metrics()[name].arguments if name in metrics() else {}


def paths_in(given: Any) -> Iterator[str]:
    """Return the texts in plain data that lead to something that is there on this machine.

    >>> list(paths_in([{"normalizer": "/etc"}, {"average": "macro", "pattern": "/x+/"}, "/"]))
    ['/etc', '/']
    """
    if isinstance(given, Mapping):
        for each in given.values():
            yield from paths_in(each)
    elif isinstance(given, list | tuple):
        for each in given:
            yield from paths_in(each)
    elif isinstance(given, str) and ("/" in given or given.startswith("~")) and places.exists(given):
        yield given
