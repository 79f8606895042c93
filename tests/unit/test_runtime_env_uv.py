"""Child processes: uv's command line and words, stopping, and a lock that outlives its owner."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from models.domain.errors import AppError
from services.environment.child_process import ChildHooks, Command, clean_environment, run_child
from services.environment.folder_lock import folder_lock, try_lock
from services.environment.uv_errors import os_failure, uv_error
from services.environment.uv_tool import UvCall, UvTool, find_uv, planned_versions, uv_environment
from services.progress import Cancelled, CancelToken

_POSIX = pytest.mark.skipif(os.name != "posix", reason="a script stands for uv, groups are POSIX")

_FAMILY = """
import subprocess, sys, time
from pathlib import Path
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
Path(sys.argv[1]).write_text(str(child.pid))
print("started", flush=True)
child.wait()
"""


def _run(script: str, *arguments: str, hooks: ChildHooks | None = None) -> tuple[int, str, str]:
    command = Command([sys.executable, "-c", script, *arguments], env=os.environ)
    result = run_child(command, CancelToken(), hooks)
    return result.code, result.stdout, result.stderr


def test_output_errors_and_code_come_back() -> None:
    script = "import sys; print('out'); print('ü'); print('err', file=sys.stderr); sys.exit(3)"
    code, out, err = _run(script)
    assert (code, out.splitlines()[0], err.strip()) == (3, "out", "err")


def test_much_output_on_both_channels_does_not_block() -> None:
    script = "import sys\nfor i in range(20000): print('x'*50); print('y'*50, file=sys.stderr)"
    _, out, err = _run(script)
    assert len(out.splitlines()) == len(err.splitlines()) == 20000


def test_lines_come_while_it_runs_and_ticks_between(tmp_path: Path) -> None:
    go = tmp_path / "go"
    ticks: list[float] = []
    script = """
import sys, time
from pathlib import Path
print("one", flush=True)
while not Path(sys.argv[1]).exists(): time.sleep(0.01)
print("two")
"""
    hooks = ChildHooks(
        on_line=lambda line: go.touch() if line == "one" else None,
        on_tick=lambda: ticks.append(time.monotonic()),
    )
    assert _run(script, str(go), hooks=hooks)[1] == "one\ntwo"
    assert ticks


def test_cancel_ends_the_whole_family_at_once(tmp_path: Path) -> None:
    cancel = CancelToken()
    note = tmp_path / "pid"
    command = Command([sys.executable, "-c", _FAMILY, str(note)], env=os.environ)
    began = time.monotonic()
    with pytest.raises(Cancelled):
        run_child(command, cancel, ChildHooks(on_line=lambda _line: cancel.cancel()))
    assert time.monotonic() - began < 20
    _assert_gone(int(note.read_text()))


def test_a_hook_that_raises_ends_the_child(tmp_path: Path) -> None:
    def fail(_line: str) -> None:
        raise RuntimeError("a bug")

    note = tmp_path / "pid"
    command = Command([sys.executable, "-c", _FAMILY, str(note)], env=os.environ)
    with pytest.raises(RuntimeError, match="a bug"):
        run_child(command, CancelToken(), ChildHooks(on_line=fail))
    _assert_gone(int(note.read_text()))


@_POSIX
def test_a_child_that_ignores_the_polite_signal_is_killed() -> None:
    cancel = CancelToken()
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('up', flush=True); time.sleep(60)"
    )
    began = time.monotonic()
    with pytest.raises(Cancelled):
        run_child(
            Command([sys.executable, "-c", script], env=os.environ),
            cancel,
            ChildHooks(on_line=lambda _line: cancel.cancel()),
        )
    assert time.monotonic() - began < 20


def _assert_gone(pid: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with suppress(psutil.NoSuchProcess):
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.02)
                continue
        return
    pytest.fail(f"process {pid} is still there")


def test_nothing_of_this_python_leaks() -> None:
    environ = {"PATH": "/bin", "VIRTUAL_ENV": "/v", "PYTHONPATH": "/p", "LD_LIBRARY_PATH": "/own"}
    assert clean_environment(environ) == {"PATH": "/bin", "LD_LIBRARY_PATH": "/own"}


@_POSIX
def test_a_lock_handed_to_a_child_outlives_its_owner(tmp_path: Path) -> None:
    lock = tmp_path / "work" / ".lock"
    script = """
