"""Processes as tests look at them."""

from __future__ import annotations

import psutil


def command_of(process: psutil.Process) -> list[str]:
    """Its command line; empty where it has ended meanwhile or waits for its parent to reap it."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []
