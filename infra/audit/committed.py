"""Committed secrets: every file that git knows or would take, scanned for keys and passwords."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import yaml
from detect_secrets.core import scan
from detect_secrets.settings import transient_settings

from tasks import secrecy

PLUGINS = (
    *("ArtifactoryDetector", "AWSKeyDetector", "AzureStorageKeyDetector", "BasicAuthDetector"),
    *("CloudantDetector", "DiscordBotTokenDetector", "GitHubTokenDetector", "GitLabTokenDetector"),
    *("IbmCloudIamDetector", "JwtTokenDetector", "KeywordDetector", "MailchimpDetector", "NpmDetector"),
    *("OpenAIDetector", "PrivateKeyDetector", "PypiTokenDetector", "SendGridDetector", "SlackDetector"),
    *("SquareOAuthDetector", "StripeDetector", "TelegramBotTokenDetector", "TwilioKeyDetector"),
)
"""Of detect-secrets, all but those that guess by entropy: digests and pictures fill the tree."""
OWN = "Shape"
KNOWN = Path(__file__).with_name("known.yaml")


@dataclass(frozen=True)
class Finding:
    """Something in a file that looks like a secret; what it is, is not shown."""

    file: str
    line: int
    kind: str


def files(root: Path) -> list[str]:
    """Return the files that are committed, or would be by `git add`."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=True,
    )
    return sorted({each for each in listed.stdout.decode().split("\0") if each and (root / each).is_file()})


def findings(root: Path, names: Iterable[str]) -> list[Finding]:
    """Return what looks like a secret in files, by detect-secrets and by the shapes Assay itself refuses."""
    found = set()
    with transient_settings({"plugins_used": [{"name": name} for name in PLUGINS]}):
        for name in names:
            path = root / name
            try:
                lines = path.read_text(encoding="utf-8").splitlines()
            except UnicodeDecodeError:
                # Pictures and the like.
                continue
            for secret in scan.scan_file(str(path)):
                found.add(Finding(name, secret.line_number, secret.type))
            for number, line in enumerate(lines, 1):
                for kind, shape in secrecy.SHAPES.items():
                    if shape.search(line):
                        found.add(Finding(name, number, kind))
    return sorted(found, key=lambda each: (each.file, each.line, each.kind))


def unknown(found: Iterable[Finding], known: Path = KNOWN) -> list[Finding]:
    """Return the findings that the list of known ones, each with its reason, does not name."""
    listed = yaml.safe_load(known.read_text(encoding="utf-8"))["secrets"]
    return [each for each in found if not any(_names(entry, each) for entry in listed)]


def _names(entry: Mapping[str, object], finding: Finding) -> bool:
    if not str(entry.get("reason", "")).strip():
        raise ValueError(f"{KNOWN}: the entry of '{entry.get('file')}' gives no reason")
    kinds = entry["kinds"]
    assert isinstance(kinds, list)
    return fnmatchcase(finding.file, str(entry["file"])) and finding.kind in kinds
