"""`init` and `check` on an object store: moto's server speaks S3."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from moto.server import ThreadedMotoServer
from pyarrow import fs

from monitor.cli.check import check
from monitor.cli.init import init
from monitor.config.loader import load
from monitor.logs.object_store import close_object_stores
from tests.monitor.inspect import shop_logs


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    close_object_stores()
    server.stop()


def test_init_and_check_on_s3(endpoint: str, tmp_path: Path) -> None:
    store = fs.S3FileSystem(
        endpoint_override=endpoint.removeprefix("http://"),
        scheme="http",
        region="us-east-1",
        allow_bucket_creation=True,
    )
    store.create_dir("shop")
    for hour in range(24):
        rows = shop_logs.long_rows(shop_logs.requests([hour], per_hour=40, seed=hour))
        pq.write_table(
            pa.Table.from_pylist(rows),
            f"shop/log/date=2026-03-02/hour={hour:02d}/a.parquet",
            filesystem=store,
        )
    config = tmp_path / "shop.yaml"
    options = ["s3://shop/log", "-o", str(config), "--endpoint", endpoint, "--region", "us-east-1"]
    said = CliRunner().invoke(init, options, catch_exceptions=False)
    assert said.exit_code == 0
    assert "s3:ListBucket on shop (prefix log), s3:GetObject on shop/log/*" in said.output
    recommender = load(config).recommenders[0]
    assert recommender.log.path == "s3://shop/log"
    assert recommender.log.endpoint == endpoint
    assert recommender.log.partitions == "date=%Y-%m-%d/hour=%H"
    plan = CliRunner().invoke(check, [str(config), "--plan"], catch_exceptions=False)
    assert plan.exit_code == 0
    assert "requests  about 960 a day, 5.0 items each" in plan.output
