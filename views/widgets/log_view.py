"""The log: a fast table of lines with a level and a text filter that follows its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Signal,
    Slot,
)
from PySide6.QtGui import (
    QColor,
    QFontDatabase,
    QFontMetrics,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QPalette,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QBoxLayout,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from models.qt.log_model import LEVEL_ROLE, LEVELS, SOURCES, TEXT_ROLE, LogModel
from views.theme import current_theme
from views.widgets.buttons import IconButton
from views.widgets.card import text_label
from views.widgets.fields import CalmComboBox
from views.widgets.help_button import HelpButton

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

_ONE_LINE = 300
"""Pixels of the tools with both lists at their narrowest, for text of the normal size."""
_Index = QModelIndex | QPersistentModelIndex


class LogView(QWidget):
    """Log lines with their tools.

    Signals:
        download_requested: the user wants the whole log as a file.
    """

    download_requested = Signal()

    def __init__(self, prefix: str, model: LogModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._level = CalmComboBox()
        self._level.setObjectName(f"{prefix}.log.level")
        self._level.setAccessibleName("Log lines to show")
        self._level.addItems(LEVELS)
        self._model = model
        self._source = CalmComboBox()
        self._source.setObjectName(f"{prefix}.log.source")
        self._source.setAccessibleName("Whose log lines to show")
        self._source.setToolTip("The machine of the pod (system), or the trainer in its container")
        self._source.addItems(SOURCES)
        self._filter = QLineEdit()
        self._filter.setObjectName(f"{prefix}.log.filter")
        self._filter.setAccessibleName("Text to look for in the log")
        self._filter.setPlaceholderText("Filter")
        self._filter.setClearButtonEnabled(False)
        self.follow = IconButton("tail", "Follow the newest lines")
        self.follow.setObjectName(f"{prefix}.log.follow")
        self.follow.setCheckable(True)
        self.follow.setChecked(True)
        self.download = IconButton("download", "Download logs…")
        self.download.setObjectName(f"{prefix}.download_logs")
        self.download.setEnabled(False)
        self.table = LogTable(model)
        self.table.setObjectName(f"{prefix}.log")
        self.table.setAccessibleName("Log of the run")
        self._tools = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._build()
        self._connect(model)

    def _build(self) -> None:
        self._tools.setSpacing(6)
        what, where = QHBoxLayout(), QHBoxLayout()
        what.addWidget(text_label("Log", "heading"))
        what.addStretch(1)
        self._source.setMinimumWidth(96)
        self._filter.setMaximumWidth(180)
        what.addWidget(self._source)
        what.addWidget(self._level)
        for widget in (self._filter, self.follow, self.download):
            where.addWidget(widget)
        where.addWidget(HelpButton("progress#the-log", "the log"))
        for part, share in ((what, 1), (where, 0)):
            part.setSpacing(6)
            self._tools.addLayout(part, share)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addLayout(self._tools)
        column.addWidget(self.table, 1)

    def _connect(self, model: LogModel) -> None:
        self._source.activated.connect(model.set_source)
        model.system_came.connect(self._show_source)
        self._show_source()
        self._level.activated.connect(model.set_level)
        self._filter.textEdited.connect(model.set_needle)
        self.follow.clicked.connect(self.table.set_following)
        self.table.following_changed.connect(self.follow.setChecked)
        self.download.clicked.connect(self.download_requested)
        current_theme().changed.connect(self._fit)

    @Slot()
    def _show_source(self) -> None:
        """To choose only where there is more than one source; what is hidden shows all."""
        several = self._model.system_lines > 0
        self._source.setVisible(several)
        self._level.setMinimumWidth(110 if several else 150)
        if not several and self._source.currentIndex() > 0:
            self._source.setCurrentIndex(0)
            self._model.set_source(0)
        self._fit()

    @Slot()
    def _fit(self) -> None:
        """With both lists the tools take two lines where one is too narrow for them."""
        is_narrow = self.width() < _ONE_LINE * current_theme().scale
        breaks = is_narrow and not self._source.isHidden()
        direction = QBoxLayout.Direction
        self._tools.setDirection(direction.TopToBottom if breaks else direction.LeftToRight)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()


class LogTable(QTableView):
    """One column of lines with fixed heights; stays at the end only while the user is there.

    Signals:
        following_changed: whether new lines are scrolled to.
    """

    following_changed = Signal(bool)

    def __init__(self, model: LogModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._log = model
        self._following = True
        self._moving = False
        self.setProperty("role", "log")
        self.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self._character = QFontMetrics(self.font()).horizontalAdvance("0")
        self._setup_table()
        self.setModel(model)
        self._delegate = LevelDelegate(self)
        self.setItemDelegate(self._delegate)
        model.rowsInserted.connect(self._on_rows_inserted)
        model.rowsRemoved.connect(self._on_rows_removed)
        model.modelReset.connect(self._on_reset)
        self.verticalScrollBar().valueChanged.connect(self._on_scrolled)

    @property
    def is_following(self) -> bool:
        """Whether new lines are scrolled to."""
        return self._following

    @Slot(bool)
    def set_following(self, following: bool) -> None:
        """Follow the end (and go there), or stay."""
        if following:
            self._to_end()
        if following != self._following:
            self._following = following
        self.following_changed.emit(self._following)

    def copy_selection(self) -> None:
        """Put the selected lines, in full, on the clipboard."""
        rows = sorted(self.selectionModel().selectedRows(), key=QModelIndex.row)
        lines = [str(index.data(TEXT_ROLE)) for index in rows]
        if lines:
            QGuiApplication.clipboard().setText("\n".join(lines))

    @Slot(QModelIndex, int, int)
    def _on_rows_inserted(self, _parent: QModelIndex, _first: int, _last: int) -> None:
        self._fit_width()
        if self._following:
            self._to_end()

    @Slot(QModelIndex, int, int)
    def _on_rows_removed(self, _parent: QModelIndex, first: int, last: int) -> None:
        if self._following:
            return
        # Lines left at the top: what the user reads stays where it is.
        bar = self.verticalScrollBar()
        self._moving = True
        bar.setValue(max(0, bar.value() - (last - first + 1)))
        self._moving = False

    @Slot()
    def _on_reset(self) -> None:
        self._fit_width()
        if self._following:
            self._to_end()

    @Slot(int)
    def _on_scrolled(self, value: int) -> None:
        if self._moving:
            return
        at_end = value >= self.verticalScrollBar().maximum()
        if at_end != self._following:
            self._following = at_end
            self.following_changed.emit(at_end)

    def _to_end(self) -> None:
        self._moving = True
        self.scrollToBottom()
        self._moving = False

    def _fit_width(self) -> None:
        wanted = self._log.longest * self._character + 24
        width = max(wanted, self.viewport().width())
        if width != self.columnWidth(0):
            self.setColumnWidth(0, width)

    def _setup_table(self) -> None:
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerItem)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.horizontalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        vertical = self.verticalHeader()
        vertical.hide()
        vertical.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        vertical.setMinimumSectionSize(10)
        vertical.setDefaultSectionSize(QFontMetrics(self.font()).lineSpacing() + 4)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_width()
        if self._following:
            self._to_end()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_selection()
        else:
            super().keyPressEvent(event)


class LevelDelegate(QStyledItemDelegate):
    """Draws warnings and errors in their colours."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._colors: dict[int, QColor] = {}
        current_theme().changed.connect(self._take_colors)
        self._take_colors()

    def initStyleOption(  # noqa: N802
        self, option: QStyleOptionViewItem, index: _Index
    ) -> None:
        super().initStyleOption(option, index)
        color = self._colors.get(index.data(LEVEL_ROLE))
        if color is not None:
            option.palette.setColor(QPalette.ColorRole.Text, color)
            option.palette.setColor(QPalette.ColorRole.HighlightedText, color)

    @Slot()
    def _take_colors(self) -> None:
        tokens = current_theme().tokens
        self._colors = {1: QColor(tokens.warning), 2: QColor(tokens.bad)}
