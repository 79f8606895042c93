"""Which saved setups are ready to train without a network is seen where they are listed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from models.domain.availability import Circumstances
from models.domain.config import SOURCE_HUB, SOURCE_SESSION, TARGET_RUNPOD
from tests.qt import config_store
from tests.qt.config_store import choose, fill, listed, setup
from tests.qt.fake_bundles import status

if TYPE_CHECKING:
    from models.domain.offline_ready import OfflineStatus
    from tests.qt.conftest import Program

services = config_store.services
MARK = "  ·  ready offline"


def stored(program: Program, *names: str, **values: object) -> None:
    for name in names:
        program.services.configs.save(name, setup(**values))


def ready(program: Program, *there: OfflineStatus) -> None:
    readiness = program.services.bundles.readiness
    readiness.there = there
    readiness.tried = {one.config for one in there}


def tool_tip(program: Program, name: str) -> str:
    box: Any = program.child("config.list")
    return str(box.itemData(box.findText(name), Qt.ItemDataRole.ToolTipRole) or "")


def test_a_ready_one_is_marked_in_list_menu_and_sentence(program: Program) -> None:
    stored(program, "Home", "Away & far")
    ready(program, status("Away & far", checked_at=1_700_000_000.0))
    fill(program)
    assert listed(program) == [f"Away & far{MARK}", "Home"]
    actions = program.window.actions_.load_menu.actions()
    assert [one.text() for one in actions] == [f"Away && far{MARK}", "Home"]
    assert tool_tip(program, "Home") == ""
    assert tool_tip(program, f"Away & far{MARK}").startswith("Ready to train offline: all it needs")
    choose(program, f"Away & far{MARK}")
    assert program.child("config.status").text().endswith("Ready to train offline.")
    assert program.child("config.list").toolTip().startswith("Ready to train offline")
    program.child("config.load").click()
    program.settle()
    assert program.child("config.status").text().endswith("Ready to train offline.")
    choose(program, "Home")
    program.child("config.load").click()
    program.settle()
    choose(program, f"Away & far{MARK}")
    assert "ready offline. Load puts" in program.child("config.status").text()
    choose(program, "Home")
    assert "offline" not in program.child("config.status").text()
    assert "offline" not in program.child("config.list").toolTip()


def test_the_mark_goes_when_something_goes_and_says_what(program: Program) -> None:
    stored(program, "Away")
    ready(program, status("Away", checked_at=1_700_000_000.0))
    fill(program)
    assert listed(program) == [f"Away{MARK}"]
    ready(program, status("Away", is_here=False))
    program.models.base_library.set_items(program.models.base_library.items)
    program.settle()
    assert listed(program) == ["Away"]
    assert tool_tip(program, "Away") == "No longer ready to train offline: missing: model."


def test_the_mark_goes_when_the_user_comes_back_from_where_something_was_removed(
    program: Program,
) -> None:
    """Such as a file manager or a terminal."""
    stored(program, "Away")
    ready(program, status("Away", checked_at=1_700_000_000.0))
    fill(program)
    ready(program, status("Away", is_here=False))
    state = QGuiApplication.instance().applicationStateChanged
    state.emit(Qt.ApplicationState.ApplicationInactive)
    program.settle()
    assert listed(program) == [f"Away{MARK}"]
    state.emit(Qt.ApplicationState.ApplicationActive)
    program.settle()
    assert listed(program) == ["Away"]


def test_prepared_in_the_dialog_it_is_marked_at_once(program: Program) -> None:
    stored(program, "Away")
    program.services.bundles.readiness.there = (status("Away", is_here=False),)
    fill(program)
    assert listed(program) == ["Away"]
    program.wiring.prepare.controller.prepare(("Away",))
    program.settle()
    assert listed(program) == [f"Away{MARK}"]


def test_one_of_the_other_target_is_marked_in_the_menu_of_the_recent(program: Program) -> None:
    stored(program, "Pod", training__target=TARGET_RUNPOD)
    store = program.services.configs
    store.load(store.find("Pod").id)
    ready(program, status("Pod", checked_at=1_700_000_000.0))
    fill(program)
    (action,) = program.window.actions_.recent_menu.actions()
    assert action.text() == f"Pod  ·  {TARGET_RUNPOD}{MARK}"


def test_a_copy_that_prepare_notes_in_the_loaded_setup_is_taken_over_and_shown_offline(
    program: Program,
) -> None:
    hub = {"dataset__source": SOURCE_HUB, "dataset__hf_repo": "a/b"}
    stored(program, "Net", **hub)
    fill(program)
    store, form = program.services.configs, program.models.form
    assert form.name == "Net"
    noted = setup(**hub, dataset__session="Copy")
    readiness = program.services.bundles.readiness
    readiness.there = (status("Net", is_here=False),)
    readiness.on_prepare = lambda _cancel: store.amend(store.entry("Net"), noted)
    program.wiring.prepare.controller.prepare(("Net",))
    program.settle()
    assert form.value("dataset.source") == SOURCE_HUB
    form.set_circumstances(Circumstances(offline=True))
    assert form.value("dataset.source") == SOURCE_SESSION
    assert form.value("dataset.session") == "Copy"
    form.set_circumstances(Circumstances())
    form.edit("hp.epochs", 2.0)
    program.wiring.configs.save()
    program.settle()
    assert store.get("Net").hp.epochs == 2.0, "saved without a question about another version"
