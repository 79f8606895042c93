"""A stand-in for ``trainer_image.infer`` that speaks its protocol without a model.

What it does is told by the base model's name (``slow`` takes a minute to load, ``bad`` fails) and
by the prompt: ``die`` and ``killed`` end the process in the middle, ``long`` goes on until it is
cancelled, ``where`` tells of the process. Anything else is answered with itself.
"""

import json
import os
import signal
import sys
import threading
import time

cancelled = set()
requests = []
loaded = {}
arrived = threading.Condition()


def read():
    for line in sys.stdin:
        request = json.loads(line)
        with arrived:
            if request["op"] == "cancel":
                cancelled.add(request["id"])
            else:
                requests.append(request)
            arrived.notify()
    os._exit(0)


def reply(number, type_, /, **fields):
    sys.stdout.write(json.dumps({"id": number, "type": type_} | fields) + "\n")
    sys.stdout.flush()


def load(number, base_model, **rest):
    if base_model == "slow":
        time.sleep(60)
    if base_model == "bad":
        reply(number, "error", kind="not_found", message="There is no model.", hint="Look.")
        return
    loaded.update(rest, base_model=base_model)
    reply(number, "loaded")


def generate(number, messages, **rest):
    prompt, text = messages[-1]["content"], ""
    if prompt == "where":
        text = json.dumps({"pid": os.getpid(), "env": dict(os.environ), "loaded": loaded, **rest})
    elif prompt == "long":
        while number not in cancelled:
            text += "on "
            reply(number, "token", text="on ")
            time.sleep(0.01)
    else:
        text = " | ".join(message["content"] for message in messages)
        reply(number, "token", text="half" if prompt in ("die", "killed") else text)
    if prompt in ("die", "killed"):
        print("the worker's last words", file=sys.stderr, flush=True)
        if prompt == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        sys.stdout.write('{"id": ')
        sys.stdout.flush()
        os._exit(7)
    finish = "cancelled" if number in cancelled else "stop"
    reply(number, "done", text=text, tokens=1, seconds=0.1, finish=finish)


sys.stdout.write('{"type": "ready"}\n')
sys.stdout.flush()
threading.Thread(target=read, daemon=True).start()
while True:
    with arrived:
        arrived.wait_for(lambda: requests)
        request = requests.pop(0)
    operation = {"load": load, "generate": generate}[request.pop("op")]
    operation(request.pop("id"), **request)