import subprocess, sys
from pathlib import Path
from services.environment.folder_lock import try_lock
descriptor = try_lock(Path(sys.argv[1]))
child = subprocess.Popen([sys.executable, "-c", "input()"], pass_fds=(descriptor,),
                         stdin=subprocess.PIPE, start_new_session=True)
print(child.pid, flush=True)
child.wait()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script, str(lock)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        text=True,
    ) as owner:
        assert owner.stdout is not None
        orphan = psutil.Process(int(owner.stdout.readline()))
        orphan.suspend()  # so that it does not see its input end when the owner dies
        owner.kill()
    assert try_lock(lock) is None
    orphan.kill()
    _assert_gone(orphan.pid)
    held = try_lock(lock)
    assert held is not None
    os.close(held)


def test_a_lock_whose_file_was_removed_is_taken_on_the_new_file(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    gate = threading.Event()
    with folder_lock(path, CancelToken(), gate.set):
        if os.name == "posix":
            path.unlink()
            other = try_lock(path)
            assert other is not None
            os.close(other)
    with folder_lock(path, CancelToken(), gate.set) as held:
        assert held >= 0
    assert not gate.is_set()


def _fake_uv(folder: Path, body: str) -> Path:
    path = folder / "uv"
    path.write_text(f"#!{sys.executable}\nimport json, os, sys\n{body}\n")
    path.chmod(0o755)
    return path


@_POSIX
def test_uv_gets_our_folders_and_the_users_settings(tmp_path: Path) -> None:
    program = _fake_uv(tmp_path, "print(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]))")
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PIP_INDEX_URL": "https://mirror/simple",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "UV_SYSTEM_PYTHON": "1",
        "UV_HTTP_TIMEOUT": "77",
        "PYTHONPATH": "/elsewhere",
    }
    tool = UvTool(tmp_path / "home", executable=program, environ=environ)
    call = UvCall(("pip", "install", "six==1"), "installing", {"UV_HTTP_RETRIES": "0"})
    said = tool.run(call, CancelToken())
    assert '["pip", "install", "six==1", "--no-index"]' in said
    assert f'"UV_CACHE_DIR": "{tmp_path / "home" / "uv-cache"}"' in said
    assert f'"UV_PYTHON_INSTALL_DIR": "{tmp_path / "home" / "python"}"' in said
    assert '"UV_DEFAULT_INDEX": "https://mirror/simple"' in said
    assert '"UV_HTTP_TIMEOUT": "77"' in said
    assert '"UV_HTTP_RETRIES": "0"' in said
    assert "UV_SYSTEM_PYTHON" not in said
    assert "/elsewhere" not in said
    assert '["venv", "x"]' in tool.run(UvCall(("venv", "x"), "making"), CancelToken())


@_POSIX
def test_what_uv_says_becomes_an_error(tmp_path: Path) -> None:
    body = "print('error: No space left on device (os error 28)', file=sys.stderr); sys.exit(2)"
    tool = UvTool(tmp_path / "home", executable=_fake_uv(tmp_path, body), environ={})
    with pytest.raises(AppError) as failure:
        tool.run(UvCall(("pip", "install", "six"), "installing six"), CancelToken())
    assert failure.value.kind == "disk_full"
    assert failure.value.message == "The disk became full while installing six."
    assert "os error 28" in failure.value.details


