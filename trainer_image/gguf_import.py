"""Turn a Llama-architecture GGUF into a model folder that can be trained.

``python -m trainer_image.gguf_import SRC.gguf DEST_FOLDER`` prints one JSON object a line. The
folder appears under its name only when it is complete, and a second call finds it done.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from trainer_image.environment import prepare_process
from trainer_image.run_folder import write_json

MANIFEST = "temper-import.json"


def main(arguments: list[str] | None = None) -> int:
    """Convert; 0 when the folder is there, 1 with a sentence when it cannot be."""
    parser = argparse.ArgumentParser(prog="trainer_image.gguf_import", description=__doc__)
    parser.add_argument("source", type=Path, help="the GGUF file")
    parser.add_argument("folder", type=Path, help="the model folder to make")
    options = parser.parse_args(arguments)
    prepare_process(offline=True, use_gpu=False)
    try:
        convert(options.source, options.folder)
    except (OSError, ValueError) as error:
        _say("failed", message=str(error))
        return 1
    return 0


def convert(source: Path, folder: Path) -> None:
    """Make ``folder`` from ``source``, unless it was made from the very same bytes before."""
    _say("hashing")
    sha256 = _sha256(source)
    if _made_from(folder) == sha256:
        _say("done", folder=str(folder), unchanged=True)
        return
    if folder.exists() and not _made_from(folder):
        raise ValueError(f"{folder} exists and was not made by this program.")
    temporary = folder.with_name(f"{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    _write(source, temporary)
    write_json(temporary / MANIFEST, {"source": source.name, "source_sha256": sha256})
    for path in temporary.iterdir():
        path.chmod(0o644)  # safetensors writes for its owner only, and a container is another user
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)
    _say("done", folder=str(folder), unchanged=False)


def _write(source: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    _say("reading")
    place: dict[str, Any] = {"gguf_file": source.name}
    tokenizer = AutoTokenizer.from_pretrained(source.parent, **place)
    model = AutoModelForCausalLM.from_pretrained(source.parent, dtype=torch.bfloat16, **place)
    # WORKAROUND: a model read from GGUF still says that it is quantised and refuses to be saved.
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    take_special_tokens(source, tokenizer)
    _say("writing")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def take_special_tokens(source: Path, tokenizer: Any) -> None:
    """WORKAROUND: transformers 5.17 reads the end and padding tokens of a GGUF wrongly (it took
    SmolLM2's start-of-turn for its end), so they are set by the ids that the file gives."""
    from gguf import GGUFReader

    fields = GGUFReader(source).fields
    for name, key in {"bos_token": "bos", "eos_token": "eos", "pad_token": "padding"}.items():
        field = fields.get(f"tokenizer.ggml.{key}_token_id")
        if field is not None:
            setattr(tokenizer, name, tokenizer.convert_ids_to_tokens(int(field.contents())))


def _made_from(folder: Path) -> str:
    try:
        return str(json.loads((folder / MANIFEST).read_bytes())["source_sha256"])
    except (OSError, ValueError, KeyError):
        return ""


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _say(stage: str, **fields: Any) -> None:
    print(json.dumps({"stage": stage, **fields}), flush=True)  # noqa: T201 - the command's output


if __name__ == "__main__":
    sys.exit(main())
