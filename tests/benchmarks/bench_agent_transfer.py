"""A file to a pod's agent and back through a proxy that cuts ten times each way.

    python tests/benchmarks/bench_agent_transfer.py [megabytes]

The agent is the real one in a process of its own, and so is the client; the most memory that either
ever held is read from the kernel. Prints JSON; exits 1 when that is more than LIMIT_MB, or when the
file did not come back as it went.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

LIMIT_MB = 50.0
CUTS = 10
_MEGABYTE = 1_000_000
_TARGET = "back.bin"


def measure(megabytes: int, folder: Path) -> dict[str, float]:
    """Seconds of both ways, and the peaks of memory in MB."""
    from tests.integration.pod_world import TOKEN, CuttingProxy, Pod, PodApi, start, wait_until

    source = folder / "source.bin"
    sha256 = _make(source, megabytes)
    volume = folder / "volume"
    volume.mkdir()
    step = megabytes * _MEGABYTE * 2 // (2 * CUTS + 1)
    with (
        PodApi() as api,
        Pod(volume, api) as pod,
        CuttingProxy(pod.port, [step] * (2 * CUTS)) as proxy,
    ):
        with start(pod, steps=1) as client:
            wait_until(lambda: client.status().phase == "done")
        command = [sys.executable, __file__, "--client", proxy.url, TOKEN, str(source), sha256]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found = json.loads(done.stdout)
        found["agent_peak_mb"] = _peak(pod.inner.pid)
        found["cuts"] = 2 * CUTS - len(proxy.cuts)
    assert _hash(folder / _TARGET) == sha256
    return dict(found)


def _be_client(url: str, token: str, source: Path, sha256: str) -> dict[str, float]:
    from services.runpod.agent_client import AgentClient
    from services.runpod.agent_files import Watch, download, upload

    found = {"client_at_start_mb": _peak(os.getpid())}
    with AgentClient(url, token) as client:
        began = time.monotonic()
        # Where the run's output is, so that the same file can be had back as its artifact.
        upload(client, source, "datasets/source.bin", sha256, Watch())
        found["upload_seconds"] = time.monotonic() - began
        _publish(source)
        artifacts = {entry.path: entry for entry in client.artifacts()}
        began = time.monotonic()
        artifact = artifacts["outputs/x/source.bin"]
        download(client, artifact, source.with_name(_TARGET), Watch())
        found["download_seconds"] = time.monotonic() - began
    found["client_peak_mb"] = _peak(os.getpid())
    return found


def _publish(source: Path) -> None:
    """What was uploaded becomes something that the run has made."""
    volume = source.parent / "volume"
    (volume / "datasets" / "source.bin").rename(volume / "outputs" / "x" / "source.bin")


def _make(path: Path, megabytes: int) -> str:
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for _ in range(megabytes):
            piece = os.urandom(_MEGABYTE)
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _peak(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    peak = next(line for line in lines if line.startswith("VmHWM"))
    return int(peak.split()[1]) * 1024 / _MEGABYTE


def main() -> int:
    """Measure, print, judge."""
    if sys.argv[1:2] == ["--client"]:
        url, token, source, sha256 = sys.argv[2:6]
        print(json.dumps(_be_client(url, token, Path(source), sha256)))
        return 0
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as folder:
        found = measure(megabytes, Path(folder))
    print(json.dumps({"megabytes": megabytes} | found, indent=1))
    return int(max(found["agent_peak_mb"], found["client_peak_mb"]) > LIMIT_MB)


if __name__ == "__main__":
    sys.exit(main())
