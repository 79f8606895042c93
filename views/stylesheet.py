"""Colours of the light and the dark theme, and the style sheet that is written with them."""

from __future__ import annotations


class Tokens:
    """Every colour the program uses, by what it is for. Text on its ground reaches 4.5 : 1.

    No dataclass: making one of this many fields costs a millisecond of the first frame.
    """

    name: str
    window: str
    rail: str
    surface: str
    field: str
    border: str
    field_border: str
    hover: str
    text: str
    muted: str
    disabled: str
    placeholder: str
    accent: str
    accent_hover: str
    accent_pressed: str
    accent_soft: str
    accent_text: str
    on_accent: str
    good: str
    good_soft: str
    warning: str
    warning_soft: str
    bad: str
    bad_soft: str
    curve: str
    curve_eval: str
    curve_rate: str
    part_weights: str
    part_adapter: str
    part_optimizer: str
    part_activations: str
    part_logits: str
    part_context: str
    part_other: str
    run_1: str
    run_2: str
    run_3: str
    run_4: str
    run_5: str
    run_6: str
    run_7: str
    run_8: str

    def __init__(self, **colors: str) -> None:
        self.__dict__.update(colors)


LIGHT = Tokens(
    name="light",
    window="#F4F5F8",
    rail="#ECEEF3",
    surface="#FFFFFF",
    field="#FFFFFF",
    border="#E2E5EB",
    field_border="#C3C9D4",
    hover="#EEF0F5",
    text="#1A1E26",
    muted="#586072",
    disabled="#9AA1AE",
    placeholder="#697184",
    accent="#3A55D9",
    accent_hover="#2F48C2",
    accent_pressed="#273CA5",
    accent_soft="#E5E9FB",
    accent_text="#2F48C2",
    on_accent="#FFFFFF",
    good="#16744A",
    good_soft="#E3F4EB",
    warning="#8A5A00",
    warning_soft="#FDF2DA",
    bad="#BF2C22",
    bad_soft="#FCE9E7",
    curve="#3A55D9",
    curve_eval="#C2570C",
    curve_rate="#9AA1AE",
    part_weights="#3A55D9",
    part_adapter="#7C3FC4",
    part_optimizer="#C8458F",
    part_activations="#D98410",
    part_logits="#178F86",
    part_context="#6B7486",
    part_other="#9C8157",
    run_1="#0B62B5",
    run_2="#C2570C",
    run_3="#00835C",
    run_4="#B0327F",
    run_5="#2A8FC2",
    run_6="#A67700",
    run_7="#6B3FA0",
    run_8="#55606F",
)
DARK = Tokens(
    name="dark",
    window="#15171C",
    rail="#111317",
    surface="#1D2027",
    field="#16191F",
    border="#2B2F39",
    field_border="#434957",
    hover="#272B34",
    text="#E7EAF0",
    muted="#A4ADBC",
    disabled="#656D7B",
    placeholder="#8A92A0",
    accent="#4F69E8",
    accent_hover="#5870EA",
    accent_pressed="#4058D0",
    accent_soft="#262D4D",
    accent_text="#A5B4FF",
    on_accent="#FFFFFF",
    good="#6BD3A0",
    good_soft="#17332A",
    warning="#EFBF62",
    warning_soft="#382D15",
    bad="#FF938A",
    bad_soft="#3C2020",
    curve="#8CA0FF",
    curve_eval="#F2A65A",
    curve_rate="#656D7B",
    part_weights="#7088FF",
    part_adapter="#B58BF2",
    part_optimizer="#EE86BC",
    part_activations="#F0B04F",
    part_logits="#4CC6B8",
    part_context="#9AA4B6",
    part_other="#C9AE83",
    run_1="#6BB1FF",
    run_2="#F29A4A",
    run_3="#3CCB9A",
    run_4="#F287C3",
    run_5="#8ADCF5",
    run_6="#E8C34A",
    run_7="#B79CF2",
    run_8="#B4BCC9",
)

