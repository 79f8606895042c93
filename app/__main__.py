"""``python -m app``: the window by default, with a command the command line.

Which of the two is decided from the bare arguments: typer is not imported for the window, whose
first frame it would delay.
"""

from __future__ import annotations

import sys
from pathlib import Path

from app import frozen

_WINDOW_OPTIONS = {"--smoke", "--offline"}
_IMPORT_WORKER = "--import-worker"
"""How the frozen program starts itself as the child that imports (services/dataset_import)."""
_MODEL_WORKER = "--model-worker"
"""And as the child that fetches a base model (services/models)."""
_CONTAINER_PROGRAM = "--container-program"
"""And as the program that stands for a module in a container (services/runners)."""


def main(argv: list[str] | None = None) -> int:
    """Run the program with these arguments (those of the process by default)."""
    frozen.prepare()
    arguments = sys.argv[1:] if argv is None else argv
    if arguments == [_IMPORT_WORKER]:
        from services.dataset_import.child import main as import_rows

        return import_rows()
    if arguments == [_MODEL_WORKER]:
        from services.models.child import main as fetch_model

        return fetch_model()
    if arguments[:1] == [_CONTAINER_PROGRAM]:
        from services.runners.container_program import main as run_module

        return run_module(arguments[1:])
    if is_for_window(arguments):
        return _window(arguments)
    from app.cli.main import app
    from app.cli.output import prepare_streams

    prepare_streams()
    app(args=arguments, prog_name="temper")  # leaves by SystemExit with the command's exit code
    return 0


def is_for_window(arguments: list[str]) -> bool:
    """Whether nothing but options of the window was given."""
    rest = list(arguments)
    while rest:
        option = rest.pop(0)
        if option not in _WINDOW_OPTIONS:
            return False
        if option == "--smoke":
            if not rest:
                return False
            rest.pop(0)
    return True


def _window(arguments: list[str]) -> int:
    from app.window import run_window

    smoke = Path(arguments[arguments.index("--smoke") + 1]) if "--smoke" in arguments else None
    return run_window(offline="--offline" in arguments, smoke=smoke)


if __name__ == "__main__":
    sys.exit(main())
