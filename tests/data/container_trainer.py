"""A stand-in for ``trainer_image.train`` in a container of the tests: what it does is in its name.

The last part of base_model says it: ``talk-500`` prints so many numbered lines, alternately on both
outputs, with an event every ten. ``wait`` trains until it is stopped and saves for half a second,
``import`` dawdles before it can hear signals, ``save`` is saving for two seconds, ``hog`` takes
memory until it is killed, ``fill`` writes until the disk is full, ``redraw`` draws progress,
``clock-N`` says when it prints, ``toldtalk-N`` ends once ``go`` lies in the run's folder,
``slowtalk-N`` and ``look`` are for what a test wants to see.
"""

import contextlib
import json
import os
import pathlib
import signal
import socket
import sys
import time

folder = pathlib.Path(sys.argv[sys.argv.index("--job") + 1]).parent
job = json.loads((folder / "job.json").read_text())
how, _, number = job["base_model"].rsplit("/", 1)[-1].partition("-")
count = int(number or 0)
if how == "import":
    print("importing", flush=True)
    time.sleep(2)

root = pathlib.Path(os.environ["TEMPER_DATA_ROOT"])
output = root / job["output_directory"].removeprefix("/data/")
events = (folder / "events.jsonl").open("a")
seq = len((folder / "events.jsonl").read_text().splitlines())
began, asked = time.time(), False


def emit(event, **fields):
    global seq
    events.write(json.dumps({"seq": seq, "time": time.time(), "type": event, **fields}) + "\n")
    events.flush()
    seq += 1


def state(phase, code=None):
    content = {
        "run_id": job["run_id"], "phase": phase, "pid": os.getpid(), "boot_count": 1,
        "host": socket.gethostname(), "started_at": began, "updated_at": time.time(),
        "exit_code": code,
    }  # fmt: skip
    (folder / "state.tmp").write_text(json.dumps(content))
    (folder / "state.tmp").replace(folder / "state.json")


def end(code, kind=None):
    if kind:
        emit("failed", kind=kind, message=f"It was {kind}.", hint="Do this.")
    emit("phase", phase="failed" if code else "finished")
    state("failed" if code else "finished", code)
    sys.exit(code)


def finish():
    adapter = output / "adapter"
    adapter.mkdir(parents=True, exist_ok=True)
    (adapter / "adapter_config.json").write_text(
        json.dumps({"base_model_name_or_path": job["base_model"]})
    )
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    size = len(header).to_bytes(8, "little")
    (adapter / "adapter_model.safetensors").write_bytes(size + header + bytes(4))
    result = {"run_id": job["run_id"], "adapter_path": f"{job['output_directory']}/adapter",
              "base_model": job["base_model"], "engine": "scripted", "steps": count,
              "device": "cpu", "peak_memory_bytes": 1_000_000}  # fmt: skip
    (folder / "result.json").write_text(json.dumps(result))
    end(0)


def on_signal(*_):
    global asked
    asked = True


def stop_if_asked():
    if asked or (folder / "stop.request").exists():
        print("saving", flush=True)
        time.sleep(0.5)
        output.mkdir(parents=True, exist_ok=True)
        (output / "checkpoint").write_text("saved")
        print("saved", flush=True)
        end(130, "cancelled")


def talk(pause):
    for line in range(count):
        print(f"line {line}", file=sys.stderr if line % 2 else sys.stdout, flush=True)
        if line % 10 == 0:
            emit("progress", step=line + 1, total_steps=count, loss=3 - line / count)
        time.sleep(pause)
        stop_if_asked()


def look():
    devices = pathlib.Path("/proc/net/dev").read_text().split()
    seen = {
        "uid": os.getuid(), "gid": os.getgid(), "groups": os.getgroups(),
        "cwd": str(pathlib.Path.cwd()),
        "argv": sys.argv, "env": dict(os.environ), "file": __file__, "first": os.getppid() == 1,
        "network": sorted(word.rstrip(":") for word in devices if word.endswith(":")),
        "status": pathlib.Path("/proc/self/status").read_text(),
        "writable": [place for place in ("/", "/opt/temper", "/tmp", "/data", "/usr", "/var/tmp")
                     if os.access(place, os.W_OK)],
        "shm": os.statvfs("/dev/shm").f_blocks * os.statvfs("/dev/shm").f_frsize,
    }  # fmt: skip
    with contextlib.suppress(OSError):
        seen["model"] = sorted(file.name for file in pathlib.Path(job["base_model"]).iterdir())
        seen["config"] = (pathlib.Path(job["base_model"]) / "config.json").read_text()
    (folder / "seen.json").write_text(json.dumps(seen))


signal.signal(signal.SIGTERM, on_signal)
(folder / "stop.request").unlink(missing_ok=True)
emit("phase", phase="preparing")
state("preparing")
print("hello from the container", flush=True)
emit("phase", phase="saving" if how == "save" else "training")
state("training")
emit("progress", step=1, total_steps=count or 1, loss=3.0)
if how == "talk":
    talk(0.002)
elif how == "slowtalk":
    talk(0.05)
elif how == "toldtalk":
    talk(0.05)
    while not (folder / "go").exists():
        time.sleep(0.05)
elif how == "clock":
    for number in range(count):
        time.sleep(0.02 + (number * 37 % 100) / 200)
        print(f"at {time.time():.6f}", flush=True)
    time.sleep(10)
elif how == "save":
    for number in range(20):
        print("part", number, flush=True)
        time.sleep(0.1)
elif how == "hog":
    held = []
    while True:
        held.append(bytearray(os.urandom(1 << 20)))
elif how == "fill":
    output.parent.mkdir(parents=True, exist_ok=True)
    for number in range(10**6):
        print("filling", number, flush=True)
        try:
            with (output.parent / "big").open("ab") as file:
                file.write(bytes(1 << 20))
        except OSError as error:
            print("no space:", error.errno, flush=True)
            sys.exit(1)
        time.sleep(0.01)
elif how == "redraw":
    for number in range(101):
        print(f"\r{number} %", end="", flush=True)
    print("\r\nlong " + "x" * 40_000 + " end", flush=True)
    print("not ended", end="", flush=True)
elif how in {"look", "config"} or job["base_model"].startswith("/"):
    look()
deadline = time.monotonic() + 600
while how in {"wait", "import"} and time.monotonic() < deadline:
    time.sleep(0.02)
    stop_if_asked()
finish()
