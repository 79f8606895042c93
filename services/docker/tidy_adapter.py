"""WORKAROUND: the SDK leaves a socket open whenever an engine does not answer; this closes it.

Imports the SDK, so it is imported in functions only.
"""

from __future__ import annotations

import socket
from typing import Any

from docker.transport.unixconn import UnixHTTPAdapter, UnixHTTPConnection, UnixHTTPConnectionPool


class TidyAdapter(UnixHTTPAdapter):
    """For an engine at a Unix socket."""

    def get_connection(self, url: str | bytes, proxies: Any = None) -> Any:
        """The SDK's pool, making our connections."""
        with self.pools.lock:
            pool = self.pools.get(url)
            if pool is None:
                pool = _Pool(str(url), self.socket_path, self.timeout, self.max_pool_size)
                self.pools[url] = pool
        return pool


class _Connection(UnixHTTPConnection):
    def connect(self) -> None:
        tried = socket.socket(socket.AF_UNIX)
        try:
            tried.settimeout(self.timeout)
            tried.connect(self.unix_socket)
        except BaseException:  # whatever it was: no open socket stays behind
            tried.close()
            raise
        self.sock = tried


class _Pool(UnixHTTPConnectionPool):
    def _new_conn(self) -> Any:
        connection: Any = _Connection  # its timeout may be urllib3's, which its types do not know
        return connection(self.base_url, self.socket_path, self.timeout)
