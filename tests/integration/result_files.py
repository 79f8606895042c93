"""What a finished run leaves, as small files that can be told from damaged ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"


def write_adapter(folder: Path, tensors: bytes = bytes(4096)) -> tuple[Path, Path]:
    """An adapter that is whole by its own account; the two files."""
    tensor = {"dtype": "U8", "shape": [len(tensors)], "data_offsets": [0, len(tensors)]}
    header = json.dumps({"lora": tensor}).encode()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).write_text("{}")
    (folder / WEIGHTS).write_bytes(len(header).to_bytes(8, "little") + header + tensors)
    return folder / WEIGHTS, folder / CONFIG
