"""detectors/ is a pure library: arrays in, numbers out."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "detectors"
FILES = sorted(FOLDER.rglob("*.py"))
ALLOWED = {
    "__future__", "abc", "collections", "dataclasses", "detectors", "enum", "functools", "hashlib", "importlib",
    "itertools", "math", "numpy", "re", "scipy", "types", "typing", "zlib",
}  # fmt: skip
CALLS = {"open", "print", "input", "exec", "eval", "__import__"}


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            found.add(str(node.module).partition(".")[0])
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(FOLDER)))
def test_only_these_are_imported(path: Path) -> None:
    allowed = ALLOWED | ({"pyarrow"} if path == FOLDER / "core" / "state.py" else set())
    assert imported(path) <= allowed


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(FOLDER)))
def test_nothing_reads_files_a_clock_or_chance(path: Path) -> None:
    tree = ast.parse(path.read_text())
    called = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    used = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    assert not called & CALLS
    assert not used & {"random", "fromfile", "tofile", "loadtxt", "memmap", "save"}


def test_importing_the_library_imports_neither_arrow_nor_the_daemon() -> None:
    code = "import sys, detectors; print([m for m in ('pyarrow', 'monitor', 'logging.handlers') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=FOLDER.parent
    )
    assert done.stdout == "[]\n"
