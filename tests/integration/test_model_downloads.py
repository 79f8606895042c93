"""A model comes over real HTTP by the real client: whole, cut, damaged, killed, gone on with."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from models.domain.cached_model import ModelPlace, ModelState
from models.domain.errors import AppError
from services.environment.folder_lock import try_lock
from services.hub_cache import hub_cache
from services.models.cached import is_cached_model
from services.models.layout import bytes_in, folder_of
from services.progress import Cancelled, CancelToken, Progress
from tests.emulators.hub_models import HubModels
from tests.integration import models_world
from tests.integration.models_world import REPO, ROOT, WANTED, WEIGHTS, World, quiet, repo_files
from tests.processes import command_of

pytestmark = pytest.mark.slow
world = models_world.world

_RANDOM = random.Random(7)


def test_a_model_comes_whole_with_what_a_training_needs_and_nothing_else(world: World) -> None:
    assert world.inventory.is_complete(REPO).state is ModelState.MISSING
    reports: list[Progress] = []
    found = world.library.download(REPO, reports.append, CancelToken())
    assert found.is_complete
    assert found.where is ModelPlace.OURS
    assert sorted(world.hub.fetched()) == WANTED
    assert found.bytes_on_disk == found.bytes_whole
    assert (found.licence, found.gated) == ("apache-2.0", False)
    assert found.revision == HubModels.revision(world.hub.files[REPO])
    assert is_cached_model(REPO, world.root), "the trainer's own rule finds it, too"
    assert reports[-1].fraction == 1.0
    shares = [one.fraction for one in reports if one.fraction is not None]
    assert shares == sorted(shares)


def test_the_hubs_own_library_finds_it_without_the_network(world: World) -> None:
    from huggingface_hub import snapshot_download

    world.download()
    world.hub.requests.clear()
    folder = snapshot_download(REPO, cache_dir=hub_cache(world.root), local_files_only=True)
    assert (Path(folder) / WEIGHTS[0]).read_bytes() == world.hub.files[REPO][WEIGHTS[0]]
    assert not world.hub.requests


def test_a_second_download_asks_only_whether_there_is_something_newer(world: World) -> None:
    world.download()
    world.hub.fetched()
    world.download()
    assert world.hub.fetched() == []


def test_a_newer_revision_fetches_what_changed_and_is_used_once_it_is_whole(world: World) -> None:
    old = world.download()
    world.hub.fetched()
    changed = {"config.json": repo_files(5)["config.json"], WEIGHTS[1]: b"n" * 400_000}
    world.hub.files[REPO] = world.hub.files[REPO] | changed
    world.hub.pace = 100_000
    with pytest.raises(Cancelled):
        _cancel_in_the_middle(world)
    between = world.inventory.is_complete(REPO)
    assert between.is_complete, "the old one can still be used"
    assert between.revision == old.revision
    world.hub.pace = 0
    world.hub.fetched()
    new = world.download()
    assert new.revision == HubModels.revision(world.hub.files[REPO]) != old.revision
    assert set(world.hub.fetched()) <= {"config.json", WEIGHTS[1]}
    assert new.is_complete


def _cancel_in_the_middle(world: World) -> None:
    cancel = CancelToken()

    def on_report(progress: Progress) -> None:
        if progress.fraction is not None and WEIGHTS[1] in progress.message:
            cancel.cancel()

    world.library.download(REPO, on_report, cancel)


def test_a_cancel_ends_the_child_at_once_and_keeps_what_came(world: World) -> None:
    world.hub.pace = 400_000
    cancel = CancelToken()
    others = psutil.Process().children()

    def on_report(progress: Progress) -> None:
        if progress.fraction and progress.fraction > 0.2:
            cancel.cancel()

    with pytest.raises(Cancelled):
        world.library.download(REPO, on_report, cancel)
    assert set(psutil.Process().children()) <= set(others)
    found = world.inventory.is_complete(REPO)
    assert found.state is ModelState.PARTIAL
    assert found.missing
    assert 0 < found.bytes_on_disk < (found.bytes_whole or 0)


def test_a_download_killed_at_ten_random_points_goes_on_and_is_right(world: World) -> None:
    world.hub.pace = 1_500_000
    whole = sum(len(world.hub.files[REPO][name]) for name in WANTED)
    folder = folder_of(hub_cache(world.root), REPO)
    killed = 0
    for number in range(10):
        point = int(whole * (number + _RANDOM.random()) / 11)
        world.hub.held = WEIGHTS[1]  # however late the kill is, it comes before the end
        with pytest.raises(AppError) as caught:
            _download_until(world, folder, point)
        assert caught.value.kind == "download_ended"
        killed += 1
        assert world.inventory.is_complete(REPO).state is ModelState.PARTIAL
    assert killed == 10
    world.hub.pace, world.hub.held = 0, ""
    found = world.download()
    check = world.library.verify(found, quiet, CancelToken())
    assert (check.damaged, check.unknown) == ((), ())
    assert check.checked == len(WANTED)
    for name in WANTED:
        assert world.blob(name).read_bytes() == world.hub.files[REPO][name]
    again = sum(world.hub.sent.values()) - whole
    assert again < 10 * 1_500_000, "no kill cost more than what was on its way"
    assert not list(folder.glob("blobs/*.incomplete"))


def _download_until(world: World, folder: Path, point: int) -> None:
    """Download, and kill the child with SIGKILL once so many bytes are on disk."""
    over = threading.Event()

    def kill() -> None:
        while not over.wait(0.002):
            children = psutil.Process().children()  # the tests have other ones, too
            ours = [one for one in children if "services.models.child" in command_of(one)]
            if ours and bytes_in(folder) >= point:
                for child in ours:
                    child.kill()
                return

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        world.download()
    finally:
        over.set()
        killer.join()


def test_a_corrupted_file_is_found_and_that_file_alone_is_fetched_again(world: World) -> None:
    world.download()
    world.hub.fetched()
    blob = world.blob(WEIGHTS[1])
    content = bytearray(blob.read_bytes())
    content[1_234_567] ^= 0x40
    blob.write_bytes(content)
    assert world.inventory.is_complete(REPO).is_complete, "its size tells nothing"
    (row,) = world.rows()
    check = world.library.verify(row, quiet, CancelToken())
    assert check.damaged == (WEIGHTS[1],)
    (row,) = world.rows()
    assert (row.state, row.damaged) == (ModelState.DAMAGED, (WEIGHTS[1],))
    assert not row.is_complete
    repaired = world.download()
    assert world.hub.fetched() == [WEIGHTS[1]]
    assert repaired.is_complete
    assert world.library.verify(repaired, quiet, CancelToken()).damaged == ()
    assert world.blob(WEIGHTS[1]).read_bytes() == world.hub.files[REPO][WEIGHTS[1]]


def test_a_file_that_was_cut_short_is_seen_by_its_size(world: World) -> None:
    world.download()
    world.hub.fetched()
    blob = world.blob(WEIGHTS[0])
    os.truncate(blob, 1000)
    assert world.inventory.is_complete(REPO).damaged == (WEIGHTS[0],)
    assert world.download().is_complete
    assert world.hub.fetched() == [WEIGHTS[0]]


def test_a_file_that_comes_damaged_is_fetched_once_more(world: World) -> None:
    world.hub.spoilt = [WEIGHTS[0]]
    assert world.download().is_complete
    assert world.hub.fetched().count(WEIGHTS[0]) == 2
    assert world.blob(WEIGHTS[0]).read_bytes() == world.hub.files[REPO][WEIGHTS[0]]


def test_a_file_that_always_comes_damaged_is_said_and_never_kept(world: World) -> None:
    world.hub.spoilt = [WEIGHTS[0]] * 2
    with pytest.raises(AppError, match=WEIGHTS[0]) as caught:
        world.download()
    assert caught.value.kind == "damaged_download"
    assert WEIGHTS[0] in world.inventory.is_complete(REPO).missing


_PROGRAM = """
import sys
from services.models.fetching import Order
from services.models.process import fetch_in_child
from services.progress import CancelToken
fetch_in_child(Order(sys.argv[1], sys.argv[2]), lambda progress: None, CancelToken())
"""


def test_a_download_ends_with_the_program_that_wanted_it(world: World) -> None:
    world.hub.pace = 400_000
    folder = folder_of(hub_cache(world.root), REPO)
    arguments = [sys.executable, "-c", _PROGRAM, REPO, str(world.root)]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.DEVNULL) as program:
        began = time.monotonic()
        while bytes_in(folder) < 400_000:
            assert time.monotonic() - began < 60, "the download does not begin"
            time.sleep(0.02)
        (child,) = psutil.Process(program.pid).children()
        program.kill()
    child.wait(60)
    found = world.inventory.is_complete(REPO)
    assert found.state is ModelState.PARTIAL
    world.hub.pace = 0
    assert world.download().is_complete


def test_a_second_program_waits_for_the_first_ones_download(world: World) -> None:
    reports: list[Progress] = []
    cancel = CancelToken()
    lock = try_lock(world.root / "cache" / "temper-models" / "me--small.lock")
    assert lock is not None

    def on_report(progress: Progress) -> None:
        reports.append(progress)
        if "waiting for it" in progress.message:
            cancel.cancel()

    with pytest.raises(Cancelled):
        world.library.download(REPO, on_report, cancel)
    os.close(lock)
    assert world.hub.fetched() == []
    assert world.download().is_complete
