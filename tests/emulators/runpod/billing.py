"""``/v2/billing/pods``: what pods have cost, as far as it is billed yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulators.runpod.clock import read, written
from tests.emulators.runpod.problems import Refused

if TYPE_CHECKING:
    from tests.emulators.runpod.cloud import Cloud

_BUCKETS = {"hour", "day", "week", "month", "year"}
_MONTH = 30 * 86400.0


def pods(cloud: Cloud, query: dict[str, str]) -> dict[str, Any]:
    """One record a pod, for the whole time that is asked for."""
    if query.get("bucketSize", "day") not in _BUCKETS:
        raise Refused(422, "bucketSize: value must be one of hour, day, week, month, year")
    now = cloud.clock.now()
    try:
        begin = read(query["startTime"]) if "startTime" in query else now - _MONTH
        end = read(query["endTime"]) if "endTime" in query else now
    except ValueError:
        raise Refused(422, "startTime and endTime must be moments as of RFC 3339.") from None
    known = cloud.ended | {pod.id: pod.billed for pod in cloud.pods.values()}
    wanted = query.get("podId")
    billed = {
        pod_id: amount * cloud.faults.billed_share
        for pod_id, amount in known.items()
        if wanted in {None, pod_id} and cloud.faults.billed_share
    }
    times = {"startTime": written(begin), "endTime": written(end)}
    records = [times | {"podId": pod_id} | _amounts(one) for pod_id, one in billed.items()]
    totals = _amounts(sum(billed.values()))
    return {
        "records": records,
        "metadata": times | {
            "recordCount": len(records), "uniquePodCount": len(billed), "totals": totals,
        },
    }  # fmt: skip


def _amounts(total: float) -> dict[str, float]:
    return {"totalAmount": total, "gpuAmount": total, "cpuAmount": 0.0, "diskAmount": 0.0}
