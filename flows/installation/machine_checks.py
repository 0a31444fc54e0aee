"""What `assay doctor` looks at on the machine itself: nothing here needs a server."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from flows.installation.findings import Check, Finding, note, ok, wrong
from tasks import home

ROOT = Path(__file__).resolve().parents[2]
LEAST_FREE = 5.0
"""Gigabytes: a few models and their predictions."""
OLDEST_PYTHON = (3, 11)


def python() -> Finding:
    """Look at Python's version."""
    says = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    if sys.version_info < OLDEST_PYTHON:
        return wrong("Python", says, "install Python 3.11 or newer and `make install` again")
    return ok("Python", says)


def packages() -> Finding:
    """Hold the installed packages against what the project asks for, and against its constraints."""
    differing = dict(differences(pinned(ROOT / "constraints.txt")))
    if not differing:
        return ok("packages", f"the {len(set(needed()))} packages that Assay asks for are as tested")
    named = ", ".join(f"{name} {have}, not {want}" for name, (have, want) in sorted(differing.items())[:5])
    more = f" and {len(differing) - 5} more" if len(differing) > 5 else ""
    mend = "pip install --constraint constraints.txt --editable ."
    return wrong("packages", f"differ from what was tested: {named}{more}", mend)


def needed() -> Iterator[str]:
    """Yield the names of the packages that Assay itself asks for, without extras."""
    for line in metadata.requires("assay") or []:
        if "extra ==" not in line:
            yield (
                line.split(";")[0]
                .strip()
                .replace("[", " ")
                .split()[0]
                .split(">")[0]
                .split("<")[0]
                .split("=")[0]
            )


def pinned(file: Path) -> dict[str, str]:
    """Return the versions of a file of constraints by package; nothing where there is no file.

    >>> pinned(Path("no such file"))
    {}
    """
    if not file.exists():
        return {}
    pairs = (line.split("==", 1) for line in file.read_text(encoding="utf-8").splitlines() if "==" in line)
    return {name.strip(): version.strip() for name, version in pairs}


def differences(pins: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield each needed package that is missing or of another version than pinned: there and pinned.

    Args:
        pins: Versions by package.
    """
    known = {name.lower().replace("_", "-"): version for name, version in pins.items()}
    for name in needed():
        want = known.get(name.lower().replace("_", "-"), "any")
        try:
            have = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield name, ("missing", want)
            continue
        # A build for a kind of GPU names it behind the version.
        if want not in ("any", have.partition("+")[0], have):
            yield name, (have, want)


def folder() -> Finding:
    """Look whether the data folder can be written to."""
    try:
        with tempfile.TemporaryFile(dir=home.home()) as file:
            file.write(b"assay")
    except OSError as error:
        return wrong("data folder", f"{os.environ.get('ASSAY_HOME') or '.assay'}: {error}", "set ASSAY_HOME")
    return ok("data folder", f"{home.home()} can be written to")


def disk() -> Finding:
    """Look how much room there is."""
    free = shutil.disk_usage(home.home()).free / 1e9
    says = f"{free:.0f} GB free at {home.home()}"
    if free < LEAST_FREE:
        return wrong(
            "disk", says, f"free {LEAST_FREE:.0f} GB: chunks/ and streams/ can go, they are made again"
        )
    return ok("disk", says)


def device() -> Finding:
    """Look whether torch can use the GPU that the machine has."""
    import torch

    says = f"torch {torch.__version__}"
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        return ok("device", f"{says}, {len(names)} GPU: {', '.join(sorted(set(names)))}")
    if torch.backends.mps.is_available():
        return ok("device", f"{says}, Apple's GPU")
    if Path("/dev/nvidia0").exists() or shutil.which("nvidia-smi"):
        mend = "install torch for CUDA, see pytorch.org"
        if torch.version.cuda:
            return wrong(
                "device", f"{says} is for CUDA {torch.version.cuda} and sees no GPU", "mend its driver"
            )
        return wrong("device", f"{says} has no CUDA, though the machine has an NVIDIA GPU", mend)
    return ok("device", f"{says}, no GPU here: evaluations run on the CPU")


def token() -> Finding:
    """Look whether the Hub can be asked for what is not public; the token itself is never shown."""
    from huggingface_hub import constants, get_token

    if constants.HF_HUB_OFFLINE:
        return note("Hub", "offline: only what is in the cache", "unset HF_HUB_OFFLINE to reach it")
    if get_token() is None:
        return note("Hub", "no token: only public models and datasets", "hf auth login")
    return ok("Hub", "a token is there")


def policy() -> Finding:
    """Look whether the file that says what evaluations may do can be read."""
    import yaml

    from tasks import documents

    given = os.environ.get("ASSAY_POLICY")
    file = Path(given) if given else ROOT / "infra" / "policy.yaml"
    if not file.exists() and not given:
        return note("policy", "no policy file: what comes through the server is not restricted")
    try:
        found = documents.load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        return wrong("policy", f"{file} cannot be read: {' '.join(str(error).split())[:200]}", f"mend {file}")
    if not isinstance(found, dict):
        return wrong("policy", f"{file} is no mapping", f"mend {file}")
    return ok("policy", str(file))


CHECKS: tuple[tuple[str, Check], ...] = (
    ("Python", python),
    ("packages", packages),
    ("data folder", folder),
    ("disk", disk),
    ("device", device),
    ("Hub", token),
    ("policy", policy),
)
"""In the order in which they are shown."""
