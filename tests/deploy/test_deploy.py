"""The unit, the container file and the manifest say what the command line, the daemon and each other understand."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.cli.check import check
from monitor.cli.run import run
from monitor.web import app

DEPLOY = Path(__file__).parents[2] / "deploy"
UNIT, CONTAINER, MANIFEST = (
    DEPLOY / name for name in ("recwatch.service", "Containerfile", "kubernetes.yaml")
)
CONFIG, PORT = "/etc/recwatch/recwatch.yaml", 10147


def parsed(arguments: list[str]) -> dict[str, Any]:
    """What the command line makes of the arguments of `recwatch run`; it refuses what it does not know."""
    assert arguments[0] == "run"
    return run.make_context("run", arguments[1:]).params


def unit(key: str) -> str:
    [value] = re.findall(rf"^{key}=(.*)$", UNIT.read_text(), re.M)
    return str(value)


def container(word: str) -> list[str]:
    return list(re.findall(rf"^{word} (.*)$", CONTAINER.read_text(), re.M))


def manifest(kind: str) -> dict[str, Any]:
    found: dict[str, Any]
    [found] = [d for d in yaml.safe_load_all(MANIFEST.read_text()) if d["kind"] == kind]
    return found


def test_the_unit_starts_what_there_is() -> None:
    program, *arguments = shlex.split(unit("ExecStart"))
    assert program == "/opt/recwatch/bin/recwatch"
    options = parsed(arguments)
    assert str(options["storage"]) == f"/var/lib/{unit('StateDirectory')}"
    assert str(options["config"]) == CONFIG
    _, first, *others = shlex.split(unit("ExecStartPre"))
    assert (first, str(check.make_context("check", others).params["config"])) == ("check", CONFIG)
    assert unit("RestartPreventExitStatus") == "2"  # a mistake in the configuration


@pytest.mark.needs("systemd-analyze")
def test_systemd_finds_little_exposed_in_the_unit() -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", UNIT],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    [level] = re.findall(r"Overall exposure level for recwatch.service: ([\d.]+)", done.stdout)
    assert float(level) < 2.0


@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize(
    ("old", "new", "remark"),
    [
        ("", "", ""),
        ("ProtectClock=", "ProtectClok=", "Unknown key 'ProtectClok' in section [Service], ignoring."),
        ("recwatch run", "recwatsh run", "Command /opt/recwatch/bin/recwatsh is not executable"),
    ],
    ids=["as it is", "a misspelt key", "another program"],
)
def test_systemd_reads_the_unit_without_a_remark(tmp_path: Path, old: str, new: str, remark: str) -> None:
    for program in ("opt/recwatch/bin/recwatch", "bin/kill"):
        path = tmp_path / program
        path.parent.mkdir(parents=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    installed = tmp_path / "etc/systemd/system" / UNIT.name
    installed.parent.mkdir(parents=True)
    installed.write_text(UNIT.read_text().replace(old, new))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", f"--root={tmp_path}", UNIT.name],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    if not remark:
        assert (done.returncode, said) == (0, "")
    else:
        assert done.returncode != 0
        assert remark in said


def test_the_container_runs_as_a_user_of_its_own_what_there_is() -> None:
    assert json.loads(container("ENTRYPOINT")[0]) == ["recwatch"]
    options = parsed(json.loads(container("CMD")[0]))
    assert str(options["config"]) == CONFIG
    assert [str(options["storage"])] == container("VOLUME")
    assert container("EXPOSE") == [str(PORT)] == [options["listen_address"].rpartition(":")[2]]
    assert int(container("USER")[0].partition(":")[0]) > 0


def test_what_git_ignores_is_in_no_image() -> None:
    ignored = {line.rstrip("/") for line in (DEPLOY.parent / ".gitignore").read_text().split()}
    left_out = (DEPLOY.parent / ".dockerignore").read_text()
    patterns = [line for line in left_out.splitlines() if line and not line.startswith("#")]
    for name in {".git", *ignored}:
        assert any(fnmatch(name, pattern.removeprefix("**/")) for pattern in patterns), name


def test_the_manifest_agrees_with_the_command_the_container_and_the_probes() -> None:
    spec = manifest("StatefulSet")["spec"]
    pod = spec["template"]["spec"]
    [only] = pod["containers"]
    options = parsed(only["args"])
    mounts = {m["mountPath"]: m for m in only["volumeMounts"]}
    volumes = {v["name"] for v in pod["volumes"]} | {
        c["metadata"]["name"] for c in spec["volumeClaimTemplates"]
    }
    assert {m["name"] for m in mounts.values()} == volumes
    assert str(options["config"].parent) in mounts
    assert str(options["storage"].parent) in mounts  # a volume's own folder may hold lost+found
    assert options["listen_address"] == f"0.0.0.0:{PORT}"
    assert [p["containerPort"] for p in only["ports"]] == [PORT]
    assert [p["port"] for p in manifest("Service")["spec"]["ports"]] == [PORT]
    served = Path(str(app.__file__)).read_text()
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert f'Route("{only[probe]["httpGet"]["path"]}"' in served
    assert spec["replicas"] == 1
    assert pod["securityContext"]["runAsUser"] == int(container("USER")[0].partition(":")[0])
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]


def test_a_volume_for_the_state_is_written_by_its_user_alone() -> None:
    context = manifest("StatefulSet")["spec"]["template"]["spec"]["containers"][0]["securityContext"]
    assert context["readOnlyRootFilesystem"] is True
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert "/tmp" in {
        m["mountPath"]
        for m in manifest("StatefulSet")["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
    }
