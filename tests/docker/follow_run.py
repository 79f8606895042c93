"""A program that starts or follows a run and is killed at some moment: ``HOME IMAGE RUN``.

Without RUN it starts one, and says so just before.
"""

import os
import sys
import time
from pathlib import Path

from tests.docker.programs import program

home, image, *given = sys.argv[1:]
with program(Path(home), image) as temper:
    print("ready", flush=True)
    if not given:
        temper.start("talk-20", **{"output.directory": f"/data/outputs/{os.getpid()}"})
        sys.exit()
    temper.runs.reattach()
    while not temper.runs.poll(given[0]).run.state.is_over:
        time.sleep(0.02)
