"""The limit: decode the columns of a log and do nothing else, with two threads.

python -m tests.bench.decode LOG

Texts come as dictionary codes, as far as that is for free; request ids are almost all different and come as they are.
"""

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

THREADS = 2


def decode(log: Path) -> int:
    """Decode a file, or all files of a folder; returns the number of rows."""
    pa.set_cpu_count(THREADS)
    files = sorted(log.glob("*.parquet")) if log.is_dir() else [log]
    schema = pq.read_schema(files[0])
    coded = [field.name for field in schema if field.type == pa.string() and field.name != "request_id"]
    coded += [f"{field.name}.list.element" for field in schema if field.type == pa.list_(pa.string())]
    return sum(pq.read_table(file, read_dictionary=coded).num_rows for file in files)


if __name__ == "__main__":
    print(decode(Path(sys.argv[1])), "rows")