@_POSIX
def test_uv_is_stopped_by_cancel(tmp_path: Path) -> None:
    cancel = CancelToken()
    body = "import time; print('up', flush=True); time.sleep(60)"
    tool = UvTool(tmp_path / "home", executable=_fake_uv(tmp_path, body), environ={})
    timer = threading.Timer(0.3, cancel.cancel)
    timer.start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        tool.run(UvCall(("pip", "install", "six"), "installing six"), cancel)
    timer.join()
    assert time.monotonic() - began < 20


def test_the_real_uv_is_found_and_among_the_frozen_programs_tools_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_uv().is_file()
    shipped = tmp_path / "tools" / ("uv.exe" if sys.platform == "win32" else "uv")
    shipped.parent.mkdir()
    shipped.touch()
    monkeypatch.setattr("sys.frozen", True, raising=False)
    monkeypatch.setattr("sys._MEIPASS", str(tmp_path), raising=False)
    assert find_uv() == shipped


def test_no_uv_is_an_error_with_a_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> str:
        raise FileNotFoundError("nowhere")

    monkeypatch.setattr("uv.find_uv_bin", absent)
    with pytest.raises(AppError, match="Install Temper again"):
        find_uv()


def test_the_environment_never_says_no_to_the_users_certificates() -> None:
    found = uv_environment({"SSL_CERT_FILE": "/c.pem", "PIP_CERT": "/p.pem"}, Path("/t"))
    assert found["SSL_CERT_FILE"] == "/c.pem"


def test_the_plan_is_read_from_a_dry_run() -> None:
    said = "Resolved 3 packages\n - old==1\n + torch==2.13.0+cpu\n ~ idna==3.20\n + a-b==1.0\n"
    assert planned_versions(said) == {"torch": "2.13.0+cpu", "idna": "3.20", "a-b": "1.0"}


@pytest.mark.parametrize(
    ("stderr", "kind"),
    [
        ("failed to copy: No space left on device (os error 28)", "disk_full"),
        ("There is not enough space on the disk. (os error 112)", "disk_full"),
        ("cause: dns error\n cause: failed to lookup address information", "network"),
        ("Failed to fetch: `https://x`\n operation timed out", "network"),
        ("error sending request\n invalid peer certificate: UnknownIssuer", "network"),
        ("HTTP status client error (401 Unauthorized) for url", "auth"),
        ("failed to create file: Permission denied (os error 13)", "permission"),
        ("Access is denied. (os error 5)", "permission"),
        ("error: No interpreter found for Python >=3.11 in search path", "no_python"),
        ("hint: Packages were unavailable because the network was disabled.", "offline"),
        ("No solution found\nhint: the network was disabled", "offline"),
        ("No solution found when resolving: there is no version of torch==9", "not_found"),
        ("thread 'main' panicked", "install_failed"),
        ("", "install_failed"),
    ],
)
def test_errors_of_uv(stderr: str, kind: str) -> None:
    error = uv_error(stderr, "installing torch")
    assert error.kind == kind
    assert error.hint
    assert error.details == stderr
    assert error.message.endswith(".")
    assert "{doing}" not in error.message


def test_what_was_not_looked_for_is_not_called_absent() -> None:
    absent = "error: No solution found: there is no version of six==1"
    assert uv_error(absent, "installing six", offline=True).kind == "offline"
    assert uv_error("os error 28", "installing six", offline=True).kind == "disk_full"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.ENOSPC, "full"), "disk_full"),
        (PermissionError(errno.EACCES, "no"), "permission"),
        (OSError(errno.EROFS, "read-only"), "permission"),
        (OSError(errno.EIO, "broken"), "install_failed"),
    ],
)
def test_errors_of_files(error: OSError, kind: str) -> None:
    assert os_failure(error, "making it").kind == kind


@_POSIX
def test_the_terminals_ctrl_c_does_not_reach_the_child_by_itself() -> None:
    """It has a group of its own, and is stopped by us."""
    script = "import os; print(os.getpgid(0) == os.getpid())"
    assert _run(script)[1] == "True"
