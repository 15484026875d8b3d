"""Files: what cannot be read, where relative paths start, when a file has changed."""

import os
from pathlib import Path

import pytest

from monitor.config.loader import ConfigFile, load
from monitor.errors import UserError

SHOP = "recommenders: [{name: shop, log: {path: %s, columns: {timestamp: t, item: i}}, catalog: {path: items.csv}}]\n"


def write(path: Path, log: str = "logs/shop") -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(SHOP % log)
    return path


def told(path: Path) -> str:
    with pytest.raises(UserError) as error:
        load(path)
    return str(error.value)


def test_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    assert told(path) == f"{path}: no such file; name a configuration, or write one with recwatch init"


def test_folder(tmp_path: Path) -> None:
    assert told(tmp_path) == f"{tmp_path}: is a folder; name the configuration file in it"


def test_unreadable_file(tmp_path: Path) -> None:
    loop = tmp_path / "shop.yaml"
    loop.symlink_to(loop)
    assert told(loop) == f"{loop}: cannot be read (Too many levels of symbolic links); check its permissions"


def test_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_bytes("recommenders:\n- name: Zürich\n".encode("latin-1"))
    assert told(path) == f"{path}:2: not UTF-8 text; save the file as UTF-8"


def test_larger_than_a_configuration(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_bytes("ü".encode() * 600_000)
    assert told(path) == f"{path}: larger than 1000 kB; a configuration is not, is it the right file?"


def test_mistakes_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text("recommenders:\n- nmae: shop\n")
    assert told(path).splitlines() == [
        f"{path}:2: recommenders[0].log: required, and not given: Its prediction log.",
        f"{path}:2: recommenders[0].name: required, and not given: Unique; the label `recommender` of every metric.",
        f'{path}:2: recommenders[0].nmae: unknown key; did you mean "name"?',
    ]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("logs/shop", "{}/conf/logs/shop"),
        ("./logs//shop/", "{}/conf/logs/shop"),
        ("../logs", "{}/logs"),
        ("/srv/logs", "/srv/logs"),
        ("s3://bucket/../logs", "s3://bucket/../logs"),
    ],
)
def test_relative_paths_start_at_the_folder_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, meant: str
) -> None:
    write(tmp_path / "conf" / "shop.yaml", written)
    monkeypatch.chdir(tmp_path)
    [shop] = load(Path("conf/shop.yaml")).recommenders
    assert shop.log.path == meant.format(os.path.realpath(tmp_path))
    assert shop.catalog
    assert shop.catalog.path == f"{os.path.realpath(tmp_path)}/conf/items.csv"


def test_relative_paths_of_overrides(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(
        "recommenders: [{name: shop, split_by: s, log: {path: a, columns: {timestamp: t, item: i}}}]\n"
        "overrides: {shop/x: {log: {path: b}}}\n"
    )
    [shop] = load(path).recommenders
    assert shop.overrides == {"shop/x": {"log": {"path": f"{os.path.realpath(tmp_path)}/b"}}}


def test_changed_follows_the_content(tmp_path: Path) -> None:
    file = ConfigFile(write(tmp_path / "shop.yaml"))
    assert file.changed()
    file.load()
    assert not file.changed()
    os.utime(file.path, (0, 0))
    assert not file.changed()
    write(file.path, "logs/other")
    assert file.changed()
    assert file.load().recommenders[0].log.path.endswith("logs/other")
    assert not file.changed()


def test_a_wrong_file_has_changed_once(tmp_path: Path) -> None:
    file = ConfigFile(write(tmp_path / "shop.yaml"))
    file.load()
    file.path.write_text("recommenders: 5\n")
    assert file.changed()
    with pytest.raises(UserError):
        file.load()
    assert not file.changed()
    file.path.unlink()
    assert file.changed()


def test_a_moved_symbolic_link_is_a_change(tmp_path: Path) -> None:
    """A Kubernetes ConfigMap: shop.yaml -> ..data/shop.yaml, and ..data is replaced."""
    for version in ("1", "2"):
        write(tmp_path / version / "shop.yaml", f"/logs/{version}")
        os.utime(tmp_path / version / "shop.yaml", (0, 0))
    data, file = tmp_path / "..data", ConfigFile(tmp_path / "shop.yaml")
    data.symlink_to(tmp_path / "1")
    file.path.symlink_to("..data/shop.yaml")
    assert file.load().recommenders[0].log.path == "/logs/1"
    (tmp_path / "new").symlink_to(tmp_path / "2")
    (tmp_path / "new").replace(data)
    assert file.changed()
    assert file.load().recommenders[0].log.path == "/logs/2"
