"""The frozen program as its user has it: no checkout, no Python of ours, a real screen (Xvfb)."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from filelock import FileLock
from PyInstaller.archive.readers import CArchiveReader

from tests import xvfb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import TrainerHome

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "frozen"
"""The last build, kept until something that goes into it changes."""
HEAVY = {
    "torch", "sqlalchemy", "alembic", "docker", "huggingface_hub", "keyring", "typer", "numpy",
    "pyqtgraph", "pydantic", "asyncio", "qasync", "yaml", "httpx", "pynvml",
}  # fmt: skip
PASSED_ON = ("PATH", "PIP_", "UV_", "SSL_CERT", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
"""All that a clean environment keeps of ours: where programs are, and where packages come from."""
PROGRESS = re.compile(
    r"Setting up the training environment .*|\s*\d+% .*|(Asking|Installing|Downloading|No torch) .*"
    r"|Making the Python environment.*|Run \S+ started\. Log: .*|step \d+/\d+ .*|Held-out loss .*"
    r"|[A-Z][\w -]+ …|still working: .*"
)
"""What ``temper train`` tells a person on stderr."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="frozen on Linux only (docs/releasing.md)"),
]


@dataclass(frozen=True)
class Frozen:
    """The program's executable, a home that is empty at first, and a screen."""

    executable: Path
    home: Path
    display: str

    def __call__(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [str(self.executable), *arguments],
            cwd=self.home,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=800,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def json(self, *arguments: str) -> Any:
        """One JSON document, and not a word on stderr."""
        done = self(*arguments)
        assert done.stderr == ""
        return json.loads(done.stdout)

    def environment(self) -> dict[str, str]:
        """Like a user's after logging in, without anything of this checkout."""
        kept = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
        runtime = self.home / "run"
        runtime.mkdir(mode=0o700, exist_ok=True)
        own = {"HOME": str(self.home), "LANG": "C.UTF-8", "DISPLAY": self.display}
        return {**kept, **own, "XDG_RUNTIME_DIR": str(runtime)}


@pytest.fixture(scope="session")
def build(pytestconfig: pytest.Config) -> Path:
    """The folder with the frozen program and its package, built again when its inputs changed."""
    sys.path.insert(0, str(ROOT / "packaging"))
    try:
        import contents
    finally:
        sys.path.remove(str(ROOT / "packaging"))
    stamp, digest = CACHE / "inputs.sha256", contents.digest_of_inputs()
    CACHE.parent.mkdir(exist_ok=True)
    # Of several processes of tests the first makes it, and the others wait.
    with FileLock(CACHE.with_name("frozen.lock")):
        _build_once(pytestconfig, stamp, digest)
    return CACHE / "dist"


def _build_once(pytestconfig: pytest.Config, stamp: Path, digest: str) -> None:
    if not stamp.exists() or stamp.read_text() != digest:
        shutil.rmtree(CACHE, ignore_errors=True)
        command = [sys.executable, "packaging/build.py"]
        command += ["--dist", str(CACHE / "dist"), "--work", str(CACHE / "work")]
        capture = pytestconfig.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            subprocess.run(command, cwd=ROOT, check=True)
        shutil.rmtree(CACHE / "work")
        stamp.write_text(digest)


@pytest.fixture(scope="session")
def folder(build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program copied to where there is no checkout, below a name that is not plain ASCII."""
    target = tmp_path_factory.mktemp("frozen") / "Prográmme und mehr"
    return Path(shutil.copytree(build / "temper", target, symlinks=True))


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """An X server of our own; Qt draws with its real xcb platform."""
    with xvfb.display() as name:
        yield name


@pytest.fixture
def temper(folder: Path, tmp_path: Path, display: str) -> Frozen:
    return Frozen(folder / "temper", tmp_path, display)


def files_below(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*")}


def test_the_window_opens_on_a_real_screen(
    temper: Frozen, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files_below(folder)
    for _ in range(2):  # the second start finds what the first one left
        shown = temper.json("--smoke", str(temper.home / "window.png"))
        with capsys.disabled():
            print(f"\nfrozen: first frame after {shown['first_frame_ms']:.0f} ms")
    assert (temper.home / "window.png").read_bytes().startswith(b"\x89PNG")
    assert not {name.partition(".")[0] for name in shown["modules"]} & HEAVY
    assert (temper.home / ".local/share/Temper/temper.db").exists()
    assert files_below(folder) == before, "the program wrote into its own folder"


def test_doctor_finds_the_uv_that_came_along(temper: Frozen, folder: Path) -> None:
    checks = {
        check["name"]: check for check in temper.json("--offline", "doctor", "--json")["checks"]
    }
    assert checks["uv"]["message"] == str(folder / "_internal" / "tools" / "uv")
    assert "without Docker" in checks["Python environment"]["message"]
    done = temper("teach", code=2)
    assert "No such command" in done.stderr


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "Sätze.jsonl"
    lines = [{"prompt": f"Was ist {n} + 1?", "completion": f"Es ist {n + 1}."} for n in range(40)]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return path


def test_it_makes_the_managed_environment_and_trains(
    temper: Frozen, folder: Path, rows: Path, trainer_home: TrainerHome, tiny_model: Path
) -> None:
    """With the uv and the pins that it brings, and a Python that is none of its own."""
    session = json.loads(temper("data", "import", str(rows), "--json").stdout)
    assert (session["name"], session["rows"]) == ("Sätze", 40)
    home = temper.home / ".local/share/Temper"
    (home / "runtime").mkdir()
    # Only the downloads are shared with the tests' environment.
    (home / "runtime" / "uv-cache").symlink_to(trainer_home.environment.root / "uv-cache")
    config = temper.home / "setup.yaml"
    hp = {"base_model": str(tiny_model), "max_seq_length": 128, "max_steps": 4}
    config.write_text(yaml.safe_dump({"dataset": {"session": "Sätze"}, "hp": hp}))
    done = temper("train", str(config), "--json")
    unexpected = [line for line in done.stderr.splitlines() if not PROGRESS.fullmatch(line)]
    assert unexpected == []
    run = json.loads(done.stdout)
    assert (run["state"], run["step"]) == ("finished", run["total_steps"])
    assert (Path(run["adapter_path"]) / "adapter_model.safetensors").is_file()
    python = (home / "runtime" / "venv" / "bin" / "python").resolve()
    assert not python.is_relative_to(folder)
    checks = {
        check["name"]: check for check in temper.json("--offline", "doctor", "--json")["checks"]
    }
    assert checks["Python environment"]["message"].startswith("Ready at")
    code = next((home / "trainer-code").iterdir()) / "trainer_image"
    assert (code / "train.py").read_bytes() == (ROOT / "trainer_image/train.py").read_bytes()


def test_nothing_is_in_it_that_does_not_belong(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = CArchiveReader(str(folder / "temper")).open_embedded_archive("PYZ.pyz")
    inside = folder / "_internal"
    modules = {name.partition(".")[0] for name in archive.toc} | {
        path.name for path in inside.iterdir()
    }
    assert {"app", "models", "views", "controllers", "services", "trainer_image"} <= modules
    assert "keyring.backends.SecretService" in archive.toc, "no keychain"
    tools = {"pytest", "hypothesis", "mypy", "setuptools", "pip", "PyInstaller", "tests"}
    trainer = {"torch", "transformers", "datasets", "peft", "trl", "accelerate", "triton"}
    assert not modules & (tools | trainer)
    size = sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
    with capsys.disabled():
        print(f"\nfrozen: installed size {size / 1e6:.1f} MB")
    assert size <= 200_000_000
    traces = [
        path.name
        for path in folder.rglob("*")
        if path.is_file() and str(ROOT).encode() in path.read_bytes()
    ]
    assert traces == [], "the building computer's folders are named"


@pytest.mark.parametrize("name", ["resources", "trainer_image", "docs/guide"])
def test_what_it_reads_as_files_is_as_in_the_checkout(folder: Path, name: str) -> None:
    ours = {path for path in files_below(ROOT / name) if "__pycache__" not in path.parts}
    assert files_below(folder / "_internal" / name) == ours


def test_the_licences_of_others_travel_along(folder: Path) -> None:
    text = (folder / "THIRD-PARTY.txt").read_text(encoding="utf-8")
    for name in ("PySide6_Essentials", "shiboken6", "numpy", "uv", "SQLAlchemy", "Python 3."):
        assert f"\n{name}" in text
    assert "hypothesis" not in text
    assert (folder / "LICENSE.txt").read_text() == (ROOT / "LICENSE").read_text()


@pytest.fixture(scope="session")
def package(build: Path) -> Path:
    """The Debian package."""
    (path,) = build.glob("temper_*.deb")
    return path


def dpkg(*arguments: str) -> str:
    done = subprocess.run(["dpkg", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_package_says_what_it_needs(package: Path) -> None:
    fields = dict(
        line.split(": ", 1)
        for line in dpkg("--field", str(package)).splitlines()
        if not line.startswith(" ")
    )
    assert fields["Package"] == "temper"
    depends = {re.split(r"[ :|(]", one.strip())[0] for one in fields["Depends"].split(",")}
    assert {"libc6", "libegl1", "libxcb-cursor0", "libxkbcommon-x11-0"} <= depends
    assert not any("gtk" in name for name in depends), "the desktop's theme is its own business"
    assert int(fields["Installed-Size"]) * 1024 <= 200_000_000
    listed = dpkg("--contents", str(package)).splitlines()
    assert all(line.split()[1] == "root/root" for line in listed)
    files = [line for line in listed if not line.startswith("l")]
    assert not [line for line in files if "w" in line[5] + line[8]], "others may write"


def test_the_package_installs_runs_and_leaves_nothing(
    package: Path, tmp_path: Path, display: str
) -> None:
    root = tmp_path / "system"
    for name in ("info", "updates", "triggers"):
        (root / "var/lib/dpkg" / name).mkdir(parents=True)
    (root / "var/lib/dpkg/status").touch()
    before = files_below(root)
    own = (f"--root={root}", "--force-not-root", "--force-depends")
    dpkg(*own, "--install", str(package))
    temper = Frozen(root / "usr/bin/temper", tmp_path, display)
    checks = {check["name"] for check in temper.json("--offline", "doctor", "--json")["checks"]}
    assert "Python environment" in checks
    for name in (
        "applications/temper.desktop",
        "icons/hicolor/scalable/apps/temper.svg",
        "metainfo/org.temper.Temper.metainfo.xml",
        "doc/temper/copyright",
    ):
        assert (root / "usr/share" / name).is_file()
    dpkg(*own, "--purge", "temper")
    left = {path for path in files_below(root) - before if "dpkg" not in path.parts}
    assert left == set()
