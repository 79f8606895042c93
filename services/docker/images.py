"""Images of the engine: which there are, pulling, building ours, removing, and registry logins."""

from __future__ import annotations

import calendar
import re
import time
from typing import TYPE_CHECKING, Any

from models.domain.docker import (
    BASE_IMAGES,
    PARTIAL_LABEL,
    TRAINER_LABEL,
    ImageInfo,
    our_image,
)
from models.domain.errors import AppError
from services.docker.errors import calling, explanation, is_unreachable, translate
from services.docker.image_errors import login_error
from services.docker.image_space import ImageSpace
from services.docker.logins import Login
from services.docker.references import parse_image, parse_registry
from services.docker.stream import remove_image, start_post

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from docker import DockerClient

    from models.domain.docker import ImageProgress, RegistryLogin
    from services.docker.engine import DockerEngine
    from services.docker.logins import LoginStore
    from services.offline import OfflinePolicy
    from services.progress import CancelToken

    Report = Callable[[ImageProgress], None]

_LARGEST_PASSWORD = 16_384
"""Tokens of cloud registries have up to some thousand characters."""


class ImageService:
    """Blocking; may be used from several threads. AppErrors of :class:`DockerEngine` and below.

    ``wanted`` gives the names of images that configurations use: they are listed beside ours.
    """

    def __init__(
        self, engine: DockerEngine, offline: OfflinePolicy, logins: LoginStore, folder: Path,
        wanted: Callable[[], Iterable[str]] = tuple, space: ImageSpace | None = None,
    ) -> None:  # fmt: skip
        self._engine = engine
        self._offline = offline
        self._logins = logins
        self._folder = folder
        self._wanted = wanted
        self._space = space or ImageSpace()

    @property
    def engine(self) -> DockerEngine:
        """Whose images they are."""
        return self._engine

    def find(self, tag: str) -> ImageInfo | None:
        """The image of this name, if the engine has it; AppError("bad_name") for what is none."""
        from docker.errors import ImageNotFound

        parse_image(tag)
        client = self._engine.client()
        with calling(f"look for {tag}"):
            try:
                api: Any = client.api  # this part of the SDK has no types
                found = api.inspect_image(tag)
            except ImageNotFound:
                return None
            return _info(tag, found, self._users(client).get(str(found["Id"]), ()))

    def list(self, also: Iterable[str] = ()) -> Sequence[ImageInfo]:
        """Ours, those that configurations or the caller want, and what a broken pull left.

        By name; an image under two names is there twice.
        """
        client = self._engine.client()
        wanted = {_full(name) for name in (*self._wanted(), *also)}
        with calling("list its images"):
            users = self._users(client)
            return sorted(
                (
                    _listed(tag, found, users.get(str(found["Id"]), ()))
                    for found in client.api.images()
                    for tag in found.get("RepoTags") or ()
                    if _full(tag) in wanted or _is_marked(found)
                ),
                key=lambda image: image.tag,
            )

    def pull(self, tag: str, report: Report, cancel: CancelToken) -> ImageInfo:
        """Fetch an image from its registry, or what has changed of it. Raises Cancelled.

        AppError: ``offline``, ``bad_name``, ``disk_full``, ``network`` and those of
        :func:`services.docker.image_errors.image_error`. The next pull goes on where this stopped.
        """
        from services.docker.pull import Pull

        self._offline.refuse("no image can be pulled")
        image = parse_image(tag)
        client, engine = self._engine.client(), self._engine.info()
        Pull(client, engine, image, self._logins.find(image.registry)).run(
            self._space, report, cancel
        )
        return self._there(tag)

    def build(
        self, tag: str, variant: str, report: Report, cancel: CancelToken, *, base_image: str = ""
    ) -> ImageInfo:
        """Build our image, ``cuda`` or ``cpu``; an empty tag is its own. Raises Cancelled.

        AppError: ``offline``, ``bad_name``, ``disk_full``, ``build_failed`` with the last lines as
        details, and those of a pull for the base image.
        """
        from services.docker.build import Build, BuildPlan

        self._offline.refuse("no image can be built: its parts come from the network")
        if variant not in BASE_IMAGES:
            raise AppError("bad_use", f"There is no variant {variant!r}.", "It is cuda or cpu.")
        tag, base = tag or our_image(variant), base_image or BASE_IMAGES[variant]
        for name in (tag, base):
            if name:
                parse_image(name)
        engine = self._engine.info()
        self._space.check_build(engine, variant)
        plan = BuildPlan(self._folder, tag, variant, base)
        Build(self._engine.client(), engine, plan).run(self._logins, report, cancel)
        return self._there(tag)

    def remove(self, tag: str, *, force: bool = False) -> None:
        """Remove an image, and what an interrupted pull of it left.

        AppError: ``not_found``; ``image_in_use`` while a container stands on it, unless ``force``.
        """
        from services.docker.pull_pins import remove_pins

        client, found = self._engine.client(), self.find(tag)
        pinned = _has_pin(client, str(parse_image(tag)))
        if found is None and not pinned:
            raise AppError(
                "not_found", f"The engine has no image {tag}.", "temper image list shows them."
            )
        if found is not None and found.used_by and not force:
            raise _in_use(found)
        with calling(f"remove {tag}"):
            if found is not None:
                remove_image(client, tag, force=force)
        remove_pins(client, str(parse_image(tag)))

    def login(self, registry: str, user: str, password: str) -> RegistryLogin:
        """Try a login out and keep it; the answer says where.

        AppError: ``offline``, ``bad_name``, ``bad_secret``, ``login_refused``, ``network``.
        """
        self._offline.refuse("no registry can be asked")
        host, user, password = parse_registry(registry), user.strip(), password.strip("\r\n")
        if not user or not password or len(password) > _LARGEST_PASSWORD:
            raise AppError(
                "bad_secret", "A login needs a name and a password, or an access token.",
                "Enter both.",
            )  # fmt: skip
        login = Login(user, password)
        token = _prove(self._engine.client(), host, login)
        return self._logins.keep(host, Login(user, token=token) if token else login)

    def logout(self, registry: str) -> None:
        """Forget a login that is kept here; AppError("not_found") where there is none."""
        host = parse_registry(registry)
        if not self._logins.forget(host):
            raise AppError(
                "not_found",
                f"Temper keeps no login for {host}.",
                f"One of the docker command is removed with: docker logout {host}",
            )

    def logins(self) -> Sequence[RegistryLogin]:
        """Whom registries know us as: logins kept here, and those of the docker command."""
        return self._logins.list()

    def _there(self, tag: str) -> ImageInfo:
        found = self.find(tag)
        if found is None:
            raise AppError("image_missing", f"{tag} was there and is gone.", "Try again.")
        return found

    def _users(self, client: DockerClient) -> dict[str, tuple[str, ...]]:
        users: dict[str, builtins.list[str]] = {}
        for one in client.api.containers(all=True):
            name = str((one.get("Names") or [one["Id"][:12]])[0]).removeprefix("/")
            users.setdefault(str(one.get("ImageID")), []).append(name)
        return {image: tuple(sorted(names)) for image, names in users.items()}


