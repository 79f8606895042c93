"""``/v2/billing/pods``: what pods have cost, as far as it is billed yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulators.runpod.clock import read, written
from tests.emulators.runpod.problems import Refused

if TYPE_CHECKING:
    from tests.emulators.runpod.cloud import Cloud

_SECONDS = {
    "hour": 3600.0, "day": 86400.0, "week": 7 * 86400.0, "month": 30 * 86400.0,
    "year": 365 * 86400.0,
}  # fmt: skip
"""Months and years are not the calendar's here."""


def pods(cloud: Cloud, query: dict[str, str]) -> dict[str, Any]:
    """One record a pod, for the whole time that is asked for: of a pod it is not known when it
    cost what."""
    size = query.get("bucketSize", "day")
    begin, end = _window(cloud.clock.now(), _SECONDS[size], query)
    known = cloud.ended | {pod.id: pod.billed for pod in cloud.pods.values()}
    wanted = query.get("podId")
    billed = {
        pod_id: amount * cloud.faults.billed_share
        for pod_id, amount in known.items()
        if wanted in {None, pod_id} and cloud.faults.billed_share
    }
    times = {"startTime": written(begin), "endTime": written(end)}
    records = [times | {"podId": pod_id} | _amounts(one) for pod_id, one in billed.items()]
    return {
        "records": records,
        "metadata": {
            "query": times | {"bucketSize": size, "podId": wanted},
            "recordCount": len(records), "uniquePodCount": len(billed),
            "totals": _amounts(sum(billed.values())),
        },
    }  # fmt: skip


def _window(now: float, bucket: float, query: dict[str, str]) -> tuple[float, float]:
    """Whole buckets."""
    if "lastN" in query:
        if {"startTime", "endTime"} & set(query):
            raise Refused(400, "Give lastN or startTime and endTime, not both.")
        end = now // bucket * bucket + bucket
        return end - int(query["lastN"]) * bucket, end
    begin = read(query["startTime"]) if "startTime" in query else now - _SECONDS["month"]
    end = read(query["endTime"]) if "endTime" in query else now
    return begin // bucket * bucket, -(-end // bucket) * bucket


def _amounts(total: float) -> dict[str, float]:
    return {"totalAmount": total, "gpuAmount": total, "cpuAmount": 0.0, "diskAmount": 0.0}
