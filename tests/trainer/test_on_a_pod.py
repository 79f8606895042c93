"""The real trainer under the real agent: sent there, interrupted, brought home, the same bytes."""

from __future__ import annotations

import hashlib
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from services.runpod.agent_files import Watch, download, upload
from services.runpod.agent_package import pack_code
from tests.integration.pod_world import ROOT, RUN, Pod, PodApi, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Lab

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="pods run Linux"),
]
HP: dict[str, Any] = {"epochs": 2.0, "save_steps": 4, "grad_accum": 2, "lora_dropout": 0.1}


def test_a_pods_adapter_is_the_local_one_also_after_its_host_died(
    lab: Lab, tiny_model: Path, tmp_path: Path
) -> None:
    here = lab.train(lab.job(RUN, hp=HP))
    job = json.loads((here.folder / "job.json").read_text())
    dataset = next((lab.root / "datasets").iterdir())
    code = tmp_path / "code.zip"
    code.write_bytes(pack_code(ROOT / "trainer_image"))
    volume = tmp_path / "volume"
    (volume / "models").mkdir(parents=True)
    (volume / "models" / "tiny").symlink_to(tiny_model)
    agent = [lab.python, "-u", "-m", "trainer_image.agent"]
    with PodApi() as api:
        pod = Pod(volume, api)
        pod.boot(*agent)
        try:
            with pod.client() as client:
                for path, name in ((dataset, f"datasets/{dataset.name}"), (code, "code/code.zip")):
                    upload(client, path, name, sha256(path), Watch())
                inputs = [f"datasets/{dataset.name}"]
                request = {"run_id": RUN, "job": job, "code": "code.zip", "inputs": inputs}
                client.start(request)
                wait_until(lambda: b'"checkpoint", "step": 4' in client.events(0).data, 120)
                pod.power_off()
                pod.boot(*agent)
                wait_until(lambda: client.status().phase != "running", 120)
                status = client.status()
                assert (status.phase, status.starts) == ("done", 2), client.log(0).data.decode()
                files = {entry.path.rpartition("/")[2]: entry for entry in client.artifacts()}
                target = tmp_path / "home" / "adapter_model.safetensors"
                download(client, files[target.name], target, Watch())
                client.acknowledge()
            assert api.deleted.wait(10)
        finally:
            pod.power_off()
    assert target.read_bytes() == here.adapter


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
