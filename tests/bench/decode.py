"""The limit: a process that decodes the columns of a log and does nothing else.

python -m tests.bench.decode LOG.parquet

Texts come as dictionary codes, as far as that is for free; request ids are almost all different and come as they are.
"""

import sys

import pyarrow as pa
import pyarrow.parquet as pq

THREADS = 2


def main(path: str) -> None:
    pa.set_cpu_count(THREADS)
    schema = pq.read_schema(path)
    coded = [field.name for field in schema if field.type == pa.string() and field.name != "request_id"]
    coded += [f"{field.name}.list.element" for field in schema if field.type == pa.list_(pa.string())]
    print(pq.read_table(path, read_dictionary=coded).num_rows, "rows")


if __name__ == "__main__":
    main(sys.argv[1])
