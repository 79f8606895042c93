"""What a program's exit code says of its end."""

from __future__ import annotations

# The first five are the trainer's own (trainer_image/contract.py: ExitCode; a test compares them).
# 125 to 127 are Docker's (docker run), 128 + N means ended by signal N (POSIX shells), the large
# ones are how Windows tells of an access violation and of Ctrl+C (winnt.h: NTSTATUS).
_MEANINGS = {
    0: "finished",
    1: "the trainer failed and said why",
    2: "the trainer refused the job before it began",
    3: "the GPU ran out of memory",
    125: "Docker could not start the container",
    126: "the container's command could not be run",
    127: "the container's command was not found",
    130: "stopped on request",
    132: "ended by the processor: an instruction that it does not know",
    134: "ended itself after an internal error (abort)",
    135: "ended by the system: an error of memory or disk (bus error)",
    136: "ended by the system: an arithmetic error",
    137: "killed (signal 9)",
    139: "crashed (segmentation fault)",
    143: "asked to end from outside (signal 15)",
    0xC0000005: "crashed (access violation)",
    0xC000013A: "ended by Ctrl+C",
}
KILLED = 137
CRASHED = frozenset({132, 134, 135, 136, 139, 0xC0000005})
"""Ends of a program that broke, not of one that was asked to go."""


def exit_code_meaning(code: int) -> str:
    """The code in words; signals that ended a process may be given as 128 + N or as -N."""
    known = _MEANINGS.get(as_shell_code(code))
    if known:
        return known
    code = as_shell_code(code)
    return f"ended by signal {code - 128}" if 128 < code < 160 else "a code without a known meaning"


def as_shell_code(code: int) -> int:
    """``-N``, as Python tells of a process that signal N ended, as 128 + N."""
    return 128 - code if -64 <= code < 0 else code
