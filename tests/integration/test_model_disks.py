"""Models on disks that refuse, that do not give what they hold, or that lie elsewhere by a link."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from models.domain.cached_model import ModelState
from models.domain.errors import AppError
from models.domain.storage import CleanKind, RetentionRules
from models.qt.model_words import removed_words
from services.hub_cache import hub_cache
from services.models import fetching
from services.models.fetching import Fetch, Order
from services.models.layout import folder_of
from services.models.sharing import lend
from services.progress import CancelToken
from tests.integration import models_world, storage_world
from tests.integration.models_world import REPO, WANTED, WEIGHTS, World, quiet

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.integration.storage_world import World as Disk

pytestmark = pytest.mark.slow
world = models_world.world
disk = storage_world.world

_links = pytest.mark.skipif(sys.platform == "win32", reason="Windows lets few people make links")


def _shared(world: World, *names: str) -> None:
    """As another program has them."""
    from huggingface_hub import hf_hub_download

    for name in names:
        hf_hub_download(REPO, name, cache_dir=world.shared, endpoint=world.hub.url)
    world.hub.fetched()


def _unreadable(monkeypatch: pytest.MonkeyPatch, bad: Path) -> None:
    """A disk that does not give the content of a file any more."""
    real: Callable[..., Any] = Path.open

    def opened(path: Path, *args: Any, **named: Any) -> Any:
        if path.resolve() == bad:
            raise OSError(errno.EIO, "Input/output error", str(path))
        return real(path, *args, **named)

    monkeypatch.setattr(Path, "open", opened)


@_links
def test_removing_a_link_to_a_folder_frees_nothing_and_says_so(world: World) -> None:
    elsewhere = world.root.parent / "large disk" / "own"
    elsewhere.mkdir(parents=True)
    (elsewhere / "config.json").write_text("{}")
    listed = world.root / "models" / "own"
    listed.parent.mkdir(parents=True)
    listed.symlink_to(elsewhere)
    found = world.library.find(str(listed))
    freed = world.library.remove(found)
    assert freed == 0
    assert removed_words(found, freed).startswith("removed; nothing is freed")
    assert not listed.is_symlink()
    assert (elsewhere / "config.json").exists()


@_links
def test_removing_a_model_whose_folder_is_a_link_frees_nothing(world: World) -> None:
    world.download()
    folder, elsewhere = folder_of(hub_cache(world.root), REPO), world.root.parent / "moved"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    (found,) = world.rows()
    assert world.library.remove(found) == 0
    assert (elsewhere / "refs" / "main").exists()


@_links
def test_a_cache_that_is_the_users_by_a_link_is_used_and_nothing_of_it_is_removed(
    world: World, disk: Disk
) -> None:
    _shared(world, *WANTED)
    ours = hub_cache(world.root)
    ours.parent.mkdir(parents=True)
    ours.symlink_to(world.shared)
    old = folder_of(world.shared, REPO) / "snapshots" / ("0" * 40)
    old.mkdir()
    (old / "config.json").write_text("{}")
    os.utime(old, (1, 1))
    (found,) = world.rows()
    assert found.is_complete, "trainings find it"
    assert "other programs use" in world.library.why_kept(found)
    with pytest.raises(AppError, match="other programs use"):
        world.library.remove(found)
    assert disk.storage.plan(RetentionRules(also=frozenset({CleanKind.REVISIONS}))).going == ()
    ours.unlink()
    world.shared.rename(ours)  # and other programs are told to use ours
    world.shared.symlink_to(ours)
    plan = disk.storage.plan(RetentionRules(also=frozenset({CleanKind.REVISIONS})))
    assert [one.piece.name for one in plan.going] == [f"Old revisions · {REPO}"]
    (found,) = world.rows()
    world.library.remove(found)
    assert world.rows() == []


def test_a_disk_that_knows_no_links_at_all_holds_each_file_under_its_own_name(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As exFAT, with which large sticks are sold."""

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    for name in ("symlink_to", "hardlink_to"):
        monkeypatch.setattr(Path, name, refused)
    monkeypatch.setattr(os, "link", refused)
    fetch = Fetch(Order(REPO, str(world.root)), lambda *_: None)
    fetch.run()
    assert sorted(world.hub.fetched()) == WANTED
    (found,) = world.rows()
    assert found.is_complete
    assert found.bytes_on_disk == found.bytes_whole
    check = world.library.verify(found, quiet, CancelToken())
    assert (check.checked, check.damaged, check.unknown) == (len(WANTED), (), ())
    weights = Path(found.place) / "snapshots" / found.revision / WEIGHTS[0]
    weights.write_bytes(bytes(weights.stat().st_size))
    assert world.library.verify(found, quiet, CancelToken()).damaged == (WEIGHTS[0],)
    usage = shutil.disk_usage(world.root)
    monkeypatch.setattr(fetching, "_SPARE", 0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=3_000_001))
    Fetch(Order(REPO, str(world.root)), lambda *_: None).run()
    assert world.hub.fetched() == [WEIGHTS[0]]
    assert world.rows()[0].is_complete


