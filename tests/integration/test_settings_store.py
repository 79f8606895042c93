"""Settings in a real database, and what follows them: the offline policy and the proxy."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from models.db.database import Database
from models.domain.app_settings import AppSettings
from models.domain.errors import AppError, ConfigError
from services.app_settings import SettingsStore
from services.offline import LIBRARIES_OFFLINE, NO_TELEMETRY, OfflinePolicy
from services.process_environment import ProcessEnvironment
from services.proxy import ProxyPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database.open(tmp_path / "temper.db")) as opened:
        yield opened


@pytest.fixture
def store(database: Database) -> SettingsStore:
    return SettingsStore(database)


def test_nothing_stored_means_the_defaults(store: SettingsStore) -> None:
    assert store.values() == AppSettings()
    assert not store.is_stored("theme")


def test_what_is_set_is_there_at_the_next_start(store: SettingsStore, database: Database) -> None:
    store.set("theme", "dark")
    store.set("text_size", 150)
    store.set("theme", "dark")
    assert SettingsStore(database).values() == AppSettings(theme="dark", text_size=150)
    assert store.is_stored("theme")


@pytest.mark.parametrize(
    ("name", "value"),
    [("theme", "blue"), ("offline", "yes"), ("text_size", True), ("colour", "red")],
)
def test_a_wrong_value_is_not_stored(store: SettingsStore, name: str, value: object) -> None:
    with pytest.raises(ConfigError):
        store.set(name, value)
    assert store.values() == AppSettings()


def test_two_programs_lose_nothing_of_each_other(tmp_path: Path, store: SettingsStore) -> None:
    with closing(Database.open(tmp_path / "temper.db")) as other:
        theirs = SettingsStore(other)
        assert theirs.values() == store.values()
        store.set("theme", "dark")
        theirs.set("text_size", 130)
        assert store.values() == theirs.values() == AppSettings(theme="dark", text_size=130)


def test_a_value_of_a_later_version_or_a_damaged_one_counts_as_not_set(
    store: SettingsStore, database: Database
) -> None:
    with database.unit_of_work() as uow:
        uow.app_state.set("settings.theme", "sepia")
        uow.app_state.set("settings.invented_later", 3)
        uow.app_state.set("settings.text_size", 130)
        uow.commit()
    assert store.values() == AppSettings(text_size=130)


def test_followers_hear_of_every_change_also_of_another_programs(
    tmp_path: Path, store: SettingsStore
) -> None:
    heard: list[str] = []
    store.follow(lambda settings: heard.append(settings.theme))
    store.set("theme", "dark")
    store.set("theme", "dark")
    with closing(Database.open(tmp_path / "temper.db")) as other:
        SettingsStore(other).set("theme", "light")
    store.values()
    assert heard == ["system", "dark", "light"]


def test_a_data_folder_is_stored_in_full(store: SettingsStore, tmp_path: Path) -> None:
    wanted = tmp_path / "deep" / ".." / "data"
    assert store.set("data_root", f" {wanted} ").data_root == str(tmp_path.resolve() / "data")
    assert not (tmp_path / "data").exists()
    assert store.set("data_root", "").data_root == ""


def test_a_data_folder_that_cannot_be_is_refused(store: SettingsStore, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for wrong, said in ((str(file / "below"), "is a file"), ("relative/path", "full path")):
        with pytest.raises(ConfigError, match=said):
            store.set("data_root", wrong)
    assert store.values().data_root == ""


def _policy(environ: dict[str, str], *, forced: bool = False) -> OfflinePolicy:
    return OfflinePolicy(forced=forced, environment=ProcessEnvironment(environ))


def test_the_offline_switch_is_kept_and_the_environment_follows(
    store: SettingsStore, database: Database
) -> None:
    environ = {"HF_HUB_OFFLINE": "0", "PATH": "/bin"}
    policy = _policy(environ)
    policy.start(store)
    assert not policy.is_offline()
    assert environ == {"HF_HUB_OFFLINE": "0", "PATH": "/bin"} | NO_TELEMETRY
    policy.set(True)
    assert policy.is_offline()
    assert not policy.is_forced
    assert environ == {"PATH": "/bin"} | NO_TELEMETRY | LIBRARIES_OFFLINE
    again = _policy({})
    again.start(SettingsStore(database))
    assert again.is_offline()
    policy.set(False)
    assert environ == {"HF_HUB_OFFLINE": "0", "PATH": "/bin"} | NO_TELEMETRY
    policy.end()
    assert environ == {"HF_HUB_OFFLINE": "0", "PATH": "/bin"}
    assert not again.is_offline()  # asked anew at each call


@pytest.mark.parametrize(
    ("environ", "option"),
    [({"TEMPER_OFFLINE": "1"}, False), ({}, True)],
    ids=["variable", "option"],
)
def test_forced_offline_cannot_be_switched_off(
    store: SettingsStore, environ: dict[str, str], option: bool
) -> None:
    policy = _policy(environ, forced=option)
    policy.start(store)
    assert policy.is_forced
    assert policy.is_offline()
    assert environ["HF_HUB_OFFLINE"] == "1"
    with pytest.raises(AppError) as caught:
        policy.set(False)
    assert caught.value.kind == "offline_forced"
    assert "--offline" in caught.value.hint


@pytest.mark.parametrize("words", ["", "0", "false", "No", "off"])
def test_a_variable_that_says_no_forces_nothing(words: str) -> None:
    assert not _policy({"TEMPER_OFFLINE": words}).is_forced


def test_refusing_says_what_was_not_done_and_the_way_out(store: SettingsStore) -> None:
    policy = _policy({})
    policy.start(store)
    policy.refuse("nothing happened")
    policy.set(True)
    with pytest.raises(AppError, match="Offline mode is on, so nothing happened") as caught:
        policy.refuse("nothing happened")
    assert "Turn Offline mode off" in caught.value.hint


def test_many_threads_may_ask_while_the_switch_is_thrown(store: SettingsStore) -> None:
    environ: dict[str, str] = {}
    policy = _policy(environ)
    policy.start(store)
    troubles: list[BaseException] = []

    def ask(throws: bool) -> None:
        try:
            for turn in range(15):
                if throws:
                    policy.set(turn % 2 == 0)
                policy.is_offline()
        except AppError as error:
            troubles.append(error)

    threads = [threading.Thread(target=ask, args=(number == 0,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not troubles
    assert policy.is_offline()
    assert environ == NO_TELEMETRY | LIBRARIES_OFFLINE


def test_the_proxy_stands_in_every_variable_while_it_is_set(store: SettingsStore) -> None:
    environ = {"HTTPS_PROXY": "http://of-the-user:1"}
    policy = ProxyPolicy(ProcessEnvironment(environ))
    policy.start(store)
    assert environ == {"HTTPS_PROXY": "http://of-the-user:1"}
    store.set("proxy", "http://proxy.example:3128")
    names = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
    assert {environ[name] for name in names} == {"http://proxy.example:3128"}
    assert "127.0.0.1" in environ["NO_PROXY"]
    store.set("proxy", "")
    assert environ == {"HTTPS_PROXY": "http://of-the-user:1"}


def test_the_users_own_exceptions_to_the_proxy_stay(store: SettingsStore) -> None:
    environ = {"no_proxy": "mirror.example"}
    policy = ProxyPolicy(ProcessEnvironment(environ))
    policy.start(store)
    for proxy in ("http://one:1", "http://two:2"):
        store.set("proxy", proxy)
        assert (environ["no_proxy"], environ["NO_PROXY"]) == ("mirror.example", "mirror.example")
    policy.end()
    assert environ == {"no_proxy": "mirror.example"}
