"""What a registry says of an image before it is pulled: its layers and how large they are.

Nothing depends on the answer: where a registry cannot be asked, a pull only knows less in advance.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from services.docker.references import HUB, is_loopback

if TYPE_CHECKING:
    import httpx

    from services.docker.logins import Login
    from services.docker.references import ImageReference

_log = logging.getLogger(__name__)
_ONE = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
)
_MANY = (
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)
_HUB_HOST = "registry-1.docker.io"
_LARGEST = 4_000_000
"""Bytes of a manifest or configuration: registries themselves take no larger ones."""
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class RemoteLayer:
    """One layer as it travels: its digest, its packed size, and the digest of what is in it."""

    digest: str
    size: int
    diff_id: str = ""

    @property
    def short_id(self) -> str:
        """As the engine calls it in its reports."""
        return self.digest.removeprefix("sha256:")[:12]


@dataclass(frozen=True, slots=True)
class RemoteImage:
    """An image in its registry, layers from the bottom up."""

    digest: str
    layers: tuple[RemoteLayer, ...]
    architecture: str = ""
    system: str = "linux"

    @property
    def size(self) -> int:
        """Bytes to fetch when nothing of it is here."""
        return sum(layer.size for layer in self.layers)


def look_up(image: ImageReference, login: Login | None, architecture: str) -> RemoteImage | None:
    """What the registry says, for a processor as the engine names it; None where it does not."""
    import httpx

    from services.web import http_client

    try:
        with http_client() as client:
            return _Talk(client, image, login).image(_ARCHITECTURES.get(architecture, architecture))
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, LookupError, TypeError) as error:
        _log.info("the registry said nothing of the image's size: %s", type(error).__name__)
        return None


class _Talk:
    """One conversation with one registry about one image."""

    def __init__(self, client: httpx.Client, image: ImageReference, login: Login | None) -> None:
        self._client = client
        self._image = image
        self._login = login
        self._authorization = ""
        scheme = "http" if is_loopback(image.registry) else "https"
        host = _HUB_HOST if image.registry == HUB else image.registry
        self._base = f"{scheme}://{host}/v2/{image.repository}"

    def image(self, architecture: str) -> RemoteImage:
        manifest, digest = self._manifest(self._image.reference)
        if manifest.get("mediaType") in _MANY or "manifests" in manifest:
            digest = str(_of_platform(manifest["manifests"], architecture)["digest"])
            manifest, _ = self._manifest(digest)
        config = self._get(f"/blobs/{manifest['config']['digest']}", "*/*").json()
        diff_ids = config.get("rootfs", {}).get("diff_ids") or ()
        layers = [(str(one["digest"]), int(one["size"])) for one in manifest["layers"]]
        fits = len(diff_ids) == len(layers)
        return RemoteImage(
            digest,
            tuple(
                RemoteLayer(name, size, str(diff_ids[n]) if fits else "")
                for n, (name, size) in enumerate(layers)
            ),
            str(config.get("architecture") or ""),
            str(config.get("os") or "linux"),
        )

    def _manifest(self, reference: str) -> tuple[dict[str, Any], str]:
        answer = self._get(f"/manifests/{reference}", ", ".join((*_ONE, *_MANY)))
        return answer.json(), answer.headers.get("docker-content-digest", reference)

    def _get(self, path: str, accepted: str) -> httpx.Response:
        """Get, after proving who we are if the registry asks for it."""
        answer = self._send(path, accepted)
        if answer.status_code == 401 and not self._authorization:
            self._authorization = self._authorize(answer.headers.get("www-authenticate", ""))
            answer = self._send(path, accepted)
        answer.raise_for_status()
        if len(answer.content) > _LARGEST:
            raise ValueError
        return answer

    def _send(self, path: str, accepted: str) -> httpx.Response:
        headers = {"Accept": accepted}
        if self._authorization:
            headers["Authorization"] = self._authorization
        return self._client.get(f"{self._base}{path}", headers=headers, follow_redirects=True)

    def _authorize(self, challenge: str) -> str:
        kind, _, rest = challenge.partition(" ")
        if kind.lower() == "basic":
            return self._basic()
        fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        realm = fields.pop("realm")
        # Whoever asks for the password must be as safe as the registry itself.
        if urlsplit(realm).scheme != "https" and not is_loopback(urlsplit(realm).netloc):
            raise ValueError
        scope = {"service": fields.get("service", ""), "scope": fields.get("scope", "")}
        return f"Bearer {self._token(realm, scope)}"

    def _token(self, realm: str, scope: dict[str, str]) -> str:
        if self._login is not None and self._login.token:
            form = scope | {
                "grant_type": "refresh_token",
                "refresh_token": self._login.token,
                "client_id": "temper",
            }
            answer = self._client.post(realm, data=form)
        else:
            headers = {"Authorization": self._basic()} if self._login is not None else {}
            answer = self._client.get(realm, params=scope, headers=headers)
        answer.raise_for_status()
        document = answer.json()
        return str(document.get("token") or document["access_token"])

    def _basic(self) -> str:
        import httpx

        if self._login is None:
            raise ValueError
        auth = httpx.BasicAuth(self._login.user, self._login.password)
        return str(next(auth.auth_flow(httpx.Request("GET", self._base))).headers["Authorization"])


def _of_platform(manifests: list[dict[str, Any]], architecture: str) -> dict[str, Any]:
    """The one of a list that runs here; LookupError where there is none."""
    for one in manifests:
        platform = one.get("platform") or {}
        if platform.get("architecture") == architecture and platform.get("os") == "linux":
            return one
    raise LookupError