_SHEET = """
QMainWindow, QDialog { background: @window; }
QWidget#page, QWidget#column { background: transparent; }
QScrollArea { background: transparent; border: 0; }
QLabel { background: transparent; }
QLabel[role="title"] { font-size: @title; font-weight: 600; }
QLabel[role="heading"] { font-size: @heading; font-weight: 600; }
QLabel[role="subheading"] { font-weight: 600; }
QLabel[role="muted"] { color: @muted; }
QLabel[role="error"] { color: @bad; }
QLabel[role="warning"] { color: @warning; }
QLabel[role="caption"] { color: @muted; font-size: @caption; }
QTextEdit[flow="true"] {
  background: transparent; border: 0; padding: 0; color: @text;
  selection-background-color: @accent; selection-color: @on_accent;
}
QTextEdit[flow="true"][role="muted"] { color: @muted; }
QTextEdit[flow="true"][tone="bad"] { color: @bad; }
QTextEdit[role="tokens"] {
  background: @field; color: @text; border: 1px solid @field_border; border-radius: 8px;
  padding: 8px 10px; selection-background-color: @accent; selection-color: @on_accent;
}
QTextEdit[role="tokens"]:focus { border: 2px solid @accent; padding: 7px 9px; }
QLabel[role="learnt"] {
  background: @accent_soft; color: @text; border-bottom: 2px solid @accent_text; padding: 1px 6px;
}
QLabel[role="read"] { color: @muted; padding: 1px 6px; }
QLabel[role="control"] { background: @hover; color: @muted; padding: 1px 6px; font-weight: 600; }
QLabel[role="lost"] {
  color: @placeholder; padding: 1px 6px; text-decoration: line-through;
}
QLabel[role="number"] { font-size: @heading; font-weight: 600; }
QScrollArea[role="history"] { border: 1px solid transparent; border-radius: 8px; }
QScrollArea[role="history"]:focus { border-color: @accent; }
QLabel[tone="good"] { color: @good; }
QLabel[tone="bad"] { color: @bad; }
QLabel[tone="warning"] { color: @warning; }
QFrame[role="card"] { background: @surface; border: 1px solid @border; border-radius: 10px; }
QFrame[role="rail"] { background: @rail; border: 0; border-right: 1px solid @border; }
QFrame[role="footer"] { background: @window; border: 0; border-top: 1px solid @border; }
QFrame[role="answer"] { background: @window; border: 1px solid @border; border-radius: 8px; }
QFrame[role="check"] { background: transparent; border: 2px solid transparent; border-radius: 8px; }
QFrame[role="check"]:focus { border-color: @accent; }
QFrame[role="banner"] { border-radius: 8px; background: @accent_soft; border: 1px solid @border; }
QFrame[role="banner"][tone="good"] { background: @good_soft; }
QFrame[role="banner"][tone="warning"] { background: @warning_soft; }
QFrame[role="banner"][tone="bad"] { background: @bad_soft; }

QPushButton {
  background: @surface; color: @text; border: 1px solid @field_border; border-radius: 7px;
  padding: 6px 14px;
}
QPushButton:hover { background: @hover; }
QPushButton:pressed { background: @border; }
QPushButton:focus { border: 2px solid @accent; padding: 5px 13px; }
QPushButton:disabled { color: @disabled; border-color: @border; background: @window; }
QPushButton[role="primary"] {
  background: @accent; color: @on_accent; border: 1px solid @accent; font-weight: 600;
}
QPushButton[role="primary"]:hover { background: @accent_hover; border-color: @accent_hover; }
QPushButton[role="primary"]:pressed { background: @accent_pressed; }
QPushButton[role="primary"]:focus { border: 2px solid @text; padding: 5px 13px; }
QPushButton[role="primary"]:disabled {
  background: @border; color: @disabled; border: 1px solid @border;
}
QPushButton[role="danger"] { color: @bad; border-color: @bad; font-weight: 600; }
QPushButton[role="danger"]:hover { background: @bad_soft; }
QPushButton[role="danger"]:focus { border: 2px solid @bad; padding: 5px 13px; }
QPushButton[role="danger"]:disabled { color: @disabled; border-color: @border; }
QPushButton[role="choice"] {
  background: @surface; border: 1px solid @border; border-radius: 10px; padding: 0;
}
QPushButton[role="choice"]:hover { background: @hover; border-color: @field_border; }
QPushButton[role="choice"]:pressed { background: @accent_soft; }
QPushButton[role="choice"]:focus { border: 2px solid @accent; padding: 0; }

QPushButton[role="link"] {
  background: transparent; border: 2px solid transparent; color: @accent_text; padding: 3px 6px;
}
QPushButton[role="link"]:hover { background: @accent_soft; }
QPushButton[role="link"]:focus { border-color: @accent; }
QPushButton[role="link"]:disabled { color: @disabled; }
QPushButton[role="attention"] {
  background: transparent; border: 1px solid transparent; border-radius: 4px; padding: 0 3px;
  color: @bad;
}
QPushButton[role="attention"]:hover { background: @bad_soft; }
QPushButton[role="attention"]:focus { border-color: @bad; }
QPushButton[role="attention"][tone="warning"] { color: @warning; }
QPushButton[role="attention"][tone="warning"]:hover { background: @warning_soft; }
QPushButton[role="attention"][tone="warning"]:focus { border-color: @warning; }
QFrame[role="segments"] {
  background: @window; border: 1px solid @border; border-radius: 8px;
}
QPushButton[role="segment"] {
  background: transparent; border: 2px solid transparent; border-radius: 6px; padding: 3px 8px;
  color: @muted;
}
QPushButton[role="segment"]:hover { background: @hover; }
QPushButton[role="segment"]:checked { background: @accent_soft; color: @accent_text; }
QPushButton[role="segment"]:focus { border-color: @accent; }
QPushButton[role="segment"]:disabled { color: @disabled; }

QToolButton {
  background: transparent; border: 2px solid transparent; border-radius: 7px; padding: 4px;
  color: @text;
}
QToolButton:hover { background: @hover; }
QToolButton:pressed { background: @border; }
QToolButton:focus { border-color: @accent; }
QToolButton:checked { background: @accent_soft; color: @accent_text; }
QToolButton:disabled { color: @disabled; }
QToolButton[role="fold"] {
  font-size: @heading; font-weight: 600; padding: 2px 6px 2px 2px; background: transparent;
}
QToolButton[role="fold"]:hover { background: @hover; }
QToolButton[role="quiet-fold"] { color: @muted; padding: 2px 6px 2px 0; background: transparent; }
QToolButton[role="quiet-fold"]:hover, QToolButton[role="quiet-fold"]:checked { color: @text; }
QToolButton[role="fold"]:checked { background: transparent; color: @text; }
QToolButton[role="nav"] { color: @muted; padding: 8px 4px 6px 4px; border-radius: 9px; }
QToolButton[role="nav"]:hover { color: @text; background: @hover; }
QToolButton[role="nav"]:checked {
  color: @accent_text; background: @accent_soft; font-weight: 600;
}

QToolButton[role="help"] {
  color: @muted; border: 1px solid @field_border; border-radius: @help_radius; padding: 0;
  font-weight: 600; min-width: @help; max-width: @help; min-height: @help; max-height: @help;
}
QToolButton[role="help"]:hover { color: @accent_text; border-color: @accent; background: @hover; }
QToolButton[role="help"]:focus { color: @accent_text; border: 2px solid @accent; }

QLineEdit, QPlainTextEdit, QComboBox {
  background: @field; color: @text; border: 1px solid @field_border; border-radius: 7px;
  padding: 5px 9px; selection-background-color: @accent; selection-color: @on_accent;
  placeholder-text-color: @placeholder;
}
QLineEdit, QComboBox { min-height: @line; }
QLineEdit:focus, QPlainTextEdit:focus, QComboBox:focus {
  border: 2px solid @accent; padding: 4px 8px;
}
QLineEdit[invalid="true"], QComboBox[invalid="true"] { border: 1px solid @bad; }
QLineEdit[invalid="true"]:focus, QComboBox[invalid="true"]:focus { border: 2px solid @bad; }
QLineEdit:disabled, QPlainTextEdit:disabled, QComboBox:disabled {
  color: @disabled; background: @window; border-color: @border;
  placeholder-text-color: @disabled;
}
QLineEdit[role="heading-edit"] {
  background: transparent; border: 0; border-bottom: 2px solid transparent; border-radius: 0;
  padding: 0; font-size: @title; font-weight: 600;
}
QLineEdit[role="heading-edit"]:hover { border-bottom-color: @field_border; }
QLineEdit[role="heading-edit"]:focus { border: 0; border-bottom: 2px solid @accent; padding: 0; }
QComboBox { combobox-popup: 0; }
QComboBox::drop-down { border: 0; width: @drop; }
QComboBox::down-arrow { image: url("@icons/chevron-@name.svg"); width: @arrow; height: @arrow; }
QComboBox QLineEdit, QComboBox QLineEdit:focus, QComboBox QLineEdit[invalid="true"]:focus {
  border: 0; padding: 0; background: transparent; min-height: 0;
}
QComboBox QAbstractItemView, QComboBox QAbstractItemView:focus {
  background: @surface; color: @text; border: 1px solid @field_border; border-radius: 0;
  padding: 4px;
  selection-background-color: @accent_soft; selection-color: @text; outline: 0;
}
QComboBox QAbstractItemView::item { padding: 4px 6px; }
QComboBox QAbstractItemView::item:disabled { color: @disabled; }
QCheckBox { spacing: 8px; padding: 3px 2px; border: 2px solid transparent; border-radius: 6px; }
QCheckBox:focus { border-color: @accent; }
QCheckBox:disabled { color: @disabled; }
QCheckBox::indicator {
  width: @box; height: @box; border-radius: 4px;
  border: 1px solid @placeholder; background: @field;
}
QCheckBox::indicator:hover { border-color: @accent; }
QCheckBox::indicator:checked {
  background: @accent; border-color: @accent; image: url("@icons/check-on.svg");
}
QCheckBox::indicator:disabled { background: @border; border-color: @border; }
QRadioButton { spacing: 8px; padding: 3px 2px; border: 2px solid transparent; border-radius: 6px; }
QRadioButton:focus { border-color: @accent; }
QRadioButton:disabled { color: @disabled; }
QRadioButton::indicator {
  width: @radio; height: @radio; border-radius: @radio_radius;
  border: 1px solid @placeholder; background: @field;
}
QRadioButton::indicator:hover { border-color: @accent; }
QRadioButton::indicator:checked {
  width: @radio_hole; height: @radio_hole; border: @radio_ring solid @accent;
  background: @on_accent;
}

QProgressBar {
  background: @border; border: 0; border-radius: 4px; min-height: 8px; max-height: 8px;
}
QProgressBar::chunk { background: @accent; border-radius: 4px; }
QProgressBar[tone="good"]::chunk { background: @good; }
QProgressBar[tone="bad"]::chunk { background: @bad; }
QProgressBar[tone="quiet"]::chunk { background: @disabled; }

QSlider::groove:horizontal { height: 4px; background: @field_border; border-radius: 2px; }
QSlider::sub-page:horizontal { background: @accent; border-radius: 2px; }
QSlider::handle:horizontal {
  width: 12px; margin: -6px 0; border-radius: 8px;
  background: @surface; border: 2px solid @accent;
}
QSlider::handle:horizontal:focus { background: @accent; }
QSlider:disabled { color: @disabled; }

QTableView, QListView {
  background: @surface; alternate-background-color: @surface; color: @text; gridline-color: @border;
  border: 1px solid @border; border-radius: 8px; padding: 1px; outline: 0;
  selection-background-color: @accent_soft; selection-color: @text;
}
QTableView:focus, QListView:focus { border: 2px solid @accent; padding: 0; }
QTableView::item { padding: 4px 10px; border: 0; }
QTableView[role="log"] { background: @field; border-radius: 6px; }
QTableView[role="log"]::item { padding: 0 8px; }
QTreeView, QListWidget {
  background: transparent; color: @text; border: 1px solid transparent; outline: 0;
  selection-background-color: @accent_soft; selection-color: @text; border-radius: 8px;
}
QTreeView:focus, QListWidget:focus { border: 1px solid @accent; }
QTreeView::item, QListWidget::item { padding: 5px 6px; border-radius: 6px; }
QTreeView::item:hover, QListWidget::item:hover { background: @hover; }
QTreeView::item:selected, QListWidget::item:selected { background: @accent_soft; color: @text; }
QTextBrowser {
  background: @surface; color: @text; border: 1px solid @border; border-radius: 10px;
  selection-background-color: @accent; selection-color: @on_accent;
}
QTextBrowser:focus { border: 1px solid @accent; }
QHeaderView { background: transparent; border: 0; }
QHeaderView::section {
  background: @surface; color: @muted; border: 0; border-bottom: 1px solid @border;
  padding: 7px 13px;
}
QHeaderView::section:vertical { border-bottom: 0; padding: 0 13px; }
QAbstractScrollArea::corner { background: transparent; border: 0; }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QTableCornerButton::section { background: @surface; border: 0; }

QMenuBar { background: @window; color: @text; border-bottom: 1px solid @border; }
QMenuBar::item { padding: 5px 10px; background: transparent; border-radius: 5px; }
QMenuBar::item:selected { background: @hover; }
QMenu { background: @surface; color: @text; border: 1px solid @field_border; padding: 5px; }
QMenu::item { padding: 6px 28px 6px 14px; border-radius: 5px; }
QMenu::item:selected { background: @accent_soft; color: @text; }
QMenu::item:disabled { color: @disabled; }
QMenu::separator { height: 1px; background: @border; margin: 5px 8px; }
QStatusBar { background: @window; color: @muted; border-top: 1px solid @border; }
QStatusBar::item { border: 0; }
QSplitter::handle { background: transparent; }
QToolTip {
  background: @text; color: @window; border: 0; padding: 5px 8px;
}
QScrollBar:vertical { background: transparent; width: 11px; margin: 2px; }
QScrollBar:horizontal { background: transparent; height: 11px; margin: 2px; }
QScrollBar::handle { background: @field_border; border-radius: 3px; }
QScrollBar::handle:vertical { min-height: 28px; }
QScrollBar::handle:horizontal { min-width: 28px; }
QScrollBar::handle:hover { background: @muted; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
"""


