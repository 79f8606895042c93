"""What Temper sends to make things at Runpod, in the words of REST v2.

Only fields that the published schemas of August and September 2026 both have: an unknown one is
refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.domain.pod import NewPod, PodTemplate


def new_pod(wanted: NewPod) -> dict[str, Any]:
    """The body of ``POST /v2/pods``. SSH and Jupyter are never started."""
    gpu: dict[str, Any] = {"id": wanted.gpu, "count": wanted.gpu_count}
    if wanted.min_cuda:
        gpu["minCudaVersion"] = wanted.min_cuda
    body: dict[str, Any] = {
        "name": wanted.name, "image": wanted.image, "gpu": gpu, "cloud": wanted.cloud,
        "disk": wanted.disk, "startSsh": False, "startJupyter": False,
    }  # fmt: skip
    if wanted.volume_id:
        mount = {"volumeId": wanted.volume_id, "path": wanted.volume_path}
        body["mounts"] = {"network": [mount]}
    optional = {
        "dataCenterIds": [place.upper() for place in wanted.data_centers],
        "ports": list(wanted.ports),
        "env": dict(wanted.env),
        "args": wanted.args,
        "registry": wanted.registry,
    }
    return body | {name: value for name, value in optional.items() if value}


def new_template(wanted: PodTemplate) -> dict[str, Any]:
    """The body of ``POST /v2/templates``: for pods with NVIDIA GPUs, private."""
    return template_fields(wanted) | {
        "name": wanted.name, "category": "NVIDIA", "public": False, "serverless": False,
        "startSsh": False, "startJupyter": False,
    }  # fmt: skip


def template_fields(wanted: PodTemplate) -> dict[str, Any]:
    """What of a template follows the configuration, and is changed when that changes.

    No registry is null: leaving it out would keep the login that a template had.
    """
    return {
        "image": wanted.image, "disk": wanted.disk, "ports": list(wanted.ports),
        "env": dict(wanted.env), "args": wanted.args, "registry": wanted.registry or None,
    }  # fmt: skip
