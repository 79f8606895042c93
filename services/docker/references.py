"""Names of images: which registry, which repository, which tag."""

from __future__ import annotations

import re
from dataclasses import dataclass

from models.domain.errors import AppError

HUB = "docker.io"
_PATH = re.compile(
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HOST = re.compile(r"[A-Za-z0-9.\-]+(?::\d{1,5})?|\[[0-9a-fA-F:]+\](?::\d{1,5})?")
_LOOPBACK = re.compile(r"(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])(?::\d+)?")
_LONGEST = 255


@dataclass(frozen=True, slots=True)
class ImageReference:
    """One image as a registry knows it; ``reference`` is a tag or a digest."""

    registry: str
    repository: str
    reference: str

    @property
    def is_digest(self) -> bool:
        """Whether it is named by its content."""
        return self.reference.startswith("sha256:")

    @property
    def name(self) -> str:
        """Registry and repository, as the engine takes them."""
        return f"{self.registry}/{self.repository}"

    def __str__(self) -> str:
        return f"{self.name}{'@' if self.is_digest else ':'}{self.reference}"


def parse_image(name: str) -> ImageReference:
    """The full reference of a name as people write it; AppError("bad_name") says what is wrong."""
    text = name.strip()
    if not text or "://" in text or len(text) > _LONGEST or text[-1] in ":@":
        raise _bad(name)
    rest, _, digest = text.partition("@")
    path, tag = _split_tag(rest)
    registry, repository = _split_registry(path)
    reference = digest or tag or "latest"
    pattern = _DIGEST if digest else _TAG
    if not (_PATH.fullmatch(repository) and pattern.fullmatch(reference)):
        raise _bad(name)
    return ImageReference(registry, repository, reference)


def parse_registry(name: str) -> str:
    """A registry's host from what people type; AppError("bad_name") where it cannot be one."""
    host = re.sub(r"^https?://", "", name.strip()).partition("/")[0]
    if not _HOST.fullmatch(host):
        raise AppError(
            "bad_name",
            f"{name!r} is not the address of a registry.",
            "It is a host's name, with a port if need be: docker.io, ghcr.io, localhost:5000.",
        )
    return HUB if host.lower() in {HUB, "index.docker.io", "registry-1.docker.io"} else host.lower()


def is_loopback(registry: str) -> bool:
    """Whether it is on this computer; engines speak plain HTTP with such a one."""
    return _LOOPBACK.fullmatch(registry) is not None


def _split_tag(text: str) -> tuple[str, str]:
    head, colon, tail = text.rpartition(":")
    return (head, tail) if colon and "/" not in tail else (text, "")


def _split_registry(path: str) -> tuple[str, str]:
    """Docker's rule: the first part is a host if it has a dot or a colon, or is localhost."""
    first, slash, rest = path.partition("/")
    is_host = slash and ("." in first or ":" in first or first == "localhost")
    if not is_host:
        first, rest = HUB, path
    elif not _HOST.fullmatch(first):
        raise _bad(path)
    registry = parse_registry(first)
    if registry == HUB and "/" not in rest:
        rest = f"library/{rest}"
    return registry, rest


def _bad(name: str) -> AppError:
    return AppError(
        "bad_name",
        f"{name!r} is not the name of an image.",
        "One looks like docker.io/user/image:tag, in small letters.",
    )
