"""What starts Grafana, Prometheus and Alertmanager with the dashboards: all files named are there, and are read."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
GRAFANA = ROOT / "grafana"
DASHBOARDS = "/var/lib/grafana/dashboards/recwatch"


def read(path: str) -> Any:
    return yaml.safe_load((GRAFANA / path).read_text("utf-8"))


def services() -> dict[str, Any]:
    found = read("compose.yaml")["services"]
    assert found.keys() == {"prometheus", "alertmanager", "grafana"}
    return dict(found)


def mounts(service: dict[str, Any]) -> dict[str, str]:
    """Where in the container a thing of ours is, and which."""
    pairs = [volume.split(":")[:2] for volume in service["volumes"]]
    return {inside: outside for outside, inside in pairs}


def test_what_is_mounted_is_there() -> None:
    named = read("compose.yaml")["volumes"].keys()
    for service in services().values():
        for volume in service["volumes"]:
            outside = volume.split(":")[0]
            if outside.startswith("./"):
                assert (GRAFANA / outside).exists(), volume
                assert volume.endswith(":ro"), volume
            else:
                assert outside in named
        for argument in service.get("command", ()):
            if argument.startswith("--config.file="):
                assert argument.partition("=")[2] in mounts(service)


def test_images_have_a_version_and_nothing_listens_to_the_world() -> None:
    for name, service in services().items():
        assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+", service["image"])
        addresses = [a.partition("=")[2] for a in service.get("command", ()) if "listen-address" in a]
        addresses += [v for k, v in service.get("environment", {}).items() if k == "GF_SERVER_HTTP_ADDR"]
        assert addresses, name
        assert all(address == "" or address.startswith("127.0.0.1") for address in addresses)


def test_grafana_finds_the_dashboards_and_opens_with_the_overview() -> None:
    grafana = services()["grafana"]
    assert mounts(grafana)[DASHBOARDS] == "./dashboards"
    (provider,) = read("provisioning/dashboards/recwatch.yaml")["providers"]
    assert provider["options"]["path"] == DASHBOARDS
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    file = GRAFANA / "dashboards" / home.removeprefix(DASHBOARDS + "/")
    assert json.loads(file.read_text("utf-8"))["uid"] == "recwatch-overview"
    assert grafana["image"].rpartition(":")[2].startswith("11.6."), "the SDK's"


def test_the_data_sources_are_where_the_servers_listen() -> None:
    sources = {s["type"]: s for s in read("provisioning/datasources/prometheus.yaml")["datasources"]}
    for name in ("prometheus", "alertmanager"):
        (listens,) = [a for a in services()[name]["command"] if a.startswith("--web.listen-address=")]
        assert sources[name]["url"] == "http://" + listens.partition("=")[2]
    interval = read("prometheus.yml")["global"]["scrape_interval"]
    assert sources["prometheus"]["jsonData"]["timeInterval"] == interval
    (job,) = read("prometheus.yml")["scrape_configs"]
    assert job["job_name"] == "recwatch", "what the rules select"
    (manager,) = read("prometheus.yml")["alerting"]["alertmanagers"][0]["static_configs"]
    assert [f"http://{target}" for target in manager["targets"]] == [sources["alertmanager"]["url"]]


@pytest.mark.needs("promtool")
def test_prometheus_takes_its_configuration(tmp_path: Path) -> None:
    inside = mounts(services()["prometheus"])
    config = read("prometheus.yml")
    config["rule_files"] = [str(GRAFANA / inside[path]) for path in config["rule_files"]]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    done = subprocess.run(
        ["promtool", "check", "config", tmp_path / "prometheus.yml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rules found" in done.stdout


@pytest.mark.needs("amtool")
def test_alertmanager_takes_its_configuration() -> None:
    done = subprocess.run(
        ["amtool", "check-config", GRAFANA / "alertmanager.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
