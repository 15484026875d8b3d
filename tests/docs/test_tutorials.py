"""Tutorials do what they say: their files are written, their commands run, and they print what stands there."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.cli import main

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)


def blocks(text: str) -> list[tuple[str, str, str]]:
    """Language, text, and the name that was put in code last before it."""
    named = re.compile(r"`([\w./-]+)`")
    return [(b[1], b[2], (named.findall(text[: b.start()]) or [""])[-1]) for b in BLOCK.finditer(text)]


def commands(console: str) -> list[tuple[str, str]]:
    """Each command, and what it should print."""
    parts = re.split(r"^\$ (.*)\n", console, flags=re.M)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def run(command: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What a command prints, and its exit code where the tutorial asks for it; nothing else may fail."""
    command, _, asked = command.partition(" || ")
    program, *arguments = command.split()
    if program == "python" or arguments[0] == "once":  # which has workers
        path = Path(sys.executable).with_name(program)
        done = subprocess.run([path, *arguments], cwd=folder, capture_output=True, text=True, check=False)
        code, said = done.returncode, done.stdout + done.stderr
    else:  # in this process, which has imported everything already
        assert program == "recwatch"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["recwatch", *arguments])
            with pytest.raises(SystemExit) as ended:
                main()
        code, said = ended.value.code, "".join(capsys.readouterr())
    if asked:
        assert asked == "echo exit code $?"
        return f"{said}exit code {code}\n"
    assert code in (0, None), said
    return said


def as_doctest(text: str) -> str:
    """Without what cannot be seen: spaces at the end of lines, and such as do not break."""
    return "\n".join(line.rstrip() for line in text.replace("\xa0", " ").strip().splitlines()) + "\n"


@pytest.mark.parametrize(
    ("page", "least"),
    [
        ("tour.md", {"json": 1, "console": 5}),
        ("write-a-detector.md", {"python": 3, "console": 3, "yaml": 3}),
    ],
)
def test_a_tutorial_does_what_it_says(
    page: str,
    least: dict[str, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    same = doctest.OutputChecker().check_output
    seen = dict.fromkeys(least, 0)
    for language, text, name in blocks((DOCS / page).read_text(encoding="utf-8")):
        seen[language] += 1
        first = text.partition("\n")[0]
        if language == "yaml":
            file = Path(first.removeprefix("# at the end of "))
            file.write_text(file.read_text() + text.partition("\n")[2])
        elif language == "json":
            Path(name).write_text(text)
        elif language == "console":
            for command, expected in commands(text):
                said = run(command, tmp_path, capsys)
                wanted = as_doctest(expected) if expected.strip() else "\n"
                assert same(wanted, as_doctest(said), doctest.ELLIPSIS), f"$ {command}\n{said}\n{wanted}"
        elif first.startswith(">>> "):
            example = doctest.DocTestParser().get_doctest(text, {}, "tutorial", page, 0)
            assert doctest.DocTestRunner().run(example).failed == 0, capsys.readouterr().out
        else:
            Path(first.removeprefix("# ")).write_text(text)
    assert all(seen[language] >= few for language, few in least.items())
