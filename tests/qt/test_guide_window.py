"""The guide's window: opened at a place, read, searched, left by links; F1 and the "?" buttons."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QColor, QDesktopServices, QImage, QTextDocument
from PySide6.QtWidgets import QApplication, QPushButton, QTreeWidget, QVBoxLayout, QWidget

from app.connect_help import GuideDesk
from app.paths import guide_folder
from models.domain.availability import Circumstances
from models.domain.config_io import settings_index
from models.domain.guide import Place, load_guide
from tests.qt.conftest import build_pages, destroy
from views.dialogs.guide_window import GuideWindow
from views.stylesheet import DARK
from views.theme import current_theme
from views.widgets.card import Card
from views.widgets.help_button import HelpButton, help_topics

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from views.main_window import MainWindow

pytestmark = pytest.mark.slow


@pytest.fixture
def reader(qapp: QApplication, themed: None) -> Iterator[GuideWindow]:
    made = GuideWindow(load_guide(guide_folder()), guide_folder())
    current_theme().dress(made)
    made.show_topic("")
    yield made
    destroy(made)


@pytest.fixture
def desk(window: MainWindow) -> GuideDesk:
    return GuideDesk(window)


def _reader_of(window: MainWindow) -> GuideWindow:
    found = window.findChild(GuideWindow)
    assert found is not None
    return found


def _is_in_sight(reader: GuideWindow, words: str) -> bool:
    cursor = reader.text.document().find(words)
    return reader.text.viewport().rect().contains(reader.text.cursorRect(cursor).center())


def test_it_begins_with_the_contents(reader: GuideWindow) -> None:
    assert reader.history.place == Place("index")
    assert "Temper guide" in reader.windowTitle()
    tree = reader.findChild(QTreeWidget, "guide.contents")
    assert tree is not None
    assert tree.topLevelItemCount() == len(load_guide(guide_folder()).pages)


@pytest.mark.parametrize("path", ["hp.learning_rate", "runpod.max_cost", "dataset.eval_split"])
def test_a_setting_is_brought_into_sight_and_marked(reader: GuideWindow, path: str) -> None:
    reader.show_topic(path)
    assert _is_in_sight(reader, path)
    assert reader.text.extraSelections()


def test_every_setting_can_be_shown(reader: GuideWindow) -> None:
    for path in settings_index():
        reader.show_topic(path)
        assert _is_in_sight(reader, path), path


def test_every_page_is_dressed_with_all_its_anchors(reader: GuideWindow) -> None:
    for page in load_guide(guide_folder()).pages:
        for heading in page.headings:
            reader.show_topic(f"{page.name}#{heading.anchor}")
            selections = reader.text.extraSelections()
            assert [one.cursor.block().text() for one in selections] == [heading.title]


def test_links_lead_on_and_back_leads_back(reader: GuideWindow, qtbot: QtBot) -> None:
    reader.text.anchorClicked.emit(QUrl("datasets.md#formats"))
    assert reader.history.place == Place("datasets", "formats")
    reader.text.anchorClicked.emit(QUrl("nowhere.md"))
    assert reader.history.place == Place("datasets", "formats")
    back, forward = (reader.findChild(QWidget, f"guide.{name}") for name in ("back", "forward"))
    assert not forward.isEnabled()
    qtbot.mouseClick(back, Qt.MouseButton.LeftButton)
    assert reader.history.place == Place("index")
    assert not back.isEnabled()
    qtbot.mouseClick(forward, Qt.MouseButton.LeftButton)
    assert reader.history.place == Place("datasets", "formats")
    assert "Datasets" in reader.windowTitle()


def test_the_keyboard_goes_back_searches_and_closes(reader: GuideWindow, qtbot: QtBot) -> None:
    reader.activateWindow()
    qtbot.waitUntil(reader.isActiveWindow)
    reader.show_topic("datasets")
    qtbot.keyClick(reader, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert reader.history.place == Place("index")
    qtbot.keyClick(reader, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    search = reader.contents.search
    assert search.hasFocus()
    qtbot.keyClicks(search, "packing")
    qtbot.keyClick(search, Qt.Key.Key_Return)
    assert reader.history.place == Place("hyperparameters", "packing")
    qtbot.keyClick(reader, Qt.Key.Key_Escape)
    assert search.text() == ""
    qtbot.keyClick(reader, Qt.Key.Key_Escape)
    assert not reader.isVisible()


def test_searching_lists_sections_and_marks_the_words(reader: GuideWindow, qtbot: QtBot) -> None:
    qtbot.keyClicks(reader.contents.search, "exit code 137")
    found = reader.contents.found
    assert found.count() >= 1
    assert "ended from outside" in found.item(0).text()
    qtbot.keyClick(reader.contents.search, Qt.Key.Key_Return)
    marked = [one.cursor.selectedText() for one in reader.text.extraSelections()]
    assert "137" in marked
    if found.count() > 1:
        qtbot.keyClick(reader.contents.search, Qt.Key.Key_Return)
        assert found.currentRow() == 1


def test_a_search_without_a_hit_says_so(reader: GuideWindow, qtbot: QtBot) -> None:
    qtbot.keyClicks(reader.contents.search, "xyzzy")
    count = reader.findChild(QWidget, "guide.found_count")
    assert count.text() == "Nothing about “xyzzy”. Try another word."
    qtbot.keyClick(reader.contents.search, Qt.Key.Key_Return)
    assert reader.history.place == Place("index")


def test_the_contents_follow_the_reader(reader: GuideWindow) -> None:
    reader.show_topic("hp.lora_r")
    assert reader.contents.tree.currentItem().text(0).strip() == "LoRA"
    reader.contents.tree.itemClicked.emit(reader.contents.tree.topLevelItem(1), 0)
    assert reader.history.place == Place("quick-start")


def test_it_follows_the_theme_at_the_same_place(reader: GuideWindow) -> None:
    reader.show_topic("hp.seed")
    current_theme().set_mode("dark")
    try:
        assert _is_in_sight(reader, "hp.seed")
        background = reader.text.grab().toImage().pixelColor(8, 200)
        assert background.name().upper() == DARK.surface
        code = reader.text.document().find("hp.seed").charFormat().background().color()
        assert code.name().upper() == DARK.hover
    finally:
        current_theme().set_mode("light")


@pytest.mark.parametrize(("mode", "color"), [("light", "#ffffff"), ("dark", "#000000")])
def test_pictures_are_those_of_the_theme_and_fit(
    qapp: QApplication, themed: None, tmp_path: Path, mode: str, color: str
) -> None:
    for name, ground in (("light", "#ffffff"), ("dark", "#000000")):
        picture = QImage(1600, 900, QImage.Format.Format_RGB32)
        picture.fill(QColor(ground))
        picture.save(str(tmp_path / f"page-{name}.png"))
    lines = "\n\n".join(["A line."] * 90)
    (tmp_path / "index.md").write_text(f"# A\n\n![P](page-light.png)\n\n![Q](gone.png)\n\n{lines}")
    current_theme().set_mode(mode)
    reader = GuideWindow(load_guide(tmp_path), tmp_path)
    current_theme().dress(reader)
    try:
        reader.show_topic("")
        kind = QTextDocument.ResourceType.ImageResource
        shown = reader.text.document().resource(kind.value, QUrl("page-light.png"))
        assert shown.pixelColor(5, 5).name() == color
        assert shown.width() <= reader.text.viewport().width()
        assert reader.text.horizontalScrollBar().maximum() == 0
        text = reader.text.document()
        place = text.documentLayout().blockBoundingRect
        held, beneath = (place(text.findBlockByNumber(number)) for number in (1, 2))
        assert beneath.top() - held.bottom() < 40
        assert reader.text.document().resource(kind.value, QUrl("gone.png")).width() == 1
        web = QUrl("https://example.com/x.png")
        assert not reader.text.document().resource(kind.value, web)
        current_theme().set_mode("light")
        shown = reader.text.document().resource(kind.value, QUrl("page-light.png"))
        assert shown.pixelColor(5, 5).name() == "#ffffff"
    finally:
        current_theme().set_mode("light")
        destroy(reader)


def test_lines_stay_readable_in_a_wide_window(reader: GuideWindow) -> None:
    reader.resize(1900, 900)
    reader.show_topic("quick-start")
    QApplication.sendPostedEvents()
    widest = max(
        block.layout().boundingRect().width()
        for block in _blocks(reader)
    )  # fmt: skip
    assert widest <= 760


def _blocks(reader: GuideWindow) -> list[object]:
    blocks, block = [], reader.text.document().begin()
    while block.isValid():
        blocks.append(block)
        block = block.next()
    return blocks


def test_it_may_lie_behind_the_program(reader: GuideWindow) -> None:
    assert not reader.isModal()
    assert reader.windowHandle().transientParent() is None


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []

    def open_url(url: QUrl) -> bool:
        found.append(url.toString())
        return True

    monkeypatch.setattr(QDesktopServices, "openUrl", open_url)
    return found


def test_links_to_the_web_open_in_the_browser(
    window: MainWindow, desk: GuideDesk, opened: list[str]
) -> None:
    desk.show_guide("settings")
    reader = _reader_of(window)
    reader.text.anchorClicked.emit(QUrl("https://huggingface.co"))
    assert opened == ["https://huggingface.co"]
    assert reader.history.place == Place("settings")


def test_offline_links_to_the_web_are_not_opened(
    window: MainWindow, desk: GuideDesk, opened: list[str]
) -> None:
    window.models.form.set_circumstances(Circumstances(offline=True))
    desk.show_guide("settings")
    reader = _reader_of(window)
    reader.text.anchorClicked.emit(QUrl("https://huggingface.co"))
    assert opened == []
    message = reader.findChild(QWidget, "guide.message")
    assert message.text() == "Offline mode: https://huggingface.co was not opened."
    reader.show_topic("datasets")
    assert message.isHidden()


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("hp.epochs", Place("hyperparameters", "epochs")),
        ("output.directory", Place("output", "output-directory")),
        ("run.log.filter", Place("progress", "the-log")),
    ],
)
def test_f1_opens_the_place_of_the_focused_field(
    window: MainWindow, desk: GuideDesk, qtbot: QtBot, name: str, place: Place
) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    widget = window.findChild(QWidget, name)
    assert widget is not None
    widget.setFocus()
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_F1)
    assert _reader_of(window).history.place == place


def test_f1_without_a_field_is_about_the_page(window: MainWindow, desk: GuideDesk) -> None:
    window.show_page(2)
    if (widget := QApplication.focusWidget()) is not None:
        widget.clearFocus()
    window.actions_.guide.trigger()
    assert _reader_of(window).history.place == Place("datasets")


def test_the_guide_is_opened_once(window: MainWindow, desk: GuideDesk) -> None:
    desk.show_guide("hp.seed")
    first = _reader_of(window)
    first.close()
    desk.show_guide("datasets")
    assert window.findChildren(GuideWindow) == [first]
    assert first.isVisible()
    window.close()
    assert not first.isVisible()


def test_the_button_of_a_section_opens_its_place(
    window: MainWindow, desk: GuideDesk, qtbot: QtBot
) -> None:
    card = Card("Memory", window)
    button = HelpButton("memory#when-memory-is-short")
    card.tools.addWidget(button)
    assert button.objectName() == "help.memory#when-memory-is-short"
    assert button.accessibleName() == "Help on when memory is short"
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert _reader_of(window).history.place == Place("memory", "when-memory-is-short")


def test_help_is_known_by_name_by_property_and_by_the_button_of_the_section(
    window: MainWindow,
) -> None:
    card = Card("Memory", window)
    card.tools.addWidget(HelpButton("memory", "memory"))
    inner = QWidget()
    inner.setProperty("help", "offline")
    field = QPushButton("x")
    field.setObjectName("hp.seed")
    QVBoxLayout(inner).addWidget(field)
    card.body.addWidget(inner)
    assert list(help_topics(field))[:3] == ["hp.seed", "offline", "memory"]
    assert list(help_topics(None)) == []


def test_the_page_of_shortcuts_lists_every_one(window: MainWindow) -> None:
    page = load_guide(guide_folder()).page("shortcuts")
    assert page is not None
    cells = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", page.text, re.MULTILINE)
    listed = {key for cell in cells for key in cell.split(", ")}
    shortcuts = {one.shortcut().toString() for one in window.actions_.all} - {""}
    assert shortcuts - listed == set()
    assert {key for key in listed if key.startswith("Ctrl+")} - shortcuts == {
        "Ctrl+Return", "Ctrl+C", "Ctrl+F", "Ctrl+G", "Ctrl+J",
    }  # fmt: skip


def test_every_control_that_the_guide_names_is_in_the_window(window: MainWindow) -> None:
    build_pages(window)
    named = {name for page in load_guide(guide_folder()).pages for name in page.named}
    controls = named - set(settings_index())
    assert controls
    missing = {name for name in controls if window.findChild(QWidget, name) is None}
    assert missing == set()


def test_every_help_button_leads_somewhere(window: MainWindow) -> None:
    build_pages(window)
    guide = load_guide(guide_folder())
    for button in window.findChildren(HelpButton):
        assert guide.find(button.topic) is not None, button.topic
        assert button.accessibleName().startswith("Help on ")
