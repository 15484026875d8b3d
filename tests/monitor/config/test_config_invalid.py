"""One file for each mistake, with the exact text that people get."""

from pathlib import Path

import pytest

from monitor.config.loader import parse
from monitor.errors import UserError

FILES = sorted((Path(__file__).parent / "invalid").glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_mistake_is_told_with_place_and_remedy(file: Path) -> None:
    with pytest.raises(UserError) as told:
        parse(file.read_text(), file.name, environment={})
    assert f"{told.value}\n" == file.with_suffix(".txt").read_text()


def test_every_text_belongs_to_a_file() -> None:
    assert [file.stem for file in FILES] == sorted(text.stem for text in FILES[0].parent.glob("*.txt"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_line_names_the_file_and_fits_one_line(file: Path) -> None:
    for line in file.with_suffix(".txt").read_text().splitlines():
        assert line.startswith(file.name)
        assert line.isprintable()
