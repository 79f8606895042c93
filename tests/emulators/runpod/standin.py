"""A stand-in for the trainer: the same files in the same order, in seconds, without learning.

What it makes is decided by the job and the dataset alone, so a run that was cut and went on makes
the same adapter to the bit as one that was not. It is run in place of ``trainer_image.train`` by
the Python of pods that are processes (:mod:`pod_site`): standard library alone. The variable
STANDIN (a JSON object) changes how it behaves.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

VARIABLE = "STANDIN"
DEFAULTS = {
    "step_seconds": 10.0,  # by the clock of the pod
    "save_steps": 5,
    "adapter_bytes": 200_000,
    "fail_at": 0,  # a step; 0: it does not fail
    "fail_kind": "internal",
    "die_at": 0,  # a step at which it kills itself, once for each checkpoint folder
}
FINISHED, FAILED, REFUSED, CANCELLED = 0, 1, 2, 130
SEAL = "temper-checkpoint.json"
"""In a checkpoint that is whole."""
_ENDED = {"finished", "failed", "cancelled"}


class StoppedError(Exception):
    """Asked to save and end."""


class FailedError(Exception):
    """As the trainer's own failures: a kind of the contract and a sentence."""

    def __init__(self, kind: str, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.kind, self.code = kind, code


class Run:
    """One boot of one run."""

    def __init__(self, job_path: Path) -> None:
        self.folder = job_path.parent
        self.job: dict[str, Any] = json.loads(job_path.read_bytes())
        self.how = DEFAULTS | json.loads(os.environ.get(VARIABLE) or "{}")
        self.out = self._real(self.job["output_directory"])
        self.hp: dict[str, Any] = self.job.get("hp", {})
        self.steps = int(self.hp.get("max_steps") or 20)
        self.seq = self._repair_events()
        self.stopped = False
        self.state = self._first_state()
        self._first = b""

    def main(self) -> int:
        """Everything; the exit code."""
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        try:
            result = self._train()
        except StoppedError:
            fields = {"kind": "cancelled", "message": "Stopped.", "hint": "", "details": ""}
            return self._end("cancelled", CANCELLED, "failed", fields)
        except FailedError as error:
            fields = {"kind": error.kind, "message": str(error), "hint": "", "details": ""}
            return self._end("failed", error.code, "failed", fields)
        except OSError as error:
            kind = "disk_full" if error.errno == 28 else "internal"
            fields = {"kind": kind, "message": str(error), "hint": "", "details": ""}
            return self._end("failed", FAILED, "failed", fields)
        return self._end("finished", FINISHED, "finished", result)

    def _train(self) -> dict[str, Any]:
        self._phase("preparing")
        data = self._dataset()
        self._phase("tokenizing")
        _write(self.folder / "split.json", {"train": list(range(8)), "eval": []})
        _write_text(self.folder / "samples.jsonl", json.dumps({"prompt": "Hello"}) + "\n")
        self._mark(finished=False)
        step, weights = self._checkpoint(data)
        self._phase("training")
        if step == 0:
            self.say("eval", step=0, eval_loss=_loss(0))
        while step < self.steps:
            self._pause(step, weights)
            step += 1
            weights = _stepped(weights, step)
            self._misbehave(step)
            self._progress(step)
            if step % self._save_steps == 0:
                self._save(step, weights)
        self.say("eval", step=step, eval_loss=_loss(step))
        self._phase("saving")
        return self._finish(step, weights)

    @property
    def _save_steps(self) -> int:
        return int(self.hp.get("save_steps") or self.how["save_steps"])

    def _dataset(self) -> bytes:
        """What decides the weights: the dataset's content and the seed."""
        wanted = self.job["dataset"]
        content = b""
        if wanted.get("path"):
            try:
                content = self._real(wanted["path"]).read_bytes()
            except OSError:
                message = f"There is no dataset at {wanted['path']}."
                raise FailedError("bad_dataset", message, REFUSED) from None
            if wanted.get("sha256") not in ("", None, hashlib.sha256(content).hexdigest()):
                message = "The dataset is not the one that the job names."
                raise FailedError("bad_dataset", message, REFUSED)
        decisive = {"rows": hashlib.sha256(content).hexdigest(), "seed": self.hp.get("seed", 0)}
        decisive |= {"base": self.job["base_model"], "rate": self.hp.get("learning_rate")}
        return json.dumps(decisive, sort_keys=True).encode()

    def _checkpoint(self, data: bytes) -> tuple[int, bytes]:
        """The newest whole checkpoint's step and weights; else the beginning."""
        first = hashlib.sha256(data).digest()
        found = []
        for path in (self.out / "checkpoints").glob(f"checkpoint-*/{SEAL}"):
            with contextlib.suppress(OSError, ValueError, KeyError):
                known = json.loads(path.read_bytes())
                if known["first"] == first.hex() and known["step"] <= self.steps:
                    found.append((int(known["step"]), bytes.fromhex(known["weights"])))
        self._first = first
        if not found:
            return 0, first
        step, weights = max(found)
        print(f"Going on from step {step}.", flush=True)
        return step, weights

    def _save(self, step: int, weights: bytes) -> None:
        folder = self.out / "checkpoints" / f"checkpoint-{step}"
        folder.mkdir(parents=True, exist_ok=True)
        known = {"step": step, "weights": weights.hex(), "first": self._first.hex()}
        _write(folder / SEAL, known)
        self.say("checkpoint", step=step, path=f"{self.job['output_directory']}/checkpoints/"
                 f"checkpoint-{step}")  # fmt: skip
        kept = sorted(folder.parent.glob("checkpoint-*"), key=lambda one: int(one.name[11:]))
        for old in kept[: -int(self.hp.get("save_total_limit") or 2)]:
            (old / SEAL).unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                old.rmdir()

    def _pause(self, step: int, weights: bytes) -> None:
        """One step's time; a stop is heard in it, and then what there is is saved first."""
        until = time.time() + float(self.how["step_seconds"])
        while not self.stopped and (left := until - time.time()) > 0:
            time.sleep(min(left, 1.0))
            self.stopped = self.stopped or (self.folder / "stop.request").exists()
        if self.stopped:
            self._save(step, weights)
            raise StoppedError

    def _progress(self, step: int) -> None:
        self.say(
            "progress", step=step, total_steps=self.steps, epoch=step / self.steps,
            loss=_loss(step), learning_rate=2e-4, grad_norm=1.0, tokens=step * 100,
            processed_tokens=step * 100, tokens_per_second=10.0, processed_per_second=10.0,
            average_tokens_per_second=10.0, peak_memory_bytes=10**9,
            process_peak_memory_bytes=10**9,
            eta_seconds=(self.steps - step) * float(self.how["step_seconds"]),
        )  # fmt: skip
        print(f"step {step} of {self.steps}: loss {_loss(step):.4f}", flush=True)

    def _misbehave(self, step: int) -> None:
        if step == self.how["fail_at"]:
            raise FailedError(str(self.how["fail_kind"]), "It failed because it was told to.")
        note = self.folder / "died.note"
        if step == self.how["die_at"] and not note.exists():
            note.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    def _finish(self, step: int, weights: bytes) -> dict[str, Any]:
        adapter = self.out / "adapter"
        adapter.mkdir(parents=True, exist_ok=True)
        content = _safetensors(weights, int(self.how["adapter_bytes"]))
        config = {"base_model_name_or_path": self.job["base_model"], "peft_type": "LORA", "r": 8}
        _write(adapter / "adapter_config.json", config)
        _write_bytes(adapter / "adapter_model.safetensors", content)
        self._mark(finished=True)
        result = {
            "run_id": self.job["run_id"],
            "adapter_path": f"{self.job['output_directory']}/adapter",
            "base_model": self.job["base_model"], "engine": "stand-in", "device": "stand-in",
            "steps": step, "train_loss": _loss(step), "eval_loss_before": _loss(0),
            "eval_loss_after": _loss(step), "trained_tokens": step * 100,
            "processed_tokens": step * 100,
            "seconds": step * float(self.how["step_seconds"]),
            "adapter_sha256": hashlib.sha256(content).hexdigest(),
            "dataset_sha256": self.job["dataset"].get("sha256", ""),
        }  # fmt: skip
        _write(self.folder / "result.json", result)
        return result

    def _mark(self, *, finished: bool) -> None:
        """As in the trainer's output directories; the fingerprint is no real one."""
        self.out.mkdir(parents=True, exist_ok=True)
        marker = {"run_id": self.job["run_id"], "fingerprint": "stand-in", "finished": finished}
        _write(self.out / "temper-output.json", marker)

    def say(self, type_: str, **fields: Any) -> None:
        """One event."""
        event = {"seq": self.seq, "time": time.time(), "type": type_} | fields
        with (self.folder / "events.jsonl").open("ab", buffering=0) as file:
            file.write(json.dumps(event).encode() + b"\n")
        self.seq += 1

    def _phase(self, phase: str) -> None:
        self._write_state(phase)
        self.say("phase", phase=phase)

    def _end(self, phase: str, code: int, type_: str, fields: dict[str, Any]) -> int:
        with contextlib.suppress(OSError):
            self.say("phase", phase=phase)
            self.say(type_, **fields)
            self._write_state(phase, code)
        print(f"{phase}: {fields.get('message', '')}", flush=True)
        return code

    def _write_state(self, phase: str, code: int | None = None) -> None:
        now = time.time()
        ended = now if phase in _ENDED else None
        self.state |= {"phase": phase, "updated_at": now, "ended_at": ended, "exit_code": code}
        _write(self.folder / "state.json", self.state)

    def _first_state(self) -> dict[str, Any]:
        boots = 0
        with contextlib.suppress(OSError, ValueError, KeyError):
            boots = int(json.loads((self.folder / "state.json").read_bytes())["boot_count"])
        now = time.time()
        return {
            "run_id": self.job["run_id"], "phase": "preparing", "pid": os.getpid(),
            "pid_created": now, "host": socket.gethostname(), "boot_count": boots + 1,
            "started_at": now, "updated_at": now, "ended_at": None, "exit_code": None,
        }  # fmt: skip

    def _repair_events(self) -> int:
        """Cut off a torn line; the next number."""
        path = self.folder / "events.jsonl"
        content = path.read_bytes() if path.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            os.truncate(path, len(whole))
        lines = whole.splitlines()
        return int(json.loads(lines[-1])["seq"]) + 1 if lines else 0

    def _real(self, path: str) -> Path:
        root = os.environ.get("TEMPER_DATA_ROOT", "/data")
        return Path(root + path[5:]) if path.startswith("/data/") else Path(path)

    def _on_stop(self, *_: object) -> None:
        self.stopped = True


def main(job: str) -> int:
    """Run that job; the exit code."""
    return Run(Path(job)).main()


def _stepped(weights: bytes, step: int) -> bytes:
    return hashlib.sha256(weights + step.to_bytes(4, "big")).digest()


def _loss(step: int) -> float:
    return round(1.0 + 2.0 / (1 + step), 6)


def _safetensors(weights: bytes, size: int) -> bytes:
    tensor = {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}
    header = json.dumps({"lora_A": tensor}).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + hashlib.shake_256(weights).digest(size)


def _write(path: Path, value: dict[str, Any]) -> None:
    _write_text(path, json.dumps(value, indent=1) + "\n")


def _write_text(path: Path, text: str) -> None:
    _write_bytes(path, text.encode())


def _write_bytes(path: Path, content: bytes) -> None:
    """Whole or not at all."""
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    temporary.replace(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[sys.argv.index("--job") + 1]))
