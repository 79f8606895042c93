"""Stock that changes between the look and the start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.domain.errors import AppError
from services.remote.plans import choices
from services.remote.work import Work
from tests.integration.remote_world import RemoteWorld, remote_world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RemoteWorld]:
    with remote_world(tmp_path, monkeypatch) as made:
        yield made


def test_what_was_sold_out_a_moment_ago_is_asked_about_anew(there: RemoteWorld) -> None:
    run = there.add_run()
    work = Work(there.attempt(run), there.tools(), "a test")
    free = there.runpod.cloud.stock.free
    before = dict(free)
    for at in free:
        free[at] = 0
    with work.client("no pod can be rented") as client:
        with pytest.raises(AppError, match="sold out") as refused:
            choices(work, client)
        assert refused.value.kind == "no_capacity"
        free.update(before)
        assert choices(work, client)[0].offer.gpu == run.config.runpod.gpu
