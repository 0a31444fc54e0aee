"""What a policy lets through, and the one sentence for what it does not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from tasks import configs, suites
from tasks.errors import BadEvaluation, Refused, UserError
from tasks.policy import addresses, admission, places, rules
from tasks.policy.rules import Policy, Standing
from tasks.spec import Evaluation

RIGHT: dict[str, Any] = {
    "task": "text-classification",
    "dataset": {"path": "a/b"},
    "models": ["c/d"],
    "metrics": ["accuracy"],
}
INSIDE = ["127.0.0.1"]
OUTSIDE = ["104.18.6.192"]


def standing(folder: Path, **policy: Any) -> Standing:
    made = rules.parse({"paths": [str(folder / "allowed")], **policy})
    (folder / "allowed").mkdir(exist_ok=True)
    return rules.standing(made, folder / "policy.yaml", os.environ)


def evaluation(**change: Any) -> Evaluation:
    return configs.parse({**RIGHT, **change})


def endpoint(address: str, **more: Any) -> list[dict[str, Any]]:
    return [{"name": "m", "endpoint": address, **more}]


def test_hub_repositories_without_code_and_pickles_are_what_the_shipped_policy_lets_through() -> None:
    shipped = rules.in_force()
    assert shipped.file == rules.SHIPPED
    admission.check(evaluation(), shipped)
    for change in (
        {"dataset": {"path": "/etc/passwd"}},
        {"settings": {"allow_remote_code": True}},
        {"settings": {"allow_pickle": True}},
        {"settings": {"publish": True}},
        {"models": endpoint("https://api.openai.com/v1")},
        {"models": endpoint("http://169.254.169.254/latest")},
        {"models": [{"predictions": "/etc/passwd"}]},
        {"metrics": [{"name": "evaluate", "module": "accuracy", "revision": "main"}]},
    ):
        with pytest.raises(Refused, match=str(rules.SHIPPED)):
            admission.check(evaluation(**change), shipped)


def test_the_shipped_file_says_what_is_left_out_of_others() -> None:
    assert not set(rules.in_force().policy.model_fields_set) - set(Policy.model_fields)
    written = rules.parse(configs.document(rules.SHIPPED))
    left_out = Policy()
    for name in Policy.model_fields:
        if name not in {"paths", "endpoints"}:
            assert getattr(written, name) == getattr(left_out, name), name
    # What stands for others is empty where nothing is set.
    assert rules.filled(written.endpoints, {}, ",") == []


@pytest.mark.parametrize(
    ("policy", "change", "words"),
    [
        ({"hub": {"models": ["acme/*"]}}, {}, ["model 'c/d'", "hub.models", "acme/*"]),
        ({"hub": {"datasets": ["acme/*"]}}, {}, ["dataset 'a/b'", "hub.datasets"]),
        ({}, {"models": ["/etc"]}, ["model '/etc'", "paths", "allowed"]),
        ({}, {"models": ["~/model"]}, ["'~/model'", "paths"]),
        ({}, {"dataset": {"path": "../x.csv"}}, ["'../x.csv'", "paths"]),
        ({}, {"models": [{"predictions": "p.parquet"}]}, ["file of predictions 'p.parquet'", "paths"]),
        ({}, {"settings": {"allow_remote_code": True}}, ["'allow_remote_code'", "'c/d'", "remote_code"]),
        ({"pickles": ["x/*"]}, {"settings": {"allow_pickle": True}}, ["'allow_pickle'", "pickles", "x/*"]),
        ({}, {"settings": {"ray": "ray://10.0.0.1:10001"}}, ["Ray cluster", "auto"]),
        ({}, {"settings": {"publish": True}}, ["publish: false", "assay publish"]),
        ({"limits": {"models": 1}}, {"models": ["c/d", "e/f"]}, ["2 models", "allows 1", "limits.models"]),
        ({}, {"models": endpoint("http://127.0.0.1:8000/v1")}, ["'http://127.0.0.1:8000'", "endpoints"]),
        (
            {"endpoints": ["https://*"]},
            {"models": endpoint("https://x.org/v1", api_key_env="AWS_SECRET_ACCESS_KEY")},
            ["AWS_SECRET_ACCESS_KEY", "key_variables", "OPENAI_API_KEY"],
        ),
        (
            {"endpoints": ["https://*"], "limits": {"dollars": 5}},
            {"models": endpoint("https://x.org/v1")},
            ["states no price", "limits.dollars"],
        ),
        (
            {},
            {"metrics": [{"name": "bertscore", "encoder": "/etc"}]},
            ["model of the metric 'bertscore'", "'/etc'", "paths"],
        ),
        (
            {"hub": {"models": ["c/*"]}},
            {"metrics": [{"name": "bertscore", "model_type": "roberta-large"}]},
            ["'roberta-large'", "hub.models"],
        ),
        (
            {},
            {"metrics": [{"name": "evaluate", "module": "/etc/x.py"}]},
            ["metric module '/etc/x.py'", "paths"],
        ),
        (
            {"remote_code": ["acme/*"]},
            {"metrics": [{"name": "evaluate", "module": "accuracy"}]},
            ["'evaluate-metric/accuracy'", "remote_code", "acme/*"],
        ),
        ({}, {"metrics": [{"name": "f1", "options": {"x": ["/etc/passwd"]}}]}, ["'/etc/passwd'", "paths"]),
    ],
)
def test_what_is_not_allowed_is_one_sentence_that_names_thing_rule_file_and_what_is(
    tmp_path: Path, policy: dict[str, Any], change: dict[str, Any], words: list[str]
) -> None:
    there = standing(tmp_path, **policy)
    with pytest.raises(Refused) as caught:
        admission.check(evaluation(**change), there, lambda host: OUTSIDE)
    said = str(caught.value)
    assert all(word in said for word in [*words, str(there.file)]), said
    assert "\n" not in said
    assert said.endswith(".")


def test_what_is_allowed_passes(tmp_path: Path) -> None:
    there = standing(
        tmp_path,
        remote_code=["acme/*"],
        pickles=["*"],
        endpoints=["https://*", "http://gpu-1:8000/v1"],
        key_variables=["*_KEY"],
        publish=True,
    )
    (tmp_path / "allowed" / "model").mkdir()
    for change in (
        {"models": [str(tmp_path / "allowed" / "model")]},
        {"models": ["acme/x"], "settings": {"allow_remote_code": True, "allow_pickle": True}},
        {"models": endpoint("https://x.org/v1"), "settings": {"publish": True, "ray": "auto"}},
        {"models": endpoint("http://GPU-1:8000/v1/", api_key_env="TEAM_KEY")},
        {"models": [{"predictions": str(tmp_path / "allowed" / "p.csv")}]},
    ):
        admission.check(evaluation(**change), there, lambda host: OUTSIDE)


def test_links_lead_where_they_lead(tmp_path: Path) -> None:
    there = standing(tmp_path)
    allowed, secret = tmp_path / "allowed", tmp_path / "secret"
    secret.mkdir()
    (secret / "rows.csv").write_text("a,b\n", encoding="utf-8")
    (allowed / "by-link").symlink_to(secret)
    (allowed / "data").mkdir()
    for path in (
        f"{allowed}/by-link/rows.csv",
        f"{allowed}/by-link",
        f"{allowed}/../secret/rows.csv",
        f"{allowed}2",
        str(tmp_path),
    ):
        with pytest.raises(Refused, match="paths"):
            admission.check(evaluation(dataset={"path": path}), there)
    admission.check(evaluation(dataset={"path": f"{allowed}/data"}), there)
    (allowed / "data" / "rows.csv").symlink_to(secret / "rows.csv")
    with pytest.raises(Refused, match=r"The link '.*rows\.csv'"):
        admission.check(evaluation(dataset={"path": f"{allowed}/data"}), there)
    # A link to the allowed folder is as good as the folder.
    (tmp_path / "also").symlink_to(allowed)
    (allowed / "more").mkdir()
    admission.check(evaluation(dataset={"path": f"{tmp_path}/also/more"}), there)


PARTS = some.sampled_from(
    ["..", ".", "allowed", "secret", "link", "rows.csv", "", "~", "x" * 300, "a\0b", "é"]
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=some.lists(PARTS, min_size=1, max_size=8), rooted=some.booleans())
def test_no_path_out_of_the_folders_passes_whatever_it_is_made_of(
    tmp_path: Path, parts: list[str], rooted: bool
) -> None:
    there = standing(tmp_path)
    allowed, secret = tmp_path / "allowed", tmp_path / "secret"
    secret.mkdir(exist_ok=True)
    if not (allowed / "link").is_symlink():
        (allowed / "link").symlink_to(secret)
    path = "/".join([str(allowed), *parts] if rooted else parts)
    try:
        admission._check_source("dataset", path, ["*"], there)
    except UserError:
        return
    found = places.local(path)
    if found is None:
        # Taken for a Hub id: then nothing of the name is on this machine.
        assert not os.path.lexists(path)
        return
    assert Path(os.path.realpath(os.path.expanduser(path))).is_relative_to(os.path.realpath(allowed))


@pytest.mark.parametrize(
    ("pattern", "url", "found", "allowed"),
    [
        ("https://*", "https://api.openai.com/v1", OUTSIDE, True),
        ("https://*", "http://api.openai.com/v1", OUTSIDE, False),
        ("https://*", "https://localhost/v1", INSIDE, False),
        ("https://*", "https://metadata/v1", ["169.254.169.254"], False),
        ("https://*", "https://mixed/v1", [*OUTSIDE, "10.0.0.8"], False),
        ("https://*", "https://six/v1", ["::1"], False),
        ("https://*", "https://six/v1", ["::ffff:127.0.0.1"], False),
        ("https://*", "https://nowhere/v1", [], False),
        ("https://*.acme.org", "https://acme.org.evil.com/v1", OUTSIDE, False),
        ("https://*.acme.org", "https://a.acme.org/v1", OUTSIDE, True),
        ("https://*.acme.org", "https://a.acme.org:8443/v1", OUTSIDE, False),
        ("https://*.acme.org:*", "https://a.acme.org:8443/v1", OUTSIDE, True),
        ("http://localhost:8000", "http://localhost:8000/v1", INSIDE, True),
        ("http://localhost:8000", "http://localhost:8001/v1", INSIDE, False),
        ("http://gpu/v1", "http://gpu/v1", INSIDE, True),
        ("http://gpu/v1", "http://gpu/v10", INSIDE, False),
        ("http://gpu/v1", "http://gpu/v1/../admin", INSIDE, False),
        ("http://gpu/v1", "http://gpu/v1/%2e%2e/admin", INSIDE, False),
        ("http://[::1]:8000", "http://[::1]:8000/v1", ["::1"], True),
    ],
)
def test_addresses(pattern: str, url: str, found: list[str], allowed: bool) -> None:
    assert addresses.allows(pattern, url, lambda host: found) is allowed


def test_names_of_this_machine_are_inside_however_they_are_written() -> None:
    for host in ("localhost", "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0.0.0.0", "::1"):
        assert addresses.inside(host, addresses.resolved), host


def test_a_suite_reads_no_config_from_elsewhere(tmp_path: Path) -> None:
    there = standing(tmp_path, limits={"evaluations": 2})
    own = tmp_path / "allowed" / "own.yaml"
    own.write_text("task: text-classification\n", encoding="utf-8")
    for config in ("sst2", str(own), str(configs.SHIPPED / "sst2.yaml")):
        admission.check_suite(suites.parse({"name": "s", "evaluations": [config]}), there)
    for config in ("/etc/passwd", f"{tmp_path}/allowed/../x.yaml", "~/x.yaml", "pyproject.toml"):
        with pytest.raises(Refused, match="paths"):
            admission.check_suite(suites.parse({"name": "s", "evaluations": [config]}), there)
    with pytest.raises(Refused, match="3 evaluations"):
        admission.check_suite(suites.parse({"name": "s", "evaluations": ["sst2"] * 3}), there)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("remote_cod: []", ["no key 'remote_cod'", "Did you mean 'remote_code'"]),
        ("limits: {row: 1}", ["key in limits 'row'", "Did you mean 'rows'"]),
        ("limits: {hours: -1}", ["limits.hours", "greater than 0"]),
        ("limits: {rows: .nan}", ["limits.rows"]),
        ("enforce: sometimes", ["enforce", "'server' or 'everywhere'"]),
        ("[]", ["A policy is a mapping"]),
        ("a: [", ["is not YAML"]),
        ("endpoints: [gpu-1]", ["'gpu-1' is no address"]),
    ],
)
def test_a_policy_that_is_none_is_one_sentence_and_allows_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: list[str]
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(text, encoding="utf-8")
    monkeypatch.setenv(rules.VARIABLE, str(file))
    with pytest.raises(UserError) as caught:
        rules.in_force()
    assert all(word in str(caught.value) for word in [*words, str(file)]), caught.value
    monkeypatch.setenv(rules.VARIABLE, str(tmp_path / "none.yaml"))
    with pytest.raises(UserError, match="nothing is allowed"):
        rules.in_force()


def test_folders_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_DATA", f"{tmp_path}/one{os.pathsep}{tmp_path}/two")
    monkeypatch.delenv("ASSAY_DEMO", raising=False)
    folders = rules.in_force().folders
    assert {tmp_path / "one", tmp_path / "two", tmp_path / "assay" / "data"} <= set(folders)
    assert all(each.is_absolute() for each in folders)
    with pytest.raises(BadEvaluation, match="can be no path"):
        places.local("/a\0b")
