"""Find races: what our threads wait for is late at random, as on a busy machine.

    TEMPER_JITTER=1 python -m pytest -p tests.jitter FILES

An answer from a network, the end of a transaction and the start of a thread are late often, and any
function of ours returns late now and then. What fails then, and not without, holds only while
everything is quick, or is a bug: both can fail on any machine, only seldom. The number names a
sequence of delays; as threads are not played again exactly, another number is another try. The idea
is that of Cuzz (Burckhardt et al., "A randomized scheduler with probabilistic guarantees of finding
bugs", ASPLOS 2010).
"""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

_ROOT = Path(__file__).parents[1]
_OURS = tuple(
    str(_ROOT / name) + os.sep
    for name in ("app", "controllers", "models", "services", "views", "tests/emulators")
)
_ANYWHERE = ((0.00005, 2.0), (0.0005, 0.2), (0.005, 0.02))
"""How likely a return is late, and by how many seconds at most; the rarest first."""
_EDGES = {
    ("return", str(Path("httpx", "_client.py")), "send"): (0.2, 0.5),
    ("return", str(Path("sqlalchemy", "orm", "session.py")), "commit"): (0.05, 0.3),
    ("call", "threading.py", "run"): (0.2, 0.5),
}
"""Where threads and programs meet: there most of what is quick by luck is."""
_random = random.Random(os.environ.get("TEMPER_JITTER", "1"))


def _late(frame: FrameType, event: str, _argument: Any) -> None:
    code = frame.f_code
    if code.co_filename.startswith(_OURS):
        if event == "return":
            _sleep(_ANYWHERE)
    elif code.co_name in ("send", "commit", "run"):
        for (what, file, name), delay in _EDGES.items():
            if (event, code.co_name) == (what, name) and code.co_filename.endswith(file):
                _sleep((delay,))


def _sleep(delays: tuple[tuple[float, float], ...]) -> None:
    drawn = _random.random()
    for likely, most in delays:
        if drawn < likely:
            time.sleep(_random.uniform(0, most))
            return


def pytest_configure() -> None:
    threading.setprofile(_late)
    sys.setprofile(_late)


def pytest_unconfigure() -> None:
    sys.setprofile(None)
