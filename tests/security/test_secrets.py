"""A key that stands in an evaluation is refused before it is stored, and is shown by no message."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tasks import secrecy
from tasks.configs import parse
from tasks.errors import Refused, UserError
from tasks.spec import Evaluation

LETTERS = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7"
SECRETS = {
    "Hub": f"hf_{LETTERS}{LETTERS[:7]}",
    "OpenAI": f"sk-{LETTERS}",
    "GitHub": f"ghp_{LETTERS}{LETTERS[:9]}",
    "AWS": "AKIA" + LETTERS[:16].upper(),
    "address": f"s3://key:{LETTERS}@bucket/rows",
}


def evaluation(**more: Any) -> dict[str, Any]:
    return {
        "task": "text-classification",
        "dataset": {"path": "acme/reviews"},
        "models": [{"name": "acme/topic"}],
        **more,
    }


PLACES = {
    "dataset.path": lambda text: evaluation(dataset={"path": text}),
    "dataset.revision": lambda text: evaluation(dataset={"path": "acme/reviews", "revision": text}),
    "dataset.filters.who": lambda text: evaluation(dataset={"path": "a/b", "filters": {"who": text}}),
    "models.0.name": lambda text: evaluation(models=[text]),
    "models.0.labels.LABEL_1": lambda text: evaluation(models=[{"name": "a/b", "labels": {"LABEL_1": text}}]),
    "models.0.labels.a key": lambda text: evaluation(models=[{"name": "a/b", "labels": {text: "spam"}}]),
    "metrics.0.arguments.average": lambda text: evaluation(metrics=[{"name": "f1", "average": text}]),
    "columns.text": lambda text: evaluation(columns={"text": text}),
    "settings.experiment": lambda text: evaluation(settings={"experiment": text}),
    "settings.generation.system": lambda text: evaluation(
        settings={"generation": {"system": f"Use {text} to ask."}}
    ),
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("place", PLACES)
def test_a_secret_anywhere_in_an_evaluation_is_refused_and_not_repeated(place: str, secret: str) -> None:
    with pytest.raises(UserError) as refused:
        parse(PLACES[place](secret))
    words = str(refused.value)
    if isinstance(refused.value, Refused):
        assert words.startswith(f"The key '{place}' holds ")
    assert secret not in words
    assert LETTERS not in words


@pytest.mark.parametrize("place", ["models.0.name", "settings.generation.system"])
def test_a_variable_that_holds_a_secret_does_not_get_into_an_evaluation(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEAM_API_KEY", "of no known shape")
    with pytest.raises(Refused, match="holds the value of TEAM_API_KEY: an evaluation is stored and shown"):
        parse(PLACES[place]("of no known shape"))


@pytest.mark.parametrize("wrong", ["limit", "path"])
def test_a_secret_where_something_else_belongs_is_not_repeated_by_the_error(wrong: str) -> None:
    given = evaluation(dataset={"path": "acme/reviews", wrong: [SECRETS["Hub"]]})
    with pytest.raises(ValidationError) as refused:
        # As Prefect does, which logs and stores what it is told.
        Evaluation.model_validate(given)
    assert SECRETS["Hub"] not in str(refused.value)
    with pytest.raises(UserError) as told:
        parse(evaluation(dataset={"path": "acme/reviews", "limit": SECRETS["Hub"]}))
    assert SECRETS["Hub"] not in str(told.value)


def test_honest_evaluations_hold_no_secret() -> None:
    for name in ("sk-learn/hf_model", "acme/hf_bert_base", "s3://bucket/rows", "AKIAlike", "eyJ.eyJ.x"):
        parse(evaluation(models=[name] if name.count("/") == 1 else ["a/b"], columns={"text": name}))


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40), st.sampled_from(sorted(SECRETS.values())))
def test_covering_leaves_nothing_of_a_secret(before: str, after: str, secret: str) -> None:
    text = f"{before} {secret} {after}"
    covered = secrecy.hidden(text, {})
    assert LETTERS not in covered
    assert secrecy.HIDDEN in covered
    assert secrecy.found(covered.replace(secrecy.HIDDEN, ""), {}) in {None, secrecy.found(before + after, {})}
