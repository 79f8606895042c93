"""The run that the agent looks after: from waiting for its inputs to its end, over any restart.

Each change is on the disk before the world is touched (``agent.json`` in the run's folder), so an
agent that was killed at any moment goes on where the run really is.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import uuid
import zipfile
from typing import TYPE_CHECKING, Any

from trainer_image import agent_child
from trainer_image.agent_files import is_full, read_json, size_of, why_not, write_json
from trainer_image.agent_settings import WITHHELD

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trainer_image.agent_clock import PaidTime
    from trainer_image.agent_settings import Settings

WAIT_INPUT, RUNNING, DONE = "wait_input", "running", "done"
FAILED, CANCELLED = "failed", "cancelled"
ENDED = (DONE, FAILED, CANCELLED)
SILENT = "silent"
"""Why a run is stopped that shows no sign of life: that one has failed."""
MOST_STARTS = 3
"""So often a trainer is started that restarts of its pod interrupt; then something is wrong."""
_CANCELLED_CODE = 130
_SECRETS = ("HF_TOKEN",)
_SECRET_VARIABLES = {"HF_TOKEN": ("HF_TOKEN", "HUGGINGFACE_HUB_TOKEN")}
"""Under these names the trainer's libraries look for a secret."""
_CODE_FILE = re.compile(r"trainer_image/[A-Za-z0-9_]+\.py")
_LARGEST_CODE = 8_000_000


class RunError(Exception):
    """A request that cannot be met; ``status`` is HTTP's, ``facts`` go to whoever asked."""

    def __init__(self, status: int, error: str, **facts: Any) -> None:
        super().__init__(error)
        self.status = status
        self.facts = {"error": error, **facts}


