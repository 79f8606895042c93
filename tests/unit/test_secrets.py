"""Where tokens and keys are kept, and what happens when a keychain is missing, locked or silent."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import keyring
import pytest
from keyring.backends import chainer, fail, null

from models.domain.errors import AppError
from models.domain.secrets import (
    ENVIRONMENT,
    HF_TOKEN,
    KEYCHAIN,
    MEMORY,
    RUNPOD_KEY,
    SECRET_VARIABLES,
    SECRETS,
    SecretState,
)
from services.keychain import SystemKeychain
from services.redaction import redact
from services.secrets import SecretStore, checked_secret
from tests.emulators.file_keychain import FileKeychain

if TYPE_CHECKING:
    from pathlib import Path

    from keyring.backend import KeyringBackend

TOKEN = "hf_" + "t" * 34
LOCKED = AppError("keychain_locked", "The system keychain is locked.", "Unlock it.")


@dataclass
class Keychain:
    """A keychain in memory, or none, or one that only raises."""

    usable: bool = True
    error: AppError | None = None
    kept: dict[str, str] = field(default_factory=dict)

    def is_usable(self) -> bool:
        return self.usable

    def get(self, name: str) -> str | None:
        self._answer()
        return self.kept.get(name)

    def set(self, name: str, value: str) -> None:
        self._answer()
        self.kept[name] = value

    def remove(self, name: str) -> None:
        self._answer()
        self.kept.pop(name, None)

    def _answer(self) -> None:
        if self.error is not None:
            raise self.error


def test_a_secret_is_kept_in_the_keychain_and_nowhere_else() -> None:
    keychain, environ = Keychain(), {"PATH": "/bin"}
    store = SecretStore(keychain, environ)
    assert store.state(HF_TOKEN) == SecretState(HF_TOKEN)
    assert store.set(HF_TOKEN, f"  {TOKEN}\n") == SecretState(HF_TOKEN, True, KEYCHAIN)
    assert (store.get(HF_TOKEN), keychain.kept) == (TOKEN, {HF_TOKEN: TOKEN})
    assert SecretStore(keychain, environ).get(HF_TOKEN) == TOKEN
    assert store.remove(HF_TOKEN) == SecretState(HF_TOKEN)
    assert store.get(HF_TOKEN) is None
    assert environ == {"PATH": "/bin"}


@pytest.mark.parametrize("variable", SECRET_VARIABLES)
def test_without_a_keychain_the_environment_is_read(variable: str) -> None:
    store = SecretStore(Keychain(usable=False), {variable: f" {TOKEN} "})
    (name,) = [info.name for info in SECRETS.values() if variable in info.variables]
    assert store.state(name) == SecretState(name, True, ENVIRONMENT)
    assert store.get(name) == TOKEN
    assert store.variable(name) == variable
    assert store.remove(name).where == ENVIRONMENT


def test_the_keychain_wins_over_the_environment() -> None:
    store = SecretStore(Keychain(kept={HF_TOKEN: "of-keychain"}), {"HF_TOKEN": "of-environment"})
    assert store.get(HF_TOKEN) == "of-keychain"


def test_without_both_a_secret_lives_as_long_as_the_session() -> None:
    keychain = Keychain(usable=False)
    store = SecretStore(keychain, {"HF_TOKEN": "of-environment"})
    assert store.set(HF_TOKEN, TOKEN) == SecretState(HF_TOKEN, True, MEMORY)
    assert store.get(HF_TOKEN) == TOKEN
    assert SecretStore(keychain, {}).get(HF_TOKEN) is None
    assert "no keychain" in store.keychain_problem()
    assert store.remove(HF_TOKEN).where == ENVIRONMENT


def test_a_locked_keychain_is_told_apart_from_an_empty_one() -> None:
    keychain = Keychain(error=LOCKED)
    store = SecretStore(keychain, {})
    assert store.state(HF_TOKEN) == SecretState(
        HF_TOKEN, problem="The system keychain is locked. Unlock it."
    )
    with pytest.raises(AppError) as caught:
        store.get(HF_TOKEN)
    assert caught.value is LOCKED
    with pytest.raises(AppError):
        store.remove(HF_TOKEN)


def test_a_locked_keychain_does_not_hide_the_environment() -> None:
    store = SecretStore(Keychain(error=LOCKED), {"HF_TOKEN": TOKEN})
    assert store.get(HF_TOKEN) == TOKEN


def test_what_a_keychain_refuses_is_kept_for_the_session_and_the_reason_is_told() -> None:
    keychain = Keychain(error=LOCKED)
    store = SecretStore(keychain, {})
    state = store.set(HF_TOKEN, TOKEN)
    assert (state.where, state.problem) == (MEMORY, "The system keychain is locked. Unlock it.")
    keychain.error = None
    assert store.set(HF_TOKEN, TOKEN).where == KEYCHAIN
    keychain.kept.clear()
    assert store.get(HF_TOKEN) is None


def test_every_value_that_passes_through_is_redacted_from_then_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(redact, "_known", frozenset())
    SecretStore(Keychain(kept={RUNPOD_KEY: "of-keychain-1"}), {}).get(RUNPOD_KEY)
    SecretStore(Keychain(), {}).set(RUNPOD_KEY, "just-entered-2")
    assert redact("of-keychain-1 just-entered-2") == "[redacted] [redacted]"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (HF_TOKEN, "  \n", "is empty"),
        (HF_TOKEN, "two words", "a single word"),
        (HF_TOKEN, "line\nbreak", "a single word"),
        (HF_TOKEN, "hf_naïve", "a single word"),
        (HF_TOKEN, "x" * 2000, "a single word"),
        (HF_TOKEN, "rpa_abc", "looks like a Runpod API key, not like a Hugging Face token"),
        (RUNPOD_KEY, TOKEN, "looks like a Hugging Face token, not like a Runpod API key"),
    ],
)
def test_what_cannot_be_the_secret_is_refused_without_repeating_it(
    name: str, value: str, said: str
) -> None:
    with pytest.raises(AppError) as caught:
        checked_secret(name, value)
    assert said in str(caught.value)
    assert caught.value.hint
    assert value.strip() == "" or value not in str(caught.value)


def test_an_unknown_name_is_said() -> None:
    with pytest.raises(AppError, match="There are: hf_token, runpod_key"):
        SecretStore(Keychain(), {}).get("openai_key")


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FileKeychain:
    monkeypatch.setenv("TEST_KEYCHAIN", str(tmp_path / "keychain.json"))
    made = FileKeychain()
    monkeypatch.setattr(keyring.core, "_keyring_backend", made)
    return made


def test_the_systems_keychain_keeps_and_forgets(backend: FileKeychain) -> None:
    keychain = SystemKeychain()
    assert keychain.is_usable()
    keychain.set(HF_TOKEN, TOKEN)
    assert SystemKeychain().get(HF_TOKEN) == TOKEN
    keychain.remove(HF_TOKEN)
    keychain.remove(HF_TOKEN)
    assert keychain.get(HF_TOKEN) is None


def test_a_locked_system_keychain_says_so(backend: FileKeychain, tmp_path: Path) -> None:
    (tmp_path / "keychain.locked").touch()
    with pytest.raises(AppError) as caught:
        SystemKeychain().get(HF_TOKEN)
    assert (caught.value.kind, "KeyringLocked" in caught.value.details) == ("keychain_locked", True)


def test_a_keychain_that_hangs_is_given_up_and_calls_do_not_pile_up(
    backend: FileKeychain, monkeypatch: pytest.MonkeyPatch
) -> None:
    keychain = SystemKeychain(read_seconds=60, write_seconds=120)
    assert keychain.is_usable()
    answer, asked, read = threading.Event(), list[int](), FileKeychain._read

    def hang(self: FileKeychain) -> dict[str, str]:
        asked.append(1)
        answer.wait(60)
        return read(self)

    monkeypatch.setattr(FileKeychain, "_read", hang)
    for seconds in (0.2, 60):  # the second time nobody waits for what hangs already
        keychain._read_seconds = seconds
        began = time.monotonic()
        with pytest.raises(AppError) as caught:
            keychain.get(HF_TOKEN)
        assert caught.value.kind == "keychain_timeout"
        assert time.monotonic() - began < 30
    unlocked = threading.Timer(0.3, answer.set)
    unlocked.start()
    keychain.set(HF_TOKEN, TOKEN)  # who has just pressed Save waits for the one before
    assert keychain.get(HF_TOKEN) == TOKEN
    assert len(asked) == 3
    unlocked.join()


class _Plaintext(FileKeychain):
    priority = 0.5


class _Alternative(FileKeychain):
    __module__ = "keyrings.alt.file"


class _Chain(chainer.ChainerBackend):
    priority = 10
    backends: tuple[KeyringBackend, ...] = ()


@pytest.mark.parametrize("made", [fail.Keyring, null.Keyring, _Plaintext, _Alternative])
def test_backends_that_keep_nothing_safe_do_not_count(
    made: type[KeyringBackend], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring.core, "_keyring_backend", made())
    assert not SystemKeychain().is_usable()
    with pytest.raises(AppError) as caught:
        SystemKeychain().set(HF_TOKEN, TOKEN)
    assert caught.value.kind == "no_keychain"


def test_of_several_backends_the_real_one_is_taken(
    backend: FileKeychain, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = _Chain()
    chain.backends = (_Plaintext(), backend)
    monkeypatch.setattr(keyring.core, "_keyring_backend", chain)
    keychain = SystemKeychain()
    keychain.set(HF_TOKEN, TOKEN)
    assert backend.get_password("Temper", HF_TOKEN) == TOKEN
