"""Runpod's REST API v2 as far as Temper uses it, and the one GraphQL query that it has no
counterpart for (the balance)."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import quote

from models.domain.pod import Balance
from services.runpod import answers, bodies
from services.runpod.refusals import BAD_ANSWER, NOT_FOUND, RunpodError, unclear
from services.runpod.transport import Transport
from services.web import anything_goes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from models.domain.gpu_offer import GpuOffer
    from models.domain.pod import DataCenter, NetworkVolume, NewPod, Pod, PodTemplate
    from services.runpod.addresses import Addresses
    from services.runpod.answers import Json

MOST_PAGES = 100
_Made = TypeVar("_Made")
_BALANCE = "query { myself { clientBalance currentSpendPerHr spendLimit } }"


class RunpodClient:
    """One account. Blocking: half a minute a call and about two with all its retries.

    May be shared by threads. Every method raises RunpodError (:mod:`services.runpod.refusals`) or
    AppError (``network``, ``timeout``, ``certificate``, ``proxy``). What makes something raises
    the kind ``create_unclear`` where it may have been made: then look by its name, never repeat.
    ``guard`` is called before each call and raises where it may not be made.
    """

    def __init__(
        self,
        key: str,
        where: Addresses | None = None,
        *,
        pause: Callable[[float], None] = time.sleep,
        guard: Callable[[], None] = anything_goes,
    ) -> None:
        self.transport = Transport(key, where, pause=pause, guard=guard)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connections; a later call opens new ones."""
        self.transport.close()

    def pods(self) -> tuple[Pod, ...]:
        """Every pod of the account, whoever made it."""
        return tuple(map(answers.pod, self._pages("/pods", "pods", "list the account's pods")))

    def pod(self, pod_id: str) -> Pod | None:
        """One pod as it is now; None when there is none of that name any more."""
        try:
            return answers.pod(
                self.transport.call("GET", f"/pods/{_safe(pod_id)}", "look at the pod")
            )
        except RunpodError as error:
            if error.kind == NOT_FOUND:
                return None
            raise

    def age(self, pod_id: str) -> float | None:
        """Seconds since a pod was made, by Runpod's clock alone; None where it does not say, or
        there is no such pod."""
        try:
            content, now = self.transport.dated(f"/pods/{_safe(pod_id)}", "look at the pod")
        except RunpodError as error:
            if error.kind == NOT_FOUND:
                return None
            raise
        created = answers.pod(content).created
        return None if now is None or created is None else (now - created).total_seconds()

    def create_pod(self, wanted: NewPod) -> Pod:
        """Rent. Further kinds: ``no_capacity``, ``no_balance``, ``refused``."""
        return self._made("/pods", "rent a pod", bodies.new_pod(wanted), answers.pod)

    def end_pod(self, pod_id: str) -> bool:
        """Delete a pod; whether it was there. One that is not is deleted. Its network volume
        stays."""
        try:
            self.transport.call("DELETE", f"/pods/{_safe(pod_id)}", "end the pod")
        except RunpodError as error:
            if error.kind != NOT_FOUND:
                raise
            return False
        return True

    def restart_pod(self, pod_id: str) -> None:
        """Start a pod's container anew: its disk is empty then, its network volume stays. Further
        kinds: ``conflict`` where nothing runs, ``not_found``."""
        path = f"/pods/{_safe(pod_id)}/action"
        self.transport.call("POST", path, "restart the pod", body={"action": "restart"})

    def is_gone(self, pod_id: str) -> bool:
        """Whether a pod neither answers nor is listed: only both together are a proof."""
        return self.pod(pod_id) is None and all(one.id != pod_id for one in self.pods())

    def volumes(self) -> tuple[NetworkVolume, ...]:
        """The account's network volumes."""
        found = self._pages("/network-volumes", "networkVolumes", "list the network volumes")
        return tuple(map(answers.volume, found))

    def create_volume(self, name: str, data_center: str, size: int) -> NetworkVolume:
        """Make a volume of ``size`` GB. Its name need not be the only one: look first."""
        body = {"name": name, "dataCenter": data_center.upper(), "size": size}
        return self._made("/network-volumes", "make a network volume", body, answers.volume)

    def grow_volume(self, volume_id: str, size: int) -> NetworkVolume:
        """Make a volume larger; Runpod refuses to make it smaller."""
        path, what = f"/network-volumes/{_safe(volume_id)}", "enlarge the network volume"
        return answers.volume(self.transport.call("PATCH", path, what, body={"size": size}))

    def templates(self) -> tuple[PodTemplate, ...]:
        """The account's own templates."""
        found = self._pages("/templates", "templates", "list the templates")
        return tuple(map(answers.template, found))

    def create_template(self, wanted: PodTemplate) -> PodTemplate:
        """Make a template for pods."""
        body = bodies.new_template(wanted)
        return self._made("/templates", "make a template", body, answers.template)

    def update_template(self, template_id: str, changes: Mapping[str, Any]) -> PodTemplate:
        """Change some fields of a template; ``env`` is replaced as a whole."""
        path, what = f"/templates/{_safe(template_id)}", "change the template"
        return answers.template(self.transport.call("PATCH", path, what, body=changes))

    def offers(self, cloud: str, count: int = 1, min_cuda: str = "") -> tuple[GpuOffer, ...]:
        """The GPU types of one cloud, with the stock for ``count`` of them in one pod."""
        query = {"include": "AVAILABILITY", "product": "POD", "cloud": cloud, "count": str(count)}
        if min_cuda:
            query["minCudaVersion"] = min_cuda
        found = self._pages("/catalog/gpus", "gpus", "list the GPUs", query)
        return tuple(made for one in found if (made := answers.offer(one, cloud)) is not None)

    def data_centers(self) -> tuple[DataCenter, ...]:
        """Runpod's places, with what GPUs they have."""
        query = {"include": "GPU_AVAILABILITY"}
        found = self._pages("/catalog/datacenters", "dataCenters", "list the data centres", query)
        return tuple(map(answers.data_center, found))

    def balance(self) -> Balance:
        """The account's money."""
        data = self.transport.ask_graphql(_BALANCE, "tell the balance")
        account = answers.account(data)
        limit = account.get("spendLimit")
        return Balance(
            float(account.get("clientBalance") or 0),
            float(account.get("currentSpendPerHr") or 0),
            None if limit is None else float(limit),
        )

    def billed(self, pod_id: str, since: float, until: float) -> float | None:
        """Dollars that Runpod billed for a pod between two moments (seconds since 1970); None
        while it has no bill for it: bills come hours late."""
        query = {
            "podId": pod_id, "bucketSize": "hour",
            "startTime": _hour(since), "endTime": _hour(until + 3600),
        }  # fmt: skip
        found = self._pages("/billing/pods", "records", "tell what the pod cost", query)
        return answers.billed(found, pod_id)

    def _made(self, path: str, what: str, body: Json, read: Callable[[Json], _Made]) -> _Made:
        """What was made. An answer that nobody understands does not say that nothing was."""
        try:
            return read(self.transport.call("POST", path, what, body=body))
        except RunpodError as error:
            if error.kind != BAD_ANSWER:
                raise
            raise unclear(error, what) from None

    def _pages(
        self, path: str, name: str, what: str, query: Mapping[str, str] | None = None
    ) -> list[Json]:
        """All of a list. Since September 2026 pods and templates come in pages; everything else,
        and everything before, comes at once and names no next page."""
        found: list[Json] = []
        asked = dict(query or {})
        for _ in range(MOST_PAGES):
            content = self.transport.call("GET", path, what, query=asked)
            found += answers.objects(content, name)
            pages = content.get("pagination")
            pages = pages if isinstance(pages, dict) else {}
            cursor = pages.get("nextCursor")
            if not cursor or pages.get("hasNextPage") is False:
                break
            asked["cursor"] = str(cursor)
        return found


def _hour(moment: float) -> str:
    """The full hour before a moment, as the API writes moments: bills are by the hour."""
    hour = datetime.fromtimestamp(moment // 3600 * 3600, UTC)
    return hour.strftime("%Y-%m-%dT%H:%M:%SZ")


def _safe(name: str) -> str:
    """An id as a part of a path: one that a user typed must not lead elsewhere."""
    return quote(name, safe="")
