"""The images of the tests: made from Debian's and Python's packages, since no registry is asked.

The trainer's image comes from the product's own Dockerfile. What a public base image would bring is
made here: Debian by ``debootstrap``, and on machines whose pip is pointed to a folder of wheels
with torch's CPU build, that torch, because a build cannot see the folder. Every step's result is a
tag with the hash of all that went into it; a step whose tag is there is not done again.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from models.domain.docker import IMAGE_VERSION
from services.environment.pip_settings import find_links_folders
from services.environment.torch_source import local_cpu_wheels
from services.environment.uv_tool import find_uv, uv_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from docker import DockerClient

TRAINER = Path(__file__).parents[2] / "trainer_image"
REPOSITORY = "temper-tests"
"""All our tags are ``temper-tests:<step>-<hash>``, and the trainer's also ``TRAINER_TAG``."""
SMALL_TAG, TRAINER_TAG = f"{REPOSITORY}:small", f"{REPOSITORY}:trainer"

_SUITE = "bookworm"
_DEBIAN = ("python3", "python3-venv", "ca-certificates")
_DEBIAN_PYTHON = "3.11"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_TRUST = [f"ENV {name}={_CERTIFICATES}" for name in ("PIP_CERT", "SSL_CERT_FILE")]
"""Packages may come through a proxy with an authority of its own, which this machine trusts."""

_INSTALL_TORCH = """
grep '==' /requirements.lock | grep -vE '^(torch==|nvidia-|cuda-|triton)' >/tmp/held
python3 -m venv --without-pip /opt/venv
/uv pip install --python /opt/venv/bin/python --no-cache --compile-bytecode \\
    --constraints /tmp/held "$(grep '^torch==' /requirements.lock)+cpu"
rm /tmp/held
"""


def small_image(client: DockerClient) -> str:
    """A shell and the usual tools, in one file of two megabytes."""
    if not _has(client, SMALL_TAG):
        client.api.import_image_from_data(_busybox(), repository=REPOSITORY, tag="small")
    return SMALL_TAG


def python_image(client: DockerClient) -> str:
    """Debian with Python and nothing else: for trainers that only write a run's files."""
    made_of = _hash(_SUITE, *_DEBIAN, _bytes(_CERTIFICATES))
    return _step(client, "debian", made_of, _debian)


def trainer_image(client: DockerClient) -> str:
    """The real image, CPU variant, built by the real Dockerfile."""
    base = python_image(client)
    wheels = _torch_folders()
    if wheels:
        made_of = _hash(base, _torch_pin(), *(file.name for file in wheels))
        base = _step(client, "torch", made_of, lambda c, tag: _torch(c, tag, base, wheels))
    made_of = _hash(base, *(part for file in _context() for part in (file.name, file.read_bytes())))
    tag = _step(client, "trainer", made_of, lambda c, tag: _build(c, tag, base))
    client.images.get(tag).tag(REPOSITORY, "trainer")
    return TRAINER_TAG


def _step(
    client: DockerClient, name: str, made_of: str, make: Callable[[DockerClient, str], None]
) -> str:
    tag = f"{REPOSITORY}:{name}-{made_of}"
    if not _has(client, tag):
        began = time.monotonic()
        print(f"Making the tests' image {tag} ...", flush=True)
        make(client, tag)
        _remove_older(client, f"{REPOSITORY}:{name}-", tag)
        print(f"  took {time.monotonic() - began:.0f} s", flush=True)
    return tag


def _debian(client: DockerClient, tag: str) -> None:
    with tempfile.TemporaryDirectory(prefix="temper-debian-", dir="/tmp") as folder:
        root = Path(folder) / "root"
        include = f"--include={','.join(_DEBIAN)}"
        _run(["debootstrap", "--variant=minbase", include, _SUITE, str(root)])
        for place in ("var/cache/apt/archives", "var/lib/apt/lists"):
            shutil.rmtree(root / place, ignore_errors=True)
        if _CERTIFICATES.is_file():
            shutil.copyfile(_CERTIFICATES, root / _CERTIFICATES.relative_to("/"))
        repository, name = tag.split(":")
        command = ["tar", "-C", str(root), "-c", "."]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as packed:
            client.api.import_image_from_stream(
                packed.stdout, repository=repository, tag=name, changes=_TRUST
            )
        assert packed.returncode == 0


