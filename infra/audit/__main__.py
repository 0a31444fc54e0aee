"""`make audit`: fails on a committed secret and on a known hole in a pinned package.

Exit codes: 0 nothing found, 1 something found. Where no advisory service answers, that is said and not held
against the tree.
"""

from __future__ import annotations

import sys
from pathlib import Path

from infra.audit import advisories, committed

ROOT = Path(__file__).resolve().parents[2]


def main(root: Path = ROOT) -> int:
    """Audit a tree; return the exit code."""
    names = committed.files(root)
    secrets = committed.unknown(committed.findings(root, names))
    for each in secrets:
        print(f"{each.file}:{each.line}: {each.kind}", file=sys.stderr)
    print(f"Secrets: {len(secrets)} in {len(names)} files.")
    if secrets:
        print(
            "A secret that was ever committed is to be revoked; what is none is named with its reason in "
            "infra/audit/known.yaml.",
            file=sys.stderr,
        )
    found = advisories.audit(root / "constraints.txt")
    for hole in found.holes:
        print(hole, file=sys.stderr)
    if found.problem or not found.asked:
        why = found.problem or "it knows none of the packages, as a mirror without advisories does not"
        print(f"Advisories: NOT AUDITED: {why}.")
    else:
        unasked = f"; {found.unasked} packages were not asked about" if found.unasked else ""
        print(f"Advisories: {len(found.holes)} on {found.asked} packages{unasked}.")
    return 1 if secrets or found.holes else 0


if __name__ == "__main__":
    sys.exit(main())
