"""YAML that anyone may write: it runs nothing, and a small file stays small."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import configs, documents
from tasks.cards import header
from tasks.errors import BadEvaluation
from tasks.publish import merging

LAUGHS = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 12)
)
MERGES = "a0: &a0 {k: v}\n" + "".join(
    f"a{level}: &a{level} {{<<: [*a{level - 1}, *a{level - 1}]}}\n" for level in range(1, 40)
)
BOMBS = {
    "a billion laughs": LAUGHS,
    "merged without end": MERGES,
    "in itself": "a: &a [*a]",
    "deep": "[" * 20_000,
    "deep blocks": "".join("- " * 5_000),
    "large": "a: " + "x" * (documents.MOST_CHARACTERS + 1),
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused_in_one_sentence_wherever_yaml_is_read(text: str, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text, encoding="utf-8")
    for read in (
        lambda: configs.read(file),
        lambda: header.read(f"---\n{text}\n---\n", "acme/card"),
        lambda: merging.entries_of(text, "results.yaml"),
    ):
        with pytest.raises(BadEvaluation, match=r"cannot be read: it |is not YAML: ") as refused:
            read()
        assert len(str(refused.value)) < 500


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system ['touch marker']",
        "!!python/name:os.system",
        "a: !!python/module:os",
    ],
)
def test_yaml_that_names_python_is_refused(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadEvaluation, match="is not YAML: could not determine a constructor"):
        documents.read(text, "It")
    assert not list(tmp_path.iterdir())


def test_no_module_reads_yaml_by_another_way() -> None:
    root = Path(documents.__file__).parents[1]
    others = [
        path.relative_to(root).as_posix()
        for folder in ("tasks", "flows")
        for path in (root / folder).rglob("*.py")
        if any(
            call in path.read_text(encoding="utf-8") for call in ("yaml.load(", "safe_load(", "yaml.unsafe")
        )
    ]
    assert others == []


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_an_honest_document_is_what_pyyaml_reads(value: object) -> None:
    text = yaml.safe_dump(value, allow_unicode=True)
    assert documents.load(text) == yaml.safe_load(text)
