"""``temper secret``: tokens and keys. A value is read from standard input, never from arguments."""

from __future__ import annotations

import getpass
import sys
from enum import StrEnum
from typing import Annotated

import typer

from app.cli.output import Json, print_json, print_table, reported, say
from app.cli.state import services
from models.domain.errors import AppError
from models.domain.secrets import (
    ENVIRONMENT,
    HF_TOKEN,
    MEMORY,
    RUNPOD_KEY,
    S3_ACCESS_KEY,
    S3_SECRET_KEY,
    SECRETS,
    SecretState,
)

app = typer.Typer(help="Tokens and keys: set, test, remove, list.", no_args_is_help=True)


class SecretName(StrEnum):
    """The secrets as they are typed."""

    HF_TOKEN = HF_TOKEN
    RUNPOD_KEY = RUNPOD_KEY
    S3_ACCESS_KEY = S3_ACCESS_KEY
    S3_SECRET_KEY = S3_SECRET_KEY


Name = Annotated[SecretName, typer.Argument(metavar="NAME", help="Which one.")]
_ON_INPUT = (
    "A secret is read from standard input, never from arguments: there it stays in the shell's "
    "history and in the list of processes. If it was a real one, make a new one."
)


@app.command("set", context_settings={"allow_extra_args": True})
def set_secret(context: typer.Context, name: Name, json_: Json = False) -> None:
    """Keep a secret in the system keychain; its value comes from standard input."""
    if context.args:  # typer's own refusal would repeat it
        raise typer.BadParameter(_ON_INPUT)
    with reported(json_):
        info = SECRETS[name.value]
        state = services().secrets.set(info.name, _read_value(info.label))
        if state.where == MEMORY:  # which ends with this command
            raise AppError(
                "no_keychain",
                state.problem or services().secrets.keychain_problem(),
                f"Set the environment variable {info.variables[0]} instead.",
            )
        _show(state, f"The {info.label} is in {state.where}.", as_json=json_)


@app.command("test")
def try_out(
    name: Name,
    data_center: Annotated[
        str, typer.Option(help="Where to try the S3 keys out; EU-RO-1 if left out.")
    ] = "",
    json_: Json = False,
) -> None:
    """Try a secret out with a call that Temper really makes."""
    with reported(json_):
        message = services().secret_checks.test(name.value, data_center)
        if json_:
            print_json({"name": name.value, "works": True, "message": message})
        else:
            print(message)


@app.command()
def remove(name: Name, json_: Json = False) -> None:
    """Forget a secret."""
    with reported(json_):
        info = SECRETS[name.value]
        state = services().secrets.remove(info.name)
        words = f"The {info.label} is removed."
        if state.where == ENVIRONMENT:
            variable = services().secrets.variable(info.name)
            words = f"The variable {variable} still holds the {info.label}: unset it there."
        _show(state, words, as_json=json_)


@app.command("list")
def list_secrets(json_: Json = False) -> None:
    """List which secrets are set and where they are kept, never what they are."""
    with reported(json_):
        store = services().secrets
        states = store.states()
        if json_:
            print_json(states)
            return
        rows = ((one.name, _place(one), SECRETS[one.name].variables[0]) for one in states)
        print_table(("NAME", "SET", "VARIABLE"), rows)
        if problem := store.keychain_problem():
            say(f"{problem} The variables are read instead.")


def _read_value(label: str) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(f"{label}: ")
    return sys.stdin.read()


def _place(state: SecretState) -> str:
    if state.is_set:
        return f"yes, in {state.where}"
    return f"not known: {state.problem}" if state.problem else "no"


def _show(state: SecretState, words: str, *, as_json: bool) -> None:
    if as_json:
        print_json(state)
    else:
        print(words)
