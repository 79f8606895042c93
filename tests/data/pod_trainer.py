"""A stand-in for ``trainer_image.train`` on a pod: standard library only, and quick.

``script`` in its job says what it does: ``steps`` of ``pause`` seconds, a checkpoint after each,
an adapter of ``size`` bytes that depends only on the job; ``end`` is finish, fail, hang or silent.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import signal
import sys
import time

job_path = pathlib.Path(sys.argv[sys.argv.index("--job") + 1])
folder = job_path.parent
job = json.loads(job_path.read_text())
script = {"steps": 5, "pause": 0.05, "size": 1000, "end": "finish"} | job.get("script", {})
root = pathlib.Path(os.environ["TEMPER_DATA_ROOT"])
output = root / job["output_directory"].removeprefix("/data/")
output.mkdir(parents=True, exist_ok=True)
checkpoint = output / "checkpoint.json"
events = folder / "events.jsonl"
stopping = False


def write(path, value):
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(json.dumps(value))
    temporary.replace(path)


def state(phase, code=None):
    known = {"run_id": job["run_id"], "phase": phase, "pid": os.getpid(), "exit_code": code}
    write(folder / "state.json", known)


def emit(event, **fields):
    """One line, or none: a line that a kill has torn is cut off first."""
    with events.open("ab+") as file:
        file.seek(0)
        whole = file.read().rpartition(b"\n")
        file.truncate(len(whole[0]) + len(whole[1]))
        seq = whole[0].count(b"\n") + bool(whole[1])
        file.write(json.dumps({"seq": seq, "type": event, **fields}).encode() + b"\n")


def end(phase, code):
    emit(phase, token=bool(os.environ.get("HF_TOKEN")))
    state(phase, code)
    sys.exit(code)


def on_signal(*_):
    global stopping
    stopping = True


signal.signal(signal.SIGTERM, signal.SIG_IGN if script["end"] == "hang" else on_signal)
state("training")
done = 0
with contextlib.suppress(FileNotFoundError):
    done = json.loads(checkpoint.read_text())["step"]
emit("phase", resumed=done)
print("withheld:", sorted({"RUNPOD_API_KEY", "TEMPER_TOKEN_SHA256"} & set(os.environ)), flush=True)
while done < script["steps"] or script["end"] in ("hang", "silent"):
    time.sleep(script["pause"])
    if script["end"] == "silent":
        continue
    done += 1
    write(checkpoint, {"step": done})
    emit("progress", step=done)
    print("step", done, flush=True)
    if stopping:
        end("cancelled", 130)
if script["end"] == "fail":
    end("failed", 1)
adapter = output / "adapter"
adapter.mkdir(exist_ok=True)
seed = hashlib.sha256(json.dumps(script, sort_keys=True).encode()).digest() * 2048
with (adapter / "adapter_model.safetensors").open("wb") as file:
    for start in range(0, script["size"], len(seed)):
        file.write(seed[: script["size"] - start])
write(folder / "result.json", {"run_id": job["run_id"], "steps": done})
end("finished", 0)
