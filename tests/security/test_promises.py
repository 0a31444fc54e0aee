"""Every promise of docs/security.md names a test, and every test named is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "security.md"
_NAMED = re.compile(r"\[`(test_\w+)`\]\(\.\./(tests/[\w/]+\.py)\)")


def promises() -> list[str]:
    """Return the bullets of the page's section of promises."""
    section = PAGE.read_text(encoding="utf-8").partition("\n## Promises\n")[2].partition("\n## ")[0]
    return ["- " + each for each in re.split(r"^- ", section, flags=re.MULTILINE)[1:]]


def there(file: str) -> set[str]:
    """Return the tests of a file that nothing skips."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and not any(
            "skip" in ast.unparse(each) or "xfail" in ast.unparse(each) for each in node.decorator_list
        )
    }


@pytest.mark.parametrize("promise", promises(), ids=lambda text: " ".join(text.split()[1:6]))
def test_a_promise_names_tests_that_exist(promise: str) -> None:
    named = _NAMED.findall(promise)
    assert named, f"no test holds: {promise}"
    for test, file in named:
        assert test in there(file), f"{file} has no {test}"


def test_the_page_links_to_pages_that_exist() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", PAGE.read_text(encoding="utf-8")):
        assert (PAGE.parent / link).exists(), link
