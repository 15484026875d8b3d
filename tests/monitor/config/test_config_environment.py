"""Variables of the environment in values."""

import pytest
from config_examples import LOG

from monitor.config.loader import parse
from monitor.config.models import Config
from monitor.errors import UserError

ENVIRONMENT = {
    "LOGS": "s3://logs",
    "WORKERS": "3",
    "LIMIT": "0.5",
    "EMPTY": "",
    "ODD": "${LOGS}: [",
    "BYTES": "\udcff",
}


def filled(value: str, key: str = "region") -> Config:
    text = f"""
daemon: {{workers: "${{WORKERS}}"}}
recommenders:
- name: shop
  log:
    path: ${{LOGS}}/shop
    columns: {{timestamp: {LOG["columns"]["timestamp"]}, item: item_id}}
    {key}: {value}
  detectors:
    pricey:
      above: ${{LIMIT}}
      text: "${{LIMIT}}"
"""
    return parse(text, "shop.yaml", environment=ENVIRONMENT)


def test_variables_are_filled_in_before_types_are_known() -> None:
    config = filled("x")
    assert config.daemon.workers == 3
    assert config.recommenders[0].log.path == "s3://logs/shop"
    assert config.recommenders[0].detectors == {"pricey": {"above": 0.5, "text": "0.5"}}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a-${WORKERS}-${WORKERS}", "a-3-3"),
        ("$${WORKERS}", "${WORKERS}"),
        ("$$${WORKERS}", "$${WORKERS}"),
        ("$WORKERS", "$WORKERS"),
        ("a$", "a$"),
        ("${ODD}", "${LOGS}: ["),  # what is filled in is text: neither a variable again nor YAML
        ("'${WORKERS}'", "3"),
    ],
)
def test_spellings(written: str, meant: str) -> None:
    assert filled(written).recommenders[0].log.region == meant


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("${NOPE}", "the environment variable NOPE is not set; set it, or write $${ for the text ${"),
        ("${}", '"${}" is not a variable; write ${NAME}, or $${ for the text ${'),
        ("${1X}", '"${1X}" is not a variable; write ${NAME}, or $${ for the text ${'),
        ("${BYTES}", "the environment variable BYTES is not UTF-8 text; set it to text"),
        ("${EMPTY}", "must not be empty"),
    ],
)
def test_mistakes(written: str, told: str) -> None:
    with pytest.raises(UserError) as error:
        filled(written)
    assert str(error.value) == f"shop.yaml:8: recommenders[0].log.region: {told}"


def test_keys_are_left_alone() -> None:
    with pytest.raises(UserError, match=r'log\["\$\{LOGS\}"\]: unknown key'):
        filled("x", key='"${LOGS}"')


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECWATCH_TEST_LOGS", "/srv/logs")
    text = "recommenders: [{name: a, log: {path: '${RECWATCH_TEST_LOGS}', columns: {timestamp: t, item: i}}}]"
    assert parse(text, "shop.yaml").recommenders[0].log.path == "/srv/logs"
