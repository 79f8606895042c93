"""The agent and the trainer's code as they travel to a pod, whose image may have only a Python."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

AGENT_VARIABLE = "TEMPER_AGENT"
LARGEST_AGENT = 50_000
"""Bytes of the variable: Runpod takes 102,400 for a whole request."""
_ALWAYS = (1980, 1, 1, 0, 0, 0)
"""One date for all files: the same code is the same archive."""
_BOOTSTRAP = f"""\
import base64, os, sys, tempfile
path = os.path.join(tempfile.mkdtemp(prefix="temper-agent-"), "agent.zip")
with open(path, "wb") as file:
    file.write(base64.b64decode(os.environ.pop("{AGENT_VARIABLE}")))
os.environ["PYTHONPATH"] = path
os.execv(sys.executable, [sys.executable, "-u", "-m", "trainer_image.agent"])
"""


def agent_variable(trainer_image: Path) -> str:
    """The agent for the pod's environment, from the folder of its modules."""
    asked = [trainer_image / name for name in ("__init__.py", "image_facts.py")]
    packed = _zip([*asked, *sorted(trainer_image.glob("agent*.py"))])
    return base64.b64encode(packed).decode()


def agent_args() -> str:
    """The ``args`` of a pod that runs the agent, whatever its image would have started."""
    return json.dumps({"entrypoint": ["python3", "-u", "-c"], "cmd": [_BOOTSTRAP]})


def pack_code(trainer_image: Path) -> bytes:
    """The trainer's code as the agent takes it (``code/NAME``)."""
    return _zip(sorted(trainer_image.glob("*.py")))


def _zip(files: Iterable[Path]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in files:
            info = zipfile.ZipInfo(f"trainer_image/{file.name}", _ALWAYS)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, file.read_bytes())
    return packed.getvalue()
