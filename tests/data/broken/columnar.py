"""Makes Parquet and Arrow files with the trainer's Python: ``columnar.py FOLDER``."""

import random
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
from pyarrow import ipc, parquet


def table(count):
    return pa.table(
        {
            "question": [f"What is {number}?" for number in range(count)],
            "answer": [f"Number {number}, hé." for number in range(count)],
        }
    )


def build(folder):
    parquet.write_table(table(3000), folder / "rows.parquet", row_group_size=700)
    parquet.write_table(table(5), folder / "wrong_name.csv")
    turns = [[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]] * 4
    parquet.write_table(pa.table({"messages": turns}), folder / "nested_lists.parquet")
    columns = [{"from": ["human", "gpt"], "value": ["a", "b"]}] * 4
    parquet.write_table(pa.table({"conversations": columns}), folder / "lists_of_fields.parquet")
    parquet.write_table(
        pa.table({"question": ["a", "b"], "answer": ["c", None]}), folder / "null_answer.parquet"
    )
    parquet.write_table(
        pa.table({"question": ["a"], "answer": ["c"], "image": [b"\x89PNG"]}),
        folder / "bytes.parquet",
    )
    twice = pa.table(
        [pa.array(["a"]), pa.array(["b"]), pa.array(["c"])], ["question", "answer", "question"]
    )
    parquet.write_table(twice, folder / "name_twice.parquet")
    odd = {
        "decimal": pa.array([Decimal("1.5"), None]),
        "time": pa.array([datetime(2020, 1, 1), None]),
        "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
        "inside": pa.array([{"x": [1, None]}, None]),
        "number": pa.array([float("nan"), 1.5]),
        "large": pa.array([2**64 - 1, None], pa.uint64()),
        "nothing": pa.nulls(2),
        "": pa.array(["a", "b"]).dictionary_encode(),
    }
    plain = table(2)
    arrays, names = [*plain.columns, *odd.values()], [*plain.column_names, *odd]
    parquet.write_table(pa.table(arrays, names), folder / "odd_types.parquet")
    whole = (folder / "rows.parquet").read_bytes()
    (folder / "torn.parquet").write_bytes(whole[: len(whole) // 2])
    with ipc.new_file(str(folder / "file.arrow"), table(1).schema) as writer:
        writer.write_table(table(3000))
    with ipc.new_stream(str(folder / "stream.arrow"), table(1).schema) as writer:
        writer.write_table(table(3000))
    draw = random.Random(0)
    long = [f"{number} " + draw.randbytes(500).hex() for number in range(24_000)]
    rows = pa.table({"question": [f"Q{n}" for n in range(24_000)], "answer": long})
    parquet.write_table(rows, folder / "of_25_megabytes.parquet", compression="none")


if __name__ == "__main__":
    build(Path(sys.argv[1]))
