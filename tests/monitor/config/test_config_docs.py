"""The page and the example files say what is true."""

import os
import re
from pathlib import Path

import pytest

from monitor.config import models, reference
from monitor.config.effective import to_yaml
from monitor.config.expected import Kind
from monitor.config.loader import load, parse
from monitor.config.models import Config, Mode
from monitor.config.split import expand
from monitor.config.validation import key_paths

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "configuration.md"


def test_the_page_is_in_step_with_the_models() -> None:
    assert PAGE.read_text() == reference.page() + "\n", (
        "run python -m monitor.config.reference > docs/configuration.md"
    )


def test_every_key_is_on_the_page() -> None:
    page = PAGE.read_text()
    for path in [*key_paths(models.RecommenderConfig), *key_paths(models.DaemonConfig)]:
        assert f"| `{path.split('.')[-1]}` |" in page


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(.*?)```", reference.INTRODUCTION, re.DOTALL))
def test_every_example_on_the_page_is_valid(example: str) -> None:
    assert parse(example, "example.yaml").recommenders


@pytest.mark.parametrize("file", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda file: file.name)
def test_every_file_is_valid_and_prints_itself(file: Path) -> None:
    config = load(file)
    assert parse(to_yaml(config), "effective.yaml") == config


def test_the_minimal_file_reads_the_log_that_is_there() -> None:
    [shop] = load(ROOT / "configs" / "minimal.yaml").recommenders
    assert os.path.isfile(shop.log.path)


def example() -> Config:
    return load(ROOT / "configs" / "example.yaml")


def test_the_example_watches_a_dozen_recommenders() -> None:
    values = {"shop": ["home", "product_page", "cart", "search", "email"], "app": ["feed", "detail", "saved"]}
    made = {
        one.name: one for entry in example().recommenders for one in expand(entry, values.get(entry.name, []))
    }
    assert len(made) == 12
    assert [p.position for p in made["shop/home"].expected.positions] == [1]
    assert made["shop/product_page"].kind == Kind.CONTEXTUAL
    assert made["shop/email"].mode == Mode.TICKET
    assert made["shop/search"].mode == Mode.PAGE
    assert made["shop/cart"].detectors["diversity"] == {"mode": "observe"}
    assert made["app/feed"].labels == {"team": "mobile", "tier": "1"}
    assert made["newsletter"].log.columns.item == "item_ids"
    assert made["newsletter"].log.columns.position is None
    assert made["partners"].catalog is None
    assert made["shadow"].mode == Mode.OBSERVE
