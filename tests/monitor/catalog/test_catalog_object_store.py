"""A catalogue in an object store, reached as the log is: moto's server speaks S3."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto.server import ThreadedMotoServer
from pyarrow import fs

from monitor.catalog import CatalogFile
from monitor.config.models import CatalogConfig, Columns, LogConfig
from monitor.errors import LogError
from monitor.logs.object_store import close_object_stores


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture(autouse=True)
def files(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[fs.S3FileSystem]:
    for name, value in (("ACCESS_KEY_ID", "testing"), ("SECRET_ACCESS_KEY", "testing")):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    urllib.request.urlopen(urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST")).close()
    store = fs.S3FileSystem(
        endpoint_override=endpoint.removeprefix("http://"), scheme="http", region="us-east-1",
        allow_bucket_creation=True,
    )  # fmt: skip
    store.create_dir("shop")
    yield store
    close_object_stores()


def catalogue(path: str, endpoint: str) -> CatalogFile:
    columns = Columns(timestamp="ts", item="item")
    log = LogConfig(path="/var/log/shop", columns=columns, endpoint=endpoint, region="us-east-1")
    return CatalogFile(CatalogConfig(path=path, columns={"blocked": "off"}), log)


def write(store: fs.S3FileSystem, n: int) -> None:
    table = pa.table({"item_id": [f"sku-{i}" for i in range(n)], "off": [i == 0 for i in range(n)]})
    pq.write_table(table, "shop/items.parquet", filesystem=store)


def test_parquet_and_its_next_version(files: fs.S3FileSystem, endpoint: str) -> None:
    write(files, 5)
    file = catalogue("s3://shop/items.parquet", endpoint)
    found = file.read()
    assert len(found.catalog) == 5
    assert found.catalog.blocked is not None
    assert found.catalog.blocked.sum() == 1
    assert found.modified_us > 0
    write(files, 9)
    assert len(file.read().catalog) == 9


def test_json_lines(files: fs.S3FileSystem, endpoint: str) -> None:
    lines = "".join(json.dumps({"item_id": i, "off": i > 1}) + "\n" for i in range(3))
    with files.open_output_stream("shop/items.jsonl") as out:
        out.write(lines.encode())
    found = catalogue("s3://shop/items.jsonl", endpoint).read()
    assert found.in_other_form.keys.shape == (3,)
    assert found.catalog.blocked is not None
    assert found.catalog.blocked.sum() == 1


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("s3://shop/nothing.parquet", "does not exist: check catalog.path"),
        ("s3://shop", "is a folder: name a file in catalog.path"),
    ],
)
def test_missing(endpoint: str, path: str, why: str) -> None:
    with pytest.raises(LogError) as error:
        catalogue(path, endpoint).read()
    assert str(error.value) == f"catalogue {path}: {why}"
