"""A stand-in for ``trainer_image.train`` that writes the same files, driven by the model's name.

It runs as a real detached process, so that starting, following and stopping are tested on
processes. ``HOW`` is the last part of base_model: finish, fail, refuse, crash, wait, save,
stubborn; ``told`` finishes once ``go`` lies in the run's folder, ``on`` makes step after step.
"""

import json
import os
import pathlib
import signal
import sys
import time

folder = pathlib.Path(sys.argv[sys.argv.index("--job") + 1]).parent
job = json.loads((folder / "job.json").read_text())
how = job["base_model"].rsplit("/", 1)[-1]
events = folder / "events.jsonl"
began = time.time()
seq = len(events.read_text().splitlines()) if events.exists() else 0
boots = json.loads((folder / "state.json").read_text())["boot_count"] if seq else 0


def emit(event, **fields):
    global seq
    with events.open("a") as file:
        file.write(json.dumps({"seq": seq, "time": time.time(), "type": event, **fields}) + "\n")
    seq += 1


def state(phase, code=None):
    content = {
        "run_id": job["run_id"], "phase": phase, "pid": os.getpid(), "boot_count": boots + 1,
        "started_at": began, "updated_at": time.time(), "exit_code": code,
    }  # fmt: skip
    (folder / "state.tmp").write_text(json.dumps(content))
    (folder / "state.tmp").replace(folder / "state.json")


def end(code, kind=None):
    if kind:
        emit("failed", kind=kind, message=f"It was {kind}.", hint="Do this.")
    emit("phase", phase="failed" if code else "finished")
    state("failed" if code else "finished", code)
    sys.exit(code)


def write_adapter(folder):
    """As small as an adapter can be that is whole: its description, and one tensor."""
    folder.mkdir(parents=True, exist_ok=True)
    made_for = {"base_model_name_or_path": job["base_model"]}
    (folder / "adapter_config.json").write_text(json.dumps(made_for))
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    size = len(header).to_bytes(8, "little")
    (folder / "adapter_model.safetensors").write_bytes(size + header + bytes(4))


def finish():
    output = job["output_directory"]
    root = pathlib.Path(os.environ["TEMPER_DATA_ROOT"])
    write_adapter(root / output.removeprefix("/data/") / "adapter")
    result = {"run_id": job["run_id"], "adapter_path": f"{output}/adapter",
              "base_model": job["base_model"], "engine": "scripted", "steps": 30,
              "device": "cpu", "peak_memory_bytes": 1_000_000_000,
              "eval_loss_before": 3.0, "eval_loss_after": 2.0}  # fmt: skip
    (folder / "result.json").write_text(json.dumps(result))
    end(0)


if how == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, lambda *_: end(130, "cancelled"))
emit("phase", phase="preparing")
state("preparing")
print("hello from the trainer", flush=True)
if how == "refuse":
    end(2, "bad_config")
emit("phase", phase="training")
state("training")
# Between tests' polls: a few events at a time, and nothing left to chance.
for step in range(30_000 if how == "on" else 30):
    emit("progress", step=step + 1, total_steps=30, loss=3 - step / 30)
    print("step", step + 1, flush=True)
    time.sleep(0.02)
    if how == "fail" and step == 3:
        end(1, "nan_loss")
    if how == "crash" and step == 3 and boots == 0:
        os.kill(os.getpid(), signal.SIGKILL)
if how == "save":
    emit("phase", phase="saving")
deadline = time.monotonic() + 600  # a test that failed half-way leaves nobody behind for ever
while how in {"wait", "save", "stubborn", "told"} and time.monotonic() < deadline:
    if how == "told" and (folder / "go").exists():
        break
    time.sleep(0.02)
finish()
