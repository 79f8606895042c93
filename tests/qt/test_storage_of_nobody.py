"""What belongs to no run is shown on the Storage page, and has nothing to be pinned by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.storage import StorageReport, StoredKind
from tests.qt.fake_storage import GB, stored
from views.main_window import STORAGE

if TYPE_CHECKING:
    from tests.qt.conftest import Program


def test_outputs_of_no_run_are_shown_and_cannot_be_pinned(program: Program) -> None:
    left = stored(StoredKind.RESULT, "Outputs that belong to no run", GB)
    program.services.storage.found = StorageReport((left,), free=GB)
    program.window.show_page(STORAGE)
    program.settle()

    program.child("storage.items").selectRow(0)
    assert program.child("storage.folder").isEnabled()
    pin = program.child("storage.pin")
    assert not pin.isEnabled()
    assert pin.toolTip() == "Select a checkpoint or a run: what is pinned stays in every clean-up"
