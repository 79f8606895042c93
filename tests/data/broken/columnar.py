"""Makes Parquet and Arrow files with the trainer's Python: ``columnar.py FOLDER``."""

import random
import sys
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
