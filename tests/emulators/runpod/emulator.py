"""Runpod on this computer: REST v2, the balance, the proxy and S3, with pods that really run.

Nothing here imports the program: the two can only agree through HTTP. What it knows of Runpod is
its documentation of August and September 2026; nothing was checked against the live service.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from tests.emulators.runpod import graphql, proxy
from tests.emulators.runpod.api import Api
from tests.emulators.runpod.cloud import Cloud, Key
from tests.emulators.runpod.problems import Refused
from tests.emulators.runpod.s3 import RunpodS3
from tests.emulators.server import Emulator, Reply

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.emulators.runpod.faults import Fault, Faults
    from tests.emulators.server import Request

TRAINER = "docker.io/sbussiso/unsloth-trainer:latest"
"""The image that is there from the beginning: it needs CUDA 12.8 and by itself does nothing."""
_TICK = 0.02
"""Real seconds between looks at pods that nobody asks about."""


class RunpodEmulator(Emulator):
    """One account. Use it as a context manager; ``environment`` points a program at it."""

    def __init__(self, cloud: Cloud | None = None, *, august: bool = False) -> None:
        super().__init__()
        self.cloud = cloud or Cloud()
        self.cloud.add_image(TRAINER, cuda="12.8")
        self.api = Api(self.cloud, self._closing.is_set, august)
        self.s3 = RunpodS3(self.cloud)
        self._ticker = threading.Thread(target=self._tick)

    @classmethod
    def with_keys(cls, keys: Iterable[str], restricted: Iterable[str] = ()) -> Self:
        """An account that is known by these keys; the restricted ones may not see its pods."""
        known = {key: Key() for key in keys} | {key: Key(is_restricted=True) for key in restricted}
        return cls(Cloud(keys=known))

    @property
    def broken(self) -> Faults:
        """What goes wrong on purpose."""
        return self.cloud.faults

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which a program finds the emulator instead of Runpod."""
        return {
            "RUNPOD_REST_URL": self.url, "RUNPOD_GRAPHQL_URL": f"{self.url}/graphql",
            "RUNPOD_PROXY_TEMPLATE": f"{self.url}/proxy/{{pod}}/{{port}}",
            "RUNPOD_S3_TEMPLATE": self.s3.url,
        }  # fmt: skip

    def __enter__(self) -> Self:
        super().__enter__()
        self.s3.__enter__()
        self.cloud.own_urls |= {
            "RUNPOD_REST_URL": self.url, "RUNPOD_API_BASE_URL": self.url,
            "TEMPER_REST_URL": f"{self.url}/v2",
        }  # fmt: skip
        self._ticker.start()
        return self

    def __exit__(self, *ended: object) -> None:
        super().__exit__(*ended)
        self.s3.__exit__(*ended)
        self._ticker.join()
        self.cloud.close()

    def discard(self) -> None:
        super().discard()
        self.s3.discard()
        self.cloud.close()

    def answer(self, request: Request) -> Reply | None:
        """By the path: ``/v2``, ``/graphql``, ``/proxy``."""
        fault = self.broken.take(f"{request.method} {request.target}")
        if fault is None or fault.is_cut:
            return self._answer(request, fault)
        if fault.after:
            self._answer(request, None)
        if fault.silence is not None:
            self._closing.wait(self.cloud.clock.real(fault.silence))
            return None
        return _broken(fault)

    def end_in_console(self, pod_id: str) -> None:
        """Somebody deletes a pod on Runpod's web site."""
        self.cloud.end_pod(pod_id)

    def host_dies(self, pod_id: str) -> None:
        """The computer that a pod is on is dead; the API goes on to call it RUNNING."""
        with self.cloud.lock:
            self.cloud.pods[pod_id].die()

    def _answer(self, request: Request, fault: Fault | None) -> Reply | None:
        if request.target.startswith("/proxy/"):
            return proxy.answer(self.cloud, request, fault)
        if request.target == "/graphql":
            return graphql.answer(self.cloud, request)
        if request.target.startswith("/v2/"):
            return self.api.answer(request)
        return Refused(404, "No such resource.").reply()

    def _tick(self) -> None:
        while not self._closing.wait(_TICK):
            self.cloud.advance()


def _broken(fault: Fault) -> Reply:
    if fault.status in {402, 403, 429}:
        reply = Refused(fault.status, fault.body).reply()
        if fault.retry_after is not None:
            reply.headers["Retry-After"] = str(fault.retry_after)
        return reply
    return Reply(fault.status, fault.body.encode())
