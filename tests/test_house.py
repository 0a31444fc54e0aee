"""The rules of the house: sizes, names, and which way imports run."""

from __future__ import annotations

import ast
import importlib.util
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tasks import configs
from tasks.types import task_type

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(
    path
    for folder in ("flows", "tasks", "infra", "benchmarks", "tests")
    for path in (ROOT / folder).rglob("*.py")
)
MAY_IMPORT = {
    "flows": {"flows", "tasks", "tasks.types", "tasks.inference", "tasks.metrics"},
    "tasks": {"tasks", "tasks.types", "tasks.inference", "tasks.metrics"},
    "tasks.types": {"tasks.types", "tasks.inference", "tasks.metrics", "tasks.errors", "tasks.catalogue"},
    "tasks.inference": {"tasks.inference", "tasks.errors", "tasks.home", "tasks.hub", "tasks.sources"},
    "tasks.metrics": {"tasks.metrics", "tasks.errors"},
}
GROUND: dict[str, set[str]] = {
    "tasks/errors.py": set(),
    "tasks/catalogue.py": set(),
    "tasks/home.py": set(),
    "tasks/bounds.py": set(),
    "tasks/secrecy.py": set(),
    "tasks/settings.py": {"tasks.bounds"},
    "tasks/spec.py": {"tasks.bounds", "tasks.errors", "tasks.catalogue", "tasks.secrecy", "tasks.settings"},
    "tasks/sources.py": {"tasks.errors"},
    "tasks/hub.py": {"tasks.errors"},
    "tasks/passing.py": {"tasks.errors"},
}


def layer(name: str) -> str:
    """Return the layer a module belongs to."""
    parts = name.split(".")
    if parts[0] == "tasks" and len(parts) > 1 and parts[1] in {"types", "inference", "metrics"}:
        return ".".join(parts[:2])
    return parts[0]


def imported(path: Path) -> set[str]:
    """Return the project's modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = (ROOT / node.module.replace(".", "/")).is_dir()
            found |= {f"{node.module}.{alias.name}" for alias in node.names} if inside else {node.module}
    return {name for name in found if name.split(".")[0] in {"tasks", "flows"}}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_short_and_named_for_what_they_hold(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500
    assert path.name not in {"utils.py", "helpers.py", "common.py", "base.py", "misc.py"}


@pytest.mark.parametrize(
    "path",
    [path for path in SOURCES if path.relative_to(ROOT).parts[0] in {"flows", "tasks"}],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_imports_run_one_way(path: Path) -> None:
    relative = path.relative_to(ROOT)
    if relative.as_posix() in GROUND:
        allowed = GROUND[relative.as_posix()]
        assert {".".join(name.split(".")[:2]) for name in imported(path)} - {"tasks"} <= allowed
        return
    here = layer(".".join(relative.with_suffix("").parts))
    for name in imported(path):
        assert {layer(name), name, name.rpartition(".")[0]} & MAY_IMPORT[here], f"{relative} imports {name}"


@pytest.mark.parametrize("house", ["tasks", "flows"])
def test_folders_import_each_other_one_way(house: str) -> None:
    folders = sorted(path.parent for path in (ROOT / house).glob("*/__init__.py"))
    uses = {
        folder.name: {
            name.split(".")[1]
            for path in folder.rglob("*.py")
            for name in imported(path)
            if name.startswith(f"{house}.") and name.count(".") > 1 and name.split(".")[1] != folder.name
        }
        & {each.name for each in folders}
        for folder in folders
    }
    assert set(TopologicalSorter(uses).static_order()) == set(uses)


@pytest.mark.parametrize(
    "path",
    [*configs.shipped().values(), *sorted((ROOT / "infra/demo/evaluations").glob("*.yaml"))],
    ids=lambda path: path.stem,
)
def test_every_config_loads(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_DEMO", "/demo")
    evaluation = configs.read(path)
    kind = task_type(evaluation.task)
    assert set(evaluation.columns) <= {column.name for column in kind.columns}


def test_no_module_is_named_as_a_library_flows_use() -> None:
    libraries = {"evaluate", "datasets", "prefect", "mlflow", "torch", "transformers", "diffusers"}
    assert not libraries & {path.stem for path in (ROOT / "flows").glob("*.py")}


def test_the_reference_pages_are_those_the_code_makes() -> None:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for file, page in module.PAGES.items():
        assert (ROOT / "docs" / file).read_text(encoding="utf-8") == page(), (
            f"run python docs/reference.py: {file}"
        )
