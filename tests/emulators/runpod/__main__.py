"""Starts the emulator by hand, and says how to point Temper at it."""

from __future__ import annotations

import argparse
import secrets
import tempfile
import threading
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.emulators.runpod.clock import Clock
from tests.emulators.runpod.cloud import Cloud, Key
from tests.emulators.runpod.emulator import RunpodEmulator
from tests.emulators.runpod.machines import ProcessMachine
from tests.emulators.runpod.pod_python import PodPython

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulators.runpod.machines import Machine


def main() -> None:
    """Run until Ctrl+C. Pods end with it. What trains in them is a stand-in that takes seconds,
    unless a Python or an image with the trainer's libraries is named: then time is the real one."""
    chosen = _arguments()
    is_real = bool(chosen.python or chosen.image)
    key, access, secret = (f"{name}_{secrets.token_hex(20)}" for name in ("rpa", "user", "rps"))
    cloud = Cloud(
        Clock(1.0 if is_real else chosen.speed), keys={key: Key()}, s3_keys={access: secret},
        balance=chosen.balance,
    )  # fmt: skip
    with ExitStack() as stack:
        cloud.machine = _machine(chosen, cloud, stack)
        emulator = stack.enter_context(RunpodEmulator(cloud))
        for name, value in emulator.environment.items():
            print(f"export {name}='{value}'")
        print(f"export RUNPOD_API_KEY={key}")
        print(f"export RUNPOD_S3_ACCESS_KEY={access}")
        print(f"export RUNPOD_S3_SECRET_KEY={secret}", flush=True)
        print("# Paste the lines above into another terminal, and start Temper there.", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("# All pods are ended.")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make cloud-emulator", description=main.__doc__)
    parser.add_argument("--speed", type=float, default=10.0, help="emulated seconds in a real one")
    parser.add_argument("--balance", type=float, default=25.0, help="the account's dollars")
    real = parser.add_mutually_exclusive_group()
    real.add_argument("--python", default="", help="pods are processes that run by this Python")
    real.add_argument("--image", default="", help="pods are containers of this local Docker image")
    return parser.parse_args()


def _machine(chosen: argparse.Namespace, cloud: Cloud, stack: ExitStack) -> Callable[[], Machine]:
    """What a pod is."""
    if chosen.image:
        import docker

        from tests.emulators.runpod.containers import ContainerMachine

        return partial(ContainerMachine, docker.from_env(), chosen.image)
    if chosen.python:
        return partial(ProcessMachine, chosen.python)
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="pod-python-"))
    return PodPython(Path(folder), cloud.clock, step_seconds=5.0).machine


if __name__ == "__main__":
    main()
