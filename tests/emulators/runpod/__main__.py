"""Starts the emulator by hand, and says how to point Temper at it."""

from __future__ import annotations

import argparse
import secrets
import threading

from tests.emulators.runpod.clock import Clock
from tests.emulators.runpod.cloud import Cloud, Key
from tests.emulators.runpod.emulator import RunpodEmulator


def main() -> None:
    """Run until Ctrl+C. Pods are processes of this computer, and end with it."""
    parser = argparse.ArgumentParser(prog="make cloud-emulator", description=main.__doc__)
    parser.add_argument("--speed", type=float, default=10.0, help="emulated seconds in a real one")
    parser.add_argument("--balance", type=float, default=25.0, help="the account's dollars")
    chosen = parser.parse_args()
    key, access, secret = (f"{name}_{secrets.token_hex(20)}" for name in ("rpa", "user", "rps"))
    cloud = Cloud(
        Clock(chosen.speed), keys={key: Key()}, s3_keys={access: secret}, balance=chosen.balance
    )
    with RunpodEmulator(cloud) as emulator:
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


if __name__ == "__main__":
    main()
