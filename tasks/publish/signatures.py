"""Signatures: results signed with a key of this installation, and checked against the keys that are known.

A token is a JSON Web Token (RFC 7519) signed by Ed25519 (RFC 8037): its claims are the score and everything
it rests on, its header carries the public key. So altered numbers are found by anybody; whether the key is
one to trust, each installation decides for itself.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks import home
from tasks.errors import BadEvaluation, Refused

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ISSUER = "assay"


@dataclass(frozen=True)
class Signed:
    """What a token says.

    Attributes:
        claims: The score and what it rests on.
        key: The public key that it was signed with, as `public_key` writes keys.
        intact: Whether the signature fits the claims.
    """

    claims: Mapping[str, Any]
    key: str
    intact: bool


def _folder() -> Path:
    return home.home() / "keys"


def private_key() -> Ed25519PrivateKey:
    """Return the key of this installation, made when there is none; only its owner may read it.

    Raises:
        Refused: Others may read the key's file.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    path = _folder() / "signing.pem"
    if not path.is_file():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        made = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        written = path.with_name(f".{os.getpid()}.part")
        descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(made)
        try:
            # Two that start at once must end with the same key.
            os.link(written, path)
        except FileExistsError:
            pass
        finally:
            written.unlink()
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise Refused(f"The signing key {path} can be read by others; run `chmod 600 {path}`.")
    loaded = serialization.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(loaded, Ed25519PrivateKey):
        raise Refused(f"The signing key {path} is no Ed25519 key.")
    return loaded


def public_key() -> str:
    """Return this installation's public key, as others name it to trust it: 43 letters of URL-safe base64."""
    return _encoded(private_key().public_key().public_bytes_raw())


def known_keys() -> dict[str, str]:
    """Return the public keys that are trusted here, each with a name: one's own, and those in `keys/known`.

    That file has a line a key: the key, a space, and what to call it.
    """
    own = {public_key(): "this installation"} if (_folder() / "signing.pem").is_file() else {}
    path = _folder() / "known"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    pairs = [line.strip().partition(" ") for line in lines if line.strip() and not line.startswith("#")]
    return {key: name.strip() or short(key) for key, _, name in pairs} | own


def trust(key: str, name: str) -> None:
    """Add a public key to those that are trusted here.

    Raises:
        BadEvaluation: It is none.
    """
    try:
        right = len(_decoded(key)) == 32
    except ValueError:
        right = False
    if not right:
        raise BadEvaluation(f"'{key}' is no public key: one is 43 letters, as `assay verify` prints.")
    if key not in known_keys():
        path = _folder() / "known"
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with path.open("a", encoding="utf-8") as opened:
            opened.write(f"{key} {name}\n")


def short(key: str) -> str:
    """Return how a key is called for short.

    >>> short("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
    '21fe31df'
    """
    return hashlib.sha256(_decoded(key)).hexdigest()[:8]


def sign(claims: Mapping[str, Any]) -> str:
    """Return a token over claims; the same claims give the same token."""
    key = private_key()
    jwk = {"crv": "Ed25519", "kty": "OKP", "x": public_key()}
    head = _encoded(_plain({"alg": "EdDSA", "jwk": jwk, "typ": "JWT"}))
    body = f"{head}.{_encoded(_plain({'iss': ISSUER, **claims}))}"
    return f"{body}.{_encoded(key.sign(body.encode()))}"


def opened(token: Any) -> Signed | None:
    """Return what a token says; None for what is no token of Assay's."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        head, body, signature = str(token).split(".")
        stated, claims = json.loads(_decoded(head)), json.loads(_decoded(body))
        key = str(stated["jwk"]["x"])
        public = Ed25519PublicKey.from_public_bytes(_decoded(key))
        if claims["iss"] != ISSUER or stated["alg"] != "EdDSA":
            return None
    except (ValueError, KeyError, TypeError):
        return None
    try:
        public.verify(_decoded(signature), f"{head}.{body}".encode())
    except (InvalidSignature, ValueError):
        return Signed(claims, key, intact=False)
    return Signed(claims, key, intact=True)


def digest(values: Mapping[str, str], without: Iterable[str] = ()) -> str:
    """Return a SHA-256 over named values, in whatever order they come.

    >>> digest({"a": "1", "b": "2"}) == digest({"b": "2", "a": "1"})
    True
    """
    left_out = set(without)
    kept = sorted((name, value) for name, value in values.items() if name not in left_out)
    return hashlib.sha256(json.dumps(kept).encode()).hexdigest()


def _plain(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