def test_a_damaged_file_that_only_another_program_has_fetched_is_repaired_too(
    world: World,
) -> None:
    from huggingface_hub import hf_hub_download

    world.download()
    cache = hub_cache(world.root)
    hf_hub_download(REPO, "README.md", cache_dir=cache, endpoint=world.hub.url)
    world.blob("README.md").write_bytes(b"# A modem\n")
    (found,) = world.rows()
    assert world.library.verify(found, quiet, CancelToken()).damaged == ("README.md",)
    world.hub.fetched()
    assert world.download().is_complete
    assert world.hub.fetched() == ["README.md"]
    (found,) = world.rows()
    assert world.library.verify(found, quiet, CancelToken()).damaged == ()


def test_a_file_that_the_disk_does_not_give_is_damaged_and_fetched_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = world.download()
    _unreadable(monkeypatch, world.blob(WEIGHTS[0]))
    assert world.library.verify(found, quiet, CancelToken()).damaged == (WEIGHTS[0],)
    monkeypatch.undo()
    (found,) = world.rows()
    assert found.state is ModelState.DAMAGED


def test_a_file_larger_than_the_hub_sends_is_named_before_anything_is_fetched(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    usual, name = constants.MAX_HTTP_DOWNLOAD_SIZE, "MAX_HTTP_DOWNLOAD_SIZE"
    monkeypatch.setattr(constants, name, 2_000_000)
    with pytest.raises(AppError, match=rf"{WEIGHTS[0]} of {REPO} has 0\.003 GB") as caught:
        Fetch(Order(REPO, str(world.root)), lambda *_: None).run()
    assert caught.value.kind == "too_large"
    assert world.hub.fetched() == []
    monkeypatch.setattr(constants, name, usual)
    _shared(world, *WANTED)
    monkeypatch.setattr(constants, name, 2_000_000)
    Fetch(Order(REPO, str(world.root)), lambda *_: None).run()
    assert world.rows()[0].is_complete, "what another program has need not be sent"


def test_what_another_programs_disk_does_not_give_is_fetched(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _shared(world, *WANTED)
    _unreadable(monkeypatch, world.blob(WEIGHTS[0], world.shared))
    Fetch(Order(REPO, str(world.root)), lambda *_: None).run()
    assert world.hub.fetched() == [WEIGHTS[0]]
    assert world.inventory.is_complete(REPO).is_complete


def test_what_a_check_has_found_damaged_elsewhere_is_not_lent_to_a_training(world: World) -> None:
    _shared(world, *WANTED)
    blob = world.blob(WEIGHTS[0], world.shared)
    blob.write_bytes(bytes(blob.stat().st_size))
    (found,) = world.rows()
    assert world.library.verify(found, quiet, CancelToken()).damaged == (WEIGHTS[0],)
    lend(REPO, world.root)
    ours = folder_of(hub_cache(world.root), REPO) / "blobs"
    assert not (ours / blob.name).exists()
    assert len(list(ours.iterdir())) == len(WANTED) - 1


def test_a_disk_that_refuses_is_a_sentence(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _shared(world, *WANTED)
    world.root.mkdir(parents=True)
    in_the_way = world.root / "cache"
    in_the_way.write_text("a file where a folder should be")
    (found,) = world.rows()
    with pytest.raises(AppError, match=f"{REPO} cannot be linked from there: ") as caught:
        world.made(offline=True).download(REPO, quiet, CancelToken())
    assert caught.value.kind == "io"
    with pytest.raises(AppError, match=f"{REPO} cannot be checked: ") as caught:
        world.library.verify(found, quiet, CancelToken())
    assert caught.value.kind == "io"
    (snapshot,) = (folder_of(world.shared, REPO) / "snapshots").iterdir()
    with pytest.raises(AppError, match="cannot be listed: "):
        world.library.add(snapshot)


def test_what_an_ended_program_left_of_a_model_that_it_removed_a_clean_up_finds(
    world: World, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.download()
    own = disk.data / "models" / "own"
    own.mkdir(parents=True)
    (own / "config.json").write_text("{}")

    def killed(_folder: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("services.models.library.shutil.rmtree", killed)
    for found in (world.rows()[0], world.library.find(str(own))):
        with pytest.raises(KeyboardInterrupt):
            world.library.remove(found)
    monkeypatch.undo()
    rules = RetentionRules(also=frozenset({CleanKind.REVISIONS}))
    plan = disk.storage.plan(rules)
    assert [one.why for one in plan.going] == ["It was left half-made."] * 2
    done = disk.storage.clean(plan, rules)
    assert done.bytes == plan.bytes > 6_000_000
    assert not list(own.parent.iterdir())
    assert not list(hub_cache(disk.data).glob(".models--*"))
