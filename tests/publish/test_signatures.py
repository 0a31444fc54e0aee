"""Keys and tokens: whose they are, who may read them, and what is found when one is tampered with."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from tasks.errors import BadEvaluation, Refused
from tasks.publish import signatures

CLAIMS = {"score": "accuracy", "value": 0.9, "dataset": "acme/reviews"}


def test_a_token_says_what_was_signed_and_by_which_key(home: Path) -> None:
    token = signatures.sign(CLAIMS)
    found = signatures.opened(token)
    assert found is not None
    assert found.intact
    assert found.key == signatures.public_key()
    assert found.claims == {**CLAIMS, "iss": "assay"}
    assert signatures.sign(dict(reversed(CLAIMS.items()))) == token


def test_the_key_is_its_owners_alone(home: Path) -> None:
    signatures.public_key()
    path = home / "keys" / "signing.pem"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["signing.pem"]
    before = path.read_bytes()
    signatures.sign(CLAIMS)
    assert path.read_bytes() == before
    if os.name == "posix":
        path.chmod(0o644)
        with pytest.raises(Refused, match="can be read by others; run `chmod 600"):
            signatures.sign(CLAIMS)


def test_a_token_with_other_claims_does_not_pass(home: Path) -> None:
    head, _, signature = signatures.sign(CLAIMS).split(".")
    forged = json.dumps({**CLAIMS, "iss": "assay", "value": 0.99}).encode()
    body = base64.urlsafe_b64encode(forged).rstrip(b"=").decode()
    found = signatures.opened(f"{head}.{body}.{signature}")
    assert found is not None
    assert not found.intact


@pytest.mark.parametrize("token", [None, "", "a.b.c", "eyJhbGciOiJIUzI1NiJ9.e30.x", "only one part", 7])
def test_what_is_no_token_of_assays_is_none(home: Path, token: object) -> None:
    assert signatures.opened(token) is None


def test_keys_are_trusted_by_name(home: Path) -> None:
    other = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    signatures.trust(other, "the other team")
    signatures.trust(other, "the other team")
    own = signatures.public_key()
    assert signatures.known_keys() == {other: "the other team", own: "this installation"}
    with pytest.raises(BadEvaluation, match="'nonsense' is no public key"):
        signatures.trust("nonsense", "x")