_LENGTHS = {"line": 2.0, "drop": 2.2, "arrow": 1.2, "box": 1.6}
"""Pixels for each point of the text: what stands in a line with text grows with it."""


def style_sheet(tokens: Tokens, icon_folder: str, point_size: float) -> str:
    """The style sheet in these colours; sizes follow the user's own font size."""
    values = dict(vars(tokens))
    values["icons"] = icon_folder
    values["title"] = f"{point_size * 1.55:.1f}pt"
    values["caption"] = f"{point_size * 0.92:.1f}pt"
    values["heading"] = f"{point_size * 1.1:.1f}pt"
    values |= {name: f"{round(point_size * much)}px" for name, much in _LENGTHS.items()}
    side = round(point_size * 1.6)  # pixels: at 96 to the inch a point is 1.33 of them
    values["help"], values["help_radius"] = f"{side}px", f"{side // 2 + 1}px"
    side, ring = 2 * round(point_size * 0.8), round(point_size * 0.4)  # of a radio button
    values["radio"], values["radio_hole"] = f"{side - 2}px", f"{side - 2 * ring}px"
    values["radio_radius"], values["radio_ring"] = f"{side // 2}px", f"{ring}px"
    sheet = _SHEET
    for name in sorted(values, key=len, reverse=True):
        sheet = sheet.replace(f"@{name}", values[name])
    return sheet