class Run:
    """Thread-safe. What the watchdog reads it reads without the lock, for that may be held by
    somebody who waits for a disk that no longer answers."""

    def __init__(self, settings: Settings, paid: PaidTime, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._paid = paid
        self._say = say
        self._lock = threading.RLock()
        self._secrets: dict[str, str] = {}
        self._child: agent_child.Child | None = None
        self._kill_at = 0.0
        self._kills_before = agent_child.memory_kills()
        self._booted = paid.worked
        self._path = settings.run_folder / "agent.json"
        self._state = self._first_state() | self._earlier()
        self._is_closing = False
        self.trouble = ""
        self._boot()

    def _first_state(self) -> dict[str, Any]:
        return {
            "state_id": uuid.uuid4().hex,
            "pod": self._settings.pod_id,
            "phase": WAIT_INPUT,
            "reason": "",
            "exit_code": None,
            "oom_killed": False,
            "boot_count": 0,
            "starts": 0,
            "stopping": "",
            "request": None,
            "born": self._paid.worked,
            "ended": None,
        }

    def _earlier(self) -> dict[str, Any]:
        """What was written down before. Of another pod on the same volume only a result counts:
        its run, if it has none, is started here anew, and goes on from its last checkpoint."""
        found = _record(read_json(self._path))
        if found.get("pod") == self._settings.pod_id:
            return found
        kept = ("phase", "request", "exit_code") if found.get("phase") == DONE else ()
        return {name: found[name] for name in kept}

    def _boot(self) -> None:
        self._state["boot_count"] += 1
        try:
            self._settings.run_folder.mkdir(parents=True, exist_ok=True)
            self._store()
        except OSError as error:
            self.trouble = why_not(error)["error"]
            self._say(self.trouble)
        if self.phase == RUNNING:
            self._child = agent_child.find(self._job)
            if self._child is not None and self._state["stopping"]:
                self._ask_child()
        elif (stray := agent_child.find(self._job)) is not None:
            stray.kill()  # of a record that is lost: nobody would ever stop it

    @property
    def phase(self) -> str:
        """One of the words above."""
        return str(self._state["phase"])

    @property
    def born(self) -> float:
        """``PaidTime.worked`` when an agent first looked after this run."""
        return float(self._state["born"])

    @property
    def ended(self) -> float:
        """``PaidTime.worked`` when the run ended; 0 before."""
        return float(self._state["ended"] or 0.0)

    @property
    def has_trainer(self) -> bool:
        """Whether the trainer is running."""
        child = self._child
        return child is not None and child.is_alive

    @property
    def output_directory(self) -> Path | None:
        """The real place of the job's output directory; None before the start."""
        request = self._state["request"]
        if request is None:
            return None
        relative = str(request["job"]["output_directory"]).removeprefix("/data/")
        return self._settings.data_root / relative

    @property
    def _job(self) -> Path:
        return self._settings.run_folder / "job.json"

    def describe(self) -> dict[str, Any]:
        """What ``/v1/status`` says of the run."""
        state, folder = self._state, self._settings.run_folder
        shown = ("state_id", "phase", "reason", "exit_code", "oom_killed", "boot_count", "starts")
        return {name: state[name] for name in shown} | {
            "run_id": self._settings.run_id,
            "stopping": state["stopping"],
            "secrets": sorted(self._secrets),
            "waiting_for": self._missing_secrets() if self.phase == RUNNING else [],
            "log_size": size_of(folder / "train.log"),
            "events_size": size_of(folder / "events.jsonl"),
            "trouble": self.trouble,
        }

    def keep_secrets(self, secrets: dict[str, Any]) -> None:
        """Hold secrets in memory for the trainer's next start; only there."""
        wrong = [name for name in secrets if name not in _SECRETS]
        if wrong or not all(isinstance(value, str) and value for value in secrets.values()):
            raise RunError(422, f"Secrets are texts of the names {', '.join(_SECRETS)}.")
        with self._lock:
            self._secrets |= secrets

    def start(self, request: dict[str, Any]) -> None:
        """Start the trainer; the same request again changes nothing, another one is refused."""
        checked = _checked(request, self._settings.run_id)
        with self._lock:
            if self._state["request"] is not None:
                if self._state["request"] != checked:
                    raise RunError(409, "The run was already started, and with something else.")
                return
            self._refuse_missing(checked)
            try:
                self._unpack(self._settings.data_root / "code" / checked["code"])
                write_json(self._job, checked["job"])
                # Of an earlier pod: it would be taken for this one's end.
                (self._settings.run_folder / "state.json").unlink(missing_ok=True)
                self._change(phase=RUNNING, request=checked)
                self._start_child()
            except OSError as error:
                raise RunError(507, **why_not(error)) from None

    def _refuse_missing(self, request: dict[str, Any]) -> None:
        root = self._settings.data_root
        wanted = [f"code/{request['code']}", *request["inputs"]]
        missing = [name for name in wanted if not (root / name).is_file()]
        secrets = [name for name in request["needs"] if name not in self._secrets]
        if missing or secrets:
            raise RunError(
                409, "Something that the run needs is not here yet.",
                missing=missing, missing_secrets=secrets,
            )  # fmt: skip

    def _unpack(self, archive: Path) -> None:
        target = self._settings.run_folder / "code"
        try:
            with zipfile.ZipFile(archive) as packed:
                infos = packed.infolist()
                if not all(_CODE_FILE.fullmatch(info.filename) for info in infos):
                    raise RunError(422, "The code's archive holds something that is no code.")
                if sum(info.file_size for info in infos) > _LARGEST_CODE:
                    raise RunError(422, "The code's archive is too large.")
                packed.extractall(target)
        except zipfile.BadZipFile:
            raise RunError(422, "The code's archive is no zip file.") from None

    def _start_child(self) -> None:
        self._change(starts=self._state["starts"] + 1)
        folder = self._settings.run_folder
        command = [sys.executable, "-m", "trainer_image.train", "--job", str(self._job)]
        self._child = agent_child.start(command, folder, self._environment())
        self._say(f"The trainer was started (process {self._child.pid}).")

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in WITHHELD}
        kept |= self._state["request"]["environment"]
        for name, value in self._secrets.items():
            kept |= dict.fromkeys(_SECRET_VARIABLES[name], value)
        return kept | {
            "PYTHONPATH": str(self._settings.run_folder / "code"),
            "PYTHONUNBUFFERED": "1",
            "TEMPER_DATA_ROOT": str(self._settings.data_root),
        }

    def stop(self, reason: str) -> None:
        """Ask the trainer to save and end; it is killed when that takes too long."""
        with self._lock:
            if self.phase != RUNNING or self._state["stopping"]:
                return
            self._state["stopping"] = reason
            self._store_quietly()
            self._ask_child()

    def _ask_child(self) -> None:
        self._kill_at = self._paid.worked + self._settings.stop_seconds
        if self._child is not None:
            self._child.terminate()

    def kill(self, reason: str) -> None:
        """End the trainer at once: the pod is about to go, and that is why the run ends. Takes no
        lock and no disk."""
        if self.phase == RUNNING and not self._state["stopping"]:
            self._state["stopping"] = reason
        child = self._child
        if child is not None:
            child.kill()

    def close(self) -> None:
        """The container is being stopped: let the trainer save. It goes on after a restart."""
        self._is_closing = True
        child = self._child
        if child is not None:
            child.terminate()

    def tick(self) -> None:
        """See whether the trainer has ended, or must be started again; called all the time."""
        with self._lock:
            if self.phase != RUNNING or self._is_closing:
                return
            if self._child is None:
                self._go_on()
            elif not self._child.is_alive:
                self._child.kill()  # what it left running
                self._ended(self._child.exit_code)
            elif self._kill_at and self._paid.worked > self._kill_at:
                self._child.kill()

    def _go_on(self) -> None:
        """The trainer is gone, and nobody saw it go: the pod, or the agent, was restarted."""
        said = read_json(self._settings.run_folder / "state.json")
        code, phase = said.get("exit_code"), said.get("phase")
        ended = isinstance(code, int) and phase in ("finished", "failed", "cancelled")
        # A trainer that is interrupted from outside says "cancelled", too; nobody wanted that.
        if ended and (phase != "cancelled" or self._state["stopping"]):
            self._ended(code)
        elif self._state["stopping"]:
            self._ended(_CANCELLED_CODE)
        elif self._state["starts"] >= MOST_STARTS:
            self._end(FAILED, "restarted", None)
        elif not self._missing_secrets() or self._has_waited():
            try:
                self._start_child()
            except OSError as error:
                self.trouble = f"The trainer cannot be started: {error}."

    def _missing_secrets(self) -> list[str]:
        request = self._state["request"]
        if request is None or self.has_trainer:
            return []
        return [name for name in request["needs"] if name not in self._secrets]

    def _has_waited(self) -> bool:
        return self._paid.worked - self._booted > self._settings.secret_wait

    def _ended(self, code: int | None) -> None:
        said = read_json(self._settings.run_folder / "state.json")
        if code is None:
            found = said.get("exit_code")
            code = found if isinstance(found, int) else None
        if code == 0:
            has_result = (self._settings.run_folder / "result.json").is_file()
            self._end(DONE if has_result else FAILED, "" if has_result else "no_result", code)
        elif self._state["stopping"] or code == _CANCELLED_CODE:
            phase = FAILED if self._state["stopping"] == SILENT else CANCELLED
            self._end(phase, self._state["stopping"], code)
        elif code is None:
            self._child = None  # unseen, and it said nothing: as after a restart
            self._go_on()
        else:
            full = is_full(self._settings.run_folder)
            self._end(FAILED, "disk_full" if full else "exit", code)

    def _end(self, phase: str, reason: str, code: int | None) -> None:
        killed = agent_child.memory_kills() > self._kills_before
        self._child = None
        self._state |= {
            "phase": phase,
            "reason": reason,
            "exit_code": code,
            "oom_killed": killed and phase == FAILED,
            "ended": self._paid.worked,
        }
        self._store_quietly()
        self._say(f"The run has ended: {phase}{f' ({reason})' if reason else ''}, code {code}.")

    def _change(self, **changes: Any) -> None:
        """Write a change down, and only then believe it."""
        write_json(self._path, self._state | changes)
        self._state |= changes

    def _store(self) -> None:
        write_json(self._path, self._state)

    def _store_quietly(self) -> None:
        try:
            self._store()
            self.trouble = ""
        except OSError as error:
            self.trouble = f"The run's folder cannot be written: {error.strerror}."


