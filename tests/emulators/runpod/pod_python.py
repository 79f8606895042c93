"""The Python of pods that are processes on a fast clock: the agent is real, the trainer stands in.

It is a virtual environment whose packages are there in name only, and whose ``sitecustomize`` is
:mod:`pod_site`.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.emulators.runpod.machines import ProcessMachine

if TYPE_CHECKING:
    from tests.emulators.runpod.clock import Clock

_HERE = Path(__file__).parent
_STACK = {
    "torch": "2.13.0", "transformers": "5.17.0", "trl": "1.14.0", "peft": "0.21.2",
    "accelerate": "1.15.0", "datasets": "4.8.5", "huggingface_hub": "1.33.0",
    "pydantic": "2.14.3", "bitsandbytes": "0.50.2", "wandb": "0.24.2",
}  # fmt: skip
"""What the image of the emulated pods holds, in name only."""
_GRACE = 0.2
"""Real seconds: on a fast clock already more than a pod is given."""


class PodPython:
    """Makes the machines of one cloud. ``standin`` may be changed for the pods to come."""

    def __init__(self, folder: Path, clock: Clock, **standin: Any) -> None:
        self.standin = standin
        self.python = _environment(folder / "pod-python")
        self._clock = folder / "clock"
        clock.share(self._clock)

    def machine(self) -> ProcessMachine:
        """For one pod."""
        how = json.dumps(self.standin).replace("{", "{{").replace("}", "}}")
        env = {
            "EMULATED_CLOCK": str(self._clock), "EMULATED_VOLUME": "{volume}", "STANDIN": how,
        }  # fmt: skip
        return ProcessMachine(str(self.python), env, grace=_GRACE)


def _environment(folder: Path) -> Path:
    """Its interpreter, with our own modules and nothing else."""
    base = Path(sys.base_prefix)
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = folder / "lib" / name / "site-packages"
    packages.mkdir(parents=True)
    (folder / "bin").mkdir()
    (folder / "pyvenv.cfg").write_text(
        f"home = {base / 'bin'}\ninclude-system-site-packages = false\n"
    )
    python = folder / "bin" / "python3"
    python.symlink_to(base / "bin" / name)
    shutil.copy(_HERE / "pod_site.py", packages / "sitecustomize.py")
    shutil.copy(_HERE / "standin.py", packages / "standin.py")
    for name, version in _STACK.items():
        _hold(packages, name, version)
    return python


def _hold(packages: Path, name: str, version: str) -> None:
    """Let the image say that it has a library: its agent is asked, and imports none of it."""
    (packages / name).mkdir()
    (packages / name / "__init__.py").touch()
    info = packages / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
