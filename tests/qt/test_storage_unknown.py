"""The Storage page while the disk is not known: what went wrong, trying again, and why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.domain.errors import AppError
from models.domain.storage import StorageReport
from tests.qt.fake_storage import GB, verdict
from views.main_window import STORAGE

if TYPE_CHECKING:
    from tests.qt.conftest import Program

REFUSED = AppError("io", "The folder /data cannot be read.", "Make it readable.")


def opened(program: Program) -> Program:
    program.window.show_page(STORAGE)
    program.settle()
    return program


def tip(program: Program, name: str) -> str:
    button = program.child(f"storage.{name}")
    assert not button.isEnabled(), name
    return str(button.toolTip())


def test_a_failed_look_leaves_no_blank_list_and_can_be_tried_again(program: Program) -> None:
    program.services.storage.error = REFUSED
    opened(program)
    unknown, again = program.child("storage.unknown"), program.child("storage.try_again")
    assert unknown.isVisible()
    assert unknown.text() == ("There is nothing to list, because the disk could not be looked at.")
    assert not program.child("storage.items").isVisible(), "an empty table says nothing"
    sentence = program.child("storage.sentence")
    assert sentence.text() == (
        "The disk could not be looked at. The folder /data cannot be read. Make it readable."
    )
    assert sentence.property("role") == "error"
    program.services.storage.error = None
    again.click()
    program.settle()
    assert not unknown.isVisible()
    assert program.child("storage.items").isVisible()
    assert sentence.property("role") == ""


def test_the_list_says_that_it_is_being_looked(program: Program) -> None:
    seen: list[tuple[str, bool]] = []

    def look() -> None:
        unknown = program.child("storage.unknown")
        seen.append((unknown.text(), program.child("storage.try_again").isVisible()))

    program.services.storage.hold = look
    opened(program)
    assert seen[0] == ("Looking…", False)


def test_a_later_look_that_fails_leaves_what_is_known_and_says_so(program: Program) -> None:
    opened(program)
    program.services.storage.error = REFUSED
    program.child("storage.again").click()
    program.settle()
    assert program.child("storage.items").isVisible()
    assert program.child("storage.result").text() == str(REFUSED)


def test_what_is_switched_off_in_the_clean_up_says_why(program: Program) -> None:
    seen: list[tuple[str, str]] = []
    storage = program.services.storage
    storage.hold = lambda: seen.append((tip(program, "preview"), tip(program, "free")))
    storage.error = REFUSED
    opened(program)
    assert seen == [("Wait until the disk has been looked at",) * 2]
    storage.hold = None
    failed = "The disk could not be looked at: try that again first"
    assert (tip(program, "preview"), tip(program, "free")) == (failed, failed)
    storage.error, storage.going = None, ()
    program.child("storage.try_again").click()
    program.settle()
    assert tip(program, "preview") == "There is nothing that a clean-up would look at"
    assert tip(program, "free") == "Nothing can go by these rules"
    said = program.child("storage.result").text()
    assert said == "There is nothing that a clean-up would look at.", "for both, without pointing"
    storage.going = (verdict("checkpoint-5", GB, "A newer one is kept.", goes=True),)
    program.child("storage.again").click()
    program.settle()
    preview = program.child("storage.preview")
    assert preview.isEnabled()
    assert preview.toolTip() == "List what goes and what stays, each with the reason"
    assert preview.accessibleDescription() == ""


def test_why_a_button_is_off_is_read_aloud_too(program: Program) -> None:
    program.services.storage.found = StorageReport((), GB)
    program.services.storage.going = ()
    opened(program)
    for name in ("preview", "free"):
        button = program.child(f"storage.{name}")
        assert button.accessibleDescription() == button.toolTip(), name
