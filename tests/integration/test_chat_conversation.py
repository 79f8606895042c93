"""A conversation in a terminal: Ctrl+C reaches the answer, not the model's process."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = Path(__file__).parents[1]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="signals of a terminal's group"),
]


class Terminal:
    """A conversation as the foreground job of a terminal: a process group of its own."""

    def __init__(self, home: Path, *options: str) -> None:
        package = home / "code" / "trainer_image"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        shutil.copy(TESTS / "data" / "scripted_worker.py", package / "infer.py")
        pipe = subprocess.PIPE
        command = [sys.executable, str(TESTS / "data" / "talk.py"), str(home / "code"), str(home)]
        self._process = subprocess.Popen(
            [*command, *options],
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            bufsize=0,
            env=os.environ | {"PYTHONPATH": str(TESTS.parent), "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )

    def type(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n".encode())

    def until(self, text: str, *, errors: bool = False) -> str:
        """Everything printed up to and with this text."""
        stream: IO[bytes] | None = self._process.stderr if errors else self._process.stdout
        assert stream
        seen = b""
        while not seen.endswith(text.encode()):
            byte = stream.read(1)
            assert byte, f"it ended after {seen.decode()!r}"
            seen += byte
        return seen.decode()

    def interrupt(self) -> None:
        """Ctrl+C: the signal goes to all processes of the foreground group.

        Once the program waits for something: between its last words and its read, Python would
        notice the signal only when the read has ended.
        """
        while psutil.Process(self._process.pid).status() != psutil.STATUS_SLEEPING:
            time.sleep(0.01)
        os.killpg(self._process.pid, signal.SIGINT)

    def ended(self) -> int:
        assert self._process.stdin
        self._process.stdin.close()
        code = self._process.wait(60)
        for stream in (self._process.stdout, self._process.stderr):
            assert stream
            stream.close()
        return code


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    made = Terminal(tmp_path)
    yield made
    assert made.ended() == 0


def test_ctrl_c_ends_the_answer_and_the_conversation_goes_on(terminal: Terminal) -> None:
    terminal.until("You: ")
    terminal.type("long")
    terminal.until("on on ")
    terminal.interrupt()
    terminal.until("(cancelled)\n", errors=True)
    terminal.until("You: ")
    terminal.type("And now?")
    again = terminal.until("You: ")
    assert again.startswith("long | on on "), "the same worker answers, and knows what was said"
    assert "| And now?" in again
    terminal.type("")
    terminal.until("the end\n")


def test_ctrl_c_at_the_prompt_ends_the_conversation(terminal: Terminal) -> None:
    terminal.until("You: ")
    terminal.interrupt()
    terminal.until("the end\n")


def test_a_worker_that_dies_does_not_end_the_conversation(terminal: Terminal) -> None:
    terminal.until("You: ")
    terminal.type("die")
    terminal.until("ended unexpectedly", errors=True)
    terminal.until("You: ")
    terminal.type("Still there?")
    assert "Still there?" in terminal.until("You: ")
    terminal.type("")
    terminal.until("the end\n")


def test_both_models_are_compared_and_each_remembers_its_own_words(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, "--compare")
    terminal.until("You: ")
    terminal.type("Hi")
    first = terminal.until("You: ")
    assert first.index("FINE-TUNED:\nHi") < first.index("BASE MODEL:\nHi")
    terminal.type("More")
    assert terminal.until("You: ").count("Hi | Hi | More") == 2
    terminal.type("")
    terminal.until("the end\n")
    assert terminal.ended() == 0
