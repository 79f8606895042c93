"""Processes as tests look at them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

_ROOT = Path(__file__).parents[1]


def command_of(process: psutil.Process) -> list[str]:
    """Its command line; empty where it has ended meanwhile or waits for its parent to reap it."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def kill_once_it_works(script: str, *arguments: object) -> None:
    """Run a script of ours, and kill it once it has printed how many rows it has come to. It had
    children then, and they end, too."""
    command = [sys.executable, "-u", "-c", script, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    program = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    with program, program.stdout:
        assert "rows" in program.stdout.readline()
        children = psutil.Process(program.pid).children()
        program.send_signal(signal.SIGKILL)
    assert children
    assert psutil.wait_procs(children, timeout=60)[1] == []