def _record(found: dict[str, Any]) -> dict[str, Any]:
    """What an earlier agent wrote down; nothing where it is damaged."""
    numbers = all(_is_number(found.get(name)) for name in ("boot_count", "starts", "born"))
    texts = all(isinstance(found.get(name), str) for name in ("state_id", "reason", "stopping"))
    phase, request = found.get("phase"), found.get("request")
    has_request = isinstance(request, dict) == (phase != WAIT_INPUT)
    is_whole = numbers and texts and has_request and phase in (WAIT_INPUT, RUNNING, *ENDED)
    return found if is_whole else {}


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _checked(request: dict[str, Any], run_id: str) -> dict[str, Any]:
    """The request as it is kept; RunError says what is wrong with it."""
    job, code = request.get("job"), request.get("code")
    inputs, needs = request.get("inputs", []), request.get("needs", [])
    environment = request.get("environment", {})
    if request.get("run_id") != run_id:
        raise RunError(409, "This pod was rented for another run.")
    output = job.get("output_directory") if isinstance(job, dict) else None
    if not (isinstance(output, str) and is_clean(output.removeprefix("/data/"))):
        raise RunError(422, "The job names no output directory under /data.")
    if not (isinstance(code, str) and is_clean(code) and "/" not in code):
        raise RunError(422, "The request names no archive of code.")
    if not (_are_texts(inputs) and all(is_clean(name) for name in inputs)):
        raise RunError(422, "The inputs are paths under the data root.")
    if not (_are_texts(needs) and set(needs) <= set(_SECRETS)):
        raise RunError(422, f"Secrets have the names {', '.join(_SECRETS)}.")
    if not (isinstance(environment, dict) and _are_texts(list(environment.values()))):
        raise RunError(422, "The environment is an object of texts.")
    kept = {"run_id": run_id, "job": job, "code": code, "inputs": inputs, "needs": needs}
    # As the disk gives it back, so that the same request compares equal after a restart.
    checked: dict[str, Any] = json.loads(json.dumps({**kept, "environment": environment}))
    return checked


def is_clean(path: str) -> bool:
    """Whether a relative path stays below where it starts."""
    parts = path.split("/")
    return all(part not in ("", ".", "..") and "\0" not in part for part in parts)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