def _prove(client: DockerClient, registry: str, login: Login) -> str:
    """Let the engine try a login; a token that the registry wants instead of the password."""
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException

    try:
        with start_post(client, "/auth", json=login.header(registry)) as answer:
            return str(answer.json().get("IdentityToken") or "")
    except APIError as error:
        raise login_error(explanation(error), registry) from None  # its request had the password
    except (DockerException, RequestException) as error:
        if is_unreachable(error):
            raise translate(error, "ask the registry") from None
        raise login_error(explanation(error), registry) from None


def _info(tag: str, found: dict[str, Any], users: tuple[str, ...]) -> ImageInfo:
    """From the engine's detailed answer."""
    labels = dict((found.get("Config") or {}).get("Labels") or {})
    return ImageInfo(
        tag=tag,
        id=str(found["Id"]),
        digest=_digest(found),
        size=int(found.get("Size") or 0),
        created_at=_seconds(str(found.get("Created") or "")),
        has_code=TRAINER_LABEL in labels,
        architecture=str(found.get("Architecture") or ""),
        used_by=users,
        labels=labels,
    )


def _listed(tag: str, found: dict[str, Any], users: tuple[str, ...]) -> ImageInfo:
    """From the engine's list, which has numbers where the detailed answer has words."""
    labels = dict(found.get("Labels") or {})
    return ImageInfo(
        tag=tag,
        id=str(found["Id"]),
        digest=_digest(found),
        size=int(found.get("Size") or 0),
        created_at=max(0.0, float(found.get("Created") or 0)),  # year 1: not said
        has_code=TRAINER_LABEL in labels,
        used_by=users,
        labels=labels,
    )


def _digest(found: dict[str, Any]) -> str:
    digests = found.get("RepoDigests") or [""]
    return str(digests[0]).partition("@")[2]


def _seconds(moment: str) -> float:
    match = re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", moment)
    if match is None or moment.startswith("0001"):
        return 0.0
    return float(calendar.timegm(time.strptime(match.group(), "%Y-%m-%dT%H:%M:%S")))


def _is_marked(found: dict[str, Any]) -> bool:
    labels = found.get("Labels") or {}
    return TRAINER_LABEL in labels or PARTIAL_LABEL in labels


def _has_pin(client: DockerClient, image: str) -> bool:
    with calling("list its images"):
        return bool(client.api.images(filters={"label": f"{PARTIAL_LABEL}={image}"}))


def _full(name: str) -> str:
    """Names are compared in full; what is no name equals nothing."""
    try:
        return str(parse_image(name))
    except AppError:
        return ""


def _in_use(image: ImageInfo) -> AppError:
    names = ", ".join(image.used_by[:3]) + (" and others" if len(image.used_by) > 3 else "")
    many = "containers stand" if len(image.used_by) > 1 else "container stands"
    return AppError(
        "image_in_use",
        f"{image.tag} cannot be removed: the {many} on it: {names}.",
        "Remove what uses it first, or remove it by force.",
    )
