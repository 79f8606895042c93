"""Where Runpod is reached. Each address can be set by a variable: for a test, or a mirror."""

from __future__ import annotations

import os
from dataclasses import dataclass

REST_VARIABLE = "RUNPOD_REST_URL"
GRAPHQL_VARIABLE = "RUNPOD_GRAPHQL_URL"
PROXY_VARIABLE = "RUNPOD_PROXY_TEMPLATE"
CONSOLE_VARIABLE = "RUNPOD_CONSOLE_URL"
S3_VARIABLE = "RUNPOD_S3_TEMPLATE"
_REST = "https://api.runpod.io"
_GRAPHQL = "https://api.runpod.io/graphql"
_PROXY = "https://{pod}-{port}.proxy.runpod.net"
_CONSOLE = "https://console.runpod.io"
_S3 = "https://s3api-{dc}.runpod.io"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Of the account's API, of the balance, of what runs in a pod (``{pod}``, ``{port}``), and of
    network volumes without a pod (``{dc}``)."""

    rest: str = _REST
    graphql: str = _GRAPHQL
    proxy: str = _PROXY
    console: str = _CONSOLE
    s3: str = _S3

    def in_pod(self, pod_id: str, port: int) -> str:
        """Where a pod's HTTP port is reached from outside."""
        return self.proxy.replace("{pod}", pod_id).replace("{port}", str(port)).rstrip("/")

    def volumes_in(self, data_center: str) -> str:
        """Where the S3 service of a data centre's network volumes is."""
        return self.s3.replace("{dc}", data_center.lower())

    def pod_page(self, pod_id: str) -> str:
        """The pod in Runpod's console, for a browser."""
        return f"{self.console}/pods?id={pod_id}"


def addresses() -> Addresses:
    """As they are set now."""
    return Addresses(
        _address(REST_VARIABLE, _REST),
        _address(GRAPHQL_VARIABLE, _GRAPHQL),
        _address(PROXY_VARIABLE, _PROXY),
        _address(CONSOLE_VARIABLE, _CONSOLE),
        _address(S3_VARIABLE, _S3),
    )


def _address(variable: str, default: str) -> str:
    return (os.environ.get(variable) or default).rstrip("/")
