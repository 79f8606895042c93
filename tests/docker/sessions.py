"""What a person does in a whole session of the program: ``python -m tests.docker.sessions NAME``.

The rest of what is needed comes as a JSON object on the command line; what was seen goes out the
same way.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.domain.config import RUNTIME_DOCKER, RUNTIME_PYTHON
from services.run_follower import run_folder
from services.trainer_code import TrainerCode
from tests.docker.hands import Hands, drive
from views.main_window import RUNS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from services.secrets import SecretStore

PROMPT = "What is a generator?"


async def without_network(hands: Hands, *, rows: str, model: str, image: str) -> object:
    """Import, train and ask in a container, then beside it, and save the setup."""
    await hands.import_file(Path(rows))
    hands.set(
        hp__base_model=model, hp__max_steps=2, hp__max_seq_length=128, hp__packing=False,
        local__image=image, local__use_gpu=False,
    )  # fmt: skip
    seen: dict[str, Any] = {}
    for runtime in (RUNTIME_DOCKER, RUNTIME_PYTHON):
        name = runtime.split()[0].lower()
        hands.set(local__runtime=runtime, output__directory=f"/data/outputs/{name}")
        run = await hands.train()
        answers = await hands.answer(PROMPT)
        seen[name] = {"run": run.id, "answers": answers}
    await hands.save("Away from everything")
    return seen


async def only_docker(hands: Hands, *, run_id: str, prompt: str) -> object:
    """Ask a run of the history."""
    hands.window.show_page(RUNS)
    run = next(one for one in hands.models.runs.items if one.id == run_id)
    hands.wiring.runs.select(run)
    answers = await hands.answer(prompt, hands.models.shown_run)
    return {"answers": answers, "notices": hands.notices}


async def with_secrets(
    hands: Hands, *, code: str, rows: str, model: str, image: str, private: str
) -> object:
    """Pull with a login; train with the token passed and without, and ask; run into a fault."""
    # The program's own trainer, which says its token first of all.
    hands.services.runs.starter._code = lambda: TrainerCode(Path(code), "0" * 64)
    await hands.import_file(Path(rows))
    docker = hands.models.docker
    hands.wiring.docker.controller.pull(private)
    await hands.until(lambda: docker.outcome.text)
    hands.set(
        hp__base_model=model, hp__max_steps=1, hp__max_seq_length=64, hp__packing=False,
        local__image=image, local__use_gpu=False, local__runtime=RUNTIME_DOCKER,
    )  # fmt: skip
    seen: dict[str, Any] = {"pull": docker.outcome.text}
    for name, is_ticked in (("ticked", True), ("not", False)):
        hands.set(local__pass_hf_token=is_ticked, output__directory=f"/data/outputs/{name}")
        run = await hands.train()
        seen[name] = {"run": run.id, "log": hands.models.run.log.last_lines(1000)}
    await hands.answer(PROMPT)
    await hands.save("Planted")
    hands.session.desk.tasks.start(_fault(hands.services.secrets))
    await hands.until(lambda: list(hands.services.paths.logs.glob("crash-*.txt")))
    return seen


async def to_the_end(hands: Hands) -> object:
    """Watch the run that goes on until it has ended, which it does once it is seen."""
    status, log = hands.models.run.status, hands.models.run.log
    await hands.until(lambda: status.run is not None)
    assert status.run is not None
    run_folder(status.run).path.joinpath("go").touch()
    await hands.until(lambda: status.run is not None and status.run.state.is_over)
    await hands.until(lambda: hands.child("run.status").text() == "Training finished")
    log.flush_all()
    return {
        "status": hands.child("run.status").text(),
        "log": "\n".join(log.last_lines(log.rowCount())),
        "steps": list(hands.models.run.metrics.curve("loss")[0]),
    }


async def found_again(hands: Hands) -> object:
    """What the window says, at its start, of a run that ended meanwhile."""
    status, autopsy = hands.models.run.status, hands.models.run.autopsy
    await hands.until(lambda: status.run is not None and status.run.state.is_over)
    await hands.until(lambda: autopsy.autopsy is not None)
    return {
        "status": hands.child("run.status").text(),
        "reason": hands.child("run.reason").text(),
        "remedy": hands.child("run.remedy").text(),
        "notice": hands.child("notice.title").text(),
        "text": hands.child("notice.text").text(),
    }


async def _fault(secrets: SecretStore) -> None:
    raise RuntimeError(f"a fault with {[secrets.get(name) for name in secrets.NAMES]}")


SESSIONS: dict[str, Callable[..., Awaitable[object]]] = {
    one.__name__: one
    for one in (without_network, only_docker, with_secrets, to_the_end, found_again)
}

if __name__ == "__main__":
    name, given = sys.argv[1], json.loads(sys.argv[2])
    drive(lambda hands: SESSIONS[name](hands, **given), offline=name == "without_network")