def _torch(client: DockerClient, tag: str, base: str, wheels: list[Path]) -> None:
    """Install the wheel into the environment where the Dockerfile looks for it.

    By ``exec`` and with mounts of the other kind: a commit would keep variables and volumes.
    """
    from docker.types import Mount

    folders = sorted({str(wheel.parent) for wheel in wheels})
    mounted = {folder: folder for folder in folders} | {
        "/uv": str(find_uv()),
        "/requirements.lock": str(TRAINER / "requirements.lock"),
    }
    mounts = [Mount(target, source, "bind", read_only=True) for target, source in mounted.items()]
    container = client.containers.run(
        base, ["sleep", "infinity"], detach=True, mounts=mounts, network_mode="host"
    )
    try:
        variables = {"UV_FIND_LINKS": ",".join(folders), **_proxies()}
        code, output = container.exec_run(["sh", "-euc", _INSTALL_TORCH], environment=variables)
        assert code == 0, output.decode(errors="replace")[-3000:]
        repository, name = tag.split(":")
        container.commit(repository, name)
    finally:
        container.remove(force=True)


def _build(client: DockerClient, tag: str, base: str) -> None:
    from docker.errors import BuildError

    arguments = {"BASE_IMAGE": base, "VARIANT": "cpu", "VERSION": IMAGE_VERSION}
    try:
        client.images.build(
            path=str(TRAINER), tag=tag, buildargs={**arguments, **_proxies()}, rm=True, forcerm=True
        )
    except BuildError as error:
        lines = [str(entry.get("stream") or entry) for entry in error.build_log]
        raise AssertionError(f"{error}\n{''.join(lines)[-4000:]}") from error


def _context() -> Iterator[Path]:
    """The files that the Dockerfile may use (``.dockerignore`` lets nothing else through)."""
    for file in sorted(TRAINER.iterdir()):
        if file.is_file():
            yield file


def _torch_pin() -> str:
    text = (TRAINER / "requirements.lock").read_text(encoding="utf-8")
    return next(line for line in text.splitlines() if line.startswith("torch=="))


def _torch_folders() -> list[Path]:
    """The wheels of torch's CPU build that pip is pointed to on this machine, if any."""
    version = next(iter(Requirement(_torch_pin()).specifier)).version
    folders = find_links_folders(uv_environment(os.environ, Path("/nonexistent")))
    if _DEBIAN_PYTHON not in local_cpu_wheels(version, folders):
        return []
    python = f"cp{_DEBIAN_PYTHON.replace('.', '')}"
    return [file for folder in folders for file in folder.glob(f"torch-{version}+cpu-{python}-*")]


def _proxies() -> dict[str, str]:
    """This machine's proxies, under the names that every engine keeps out of the image."""
    names = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY")
    both = [spelling for name in names for spelling in (name, name.lower())]
    return {name: os.environ[name] for name in both if os.environ.get(name)}


def _busybox() -> bytes:
    """A tar with busybox under all of its names."""
    program = shutil.which("busybox", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    assert program, "busybox is missing (sh packaging/linux/system-libraries.sh --tests)"
    names = _run([program, "--list"]).split()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for folder, mode in (("bin", 0o755), ("etc", 0o755), ("tmp", 0o1777), ("data", 0o777)):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            tar.addfile(entry)
        tar.add(program, "bin/busybox")
        for name in names:
            if name != "busybox":
                entry = tarfile.TarInfo(f"bin/{name}")
                entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(entry)
    return packed.getvalue()


def _has(client: DockerClient, tag: str) -> bool:
    return bool(client.api.images(tag, quiet=True))


def _remove_older(client: DockerClient, prefix: str, newest: str) -> None:
    """Images that an earlier state of the inputs made are of no use to anybody.

    Only now, so that the new one could take over the layers that are the same.
    """
    for image in client.images.list(REPOSITORY):
        for tag in image.tags:
            if tag.startswith(prefix) and tag != newest:
                client.images.remove(tag, force=True)
    client.images.prune(filters={"dangling": True})


def _hash(*parts: str | bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
        digest.update(b"\0")
    return digest.hexdigest()[:12]


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _run(command: list[str]) -> str:
    environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, f"{command[0]}: {(done.stderr or done.stdout)[-3000:]}"
    return done.stdout
