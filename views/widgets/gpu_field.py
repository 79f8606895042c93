"""Choosing the GPU to rent: what Runpod has now with memory, price and stock, or any name."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QCheckBox, QLineEdit, QWidget

from models.domain.config_io import settings_index
from models.domain.gpu_list import offer_words
from models.domain.remote_money import clock_words
from views.widgets.buttons import push_button
from views.widgets.card import restyle, text_label
from views.widgets.fields import CalmComboBox, Field
from views.widgets.flow_row import FlowRow
from views.widgets.model_delegate import LABEL_ROLE, ModelDelegate

if TYPE_CHECKING:
    from models.domain.gpu_offer import GpuOffer
    from models.qt.runpod_model import RunpodModel

PATH = "runpod.gpu"


class GpuField(Field):
    """An editable combo box; empty means any that fits, by the preset's order.

    Signals:
        refresh_requested: ask for prices and stock anew.
    """

    refresh_requested = Signal()

    def __init__(self, model: RunpodModel, label: str) -> None:
        combo, line = CalmComboBox(), QLineEdit()
        combo.setLineEdit(line)
        combo.setInsertPolicy(CalmComboBox.InsertPolicy.NoInsert)
        combo.setItemDelegate(ModelDelegate(combo))
        super().__init__(settings_index()[PATH], combo, label)
        self._combo, self._line, self._model = combo, line, model
        self._value = ""
        self._caption = text_label("", "muted", wrap=True)
        self._caption.setObjectName(f"{PATH}.caption")
        self._fits = QCheckBox("Only those that fit this job")
        self._fits.setObjectName(f"{PATH}.fits")
        self._fits.setToolTip("By the predicted peak of memory, the number of GPUs and the volume")
        self._fits.setChecked(True)
        self._refresh = push_button("Refresh", "link")
        self._refresh.setObjectName(f"{PATH}.refresh")
        self._refresh.setToolTip("Ask Runpod for prices and stock anew")
        line.setAccessibleName(self.info.rule.label)
        line.setPlaceholderText(self.info.rule.none_means)
        tools = QWidget()
        row = FlowRow(tools)
        row.addWidget(self._fits)
        row.add_spring()
        row.addWidget(self._refresh)
        self.add_below(self._caption)
        self.add_below(tools)
        self._connect()
        self._show_gpus()

    def show_value(self, value: object) -> None:
        self._value = str(value)
        self._combo.setCurrentIndex(self._combo.findText(self._value))
        if self._line.text() != self._value:
            self._line.setText(self._value)
        self._line.setCursorPosition(0)
        self._show_caption()

    def _connect(self) -> None:
        self._line.textEdited.connect(self._on_text_edited)
        self._combo.activated.connect(self._on_activated)
        self._fits.toggled.connect(self._on_fits)
        self._refresh.clicked.connect(self.refresh_requested)
        self._model.gpus_changed.connect(self._show_gpus)
        self._model.changed.connect(self._show_busy)

    @Slot()
    def _show_gpus(self) -> None:
        gpus = self._model.gpus
        shown = gpus.suiting if self._fits.isChecked() else gpus.offers
        self._combo.blockSignals(True)
        self._combo.clear()
        for offer in shown:
            self._combo.addItem(offer.gpu)
            self._combo.setItemData(self._combo.count() - 1, offer_words(offer), LABEL_ROLE)
        self._combo.blockSignals(False)
        self._fits.setVisible(bool(gpus.offers))
        self.show_value(self._value)

    @Slot(bool)
    def _on_fits(self, _checked: bool) -> None:
        self._show_gpus()

    @Slot()
    def _show_busy(self) -> None:
        self._refresh.setEnabled(not self._model.is_asking)
        self._show_caption()

    def _show_caption(self) -> None:
        gpus = self._model.gpus
        offer = _find(gpus.offers, self._value)
        why = gpus.objections.get(offer.gpu, "") if offer is not None else ""
        text = "" if offer is None else offer_words(offer)
        if offer is None and gpus.offers:
            count = len(gpus.suiting)
            moment = clock_words(gpus.asked, time.time())
            text = f"{count} of {len(gpus.offers)} kinds fit this job, as of {moment}."
            if self._value.strip():
                text = "Runpod does not list this GPU in this cloud now."
        self._caption.setText(f"{text}. {why}" if why else text)
        restyle(self._caption, "role", "warning" if why else "muted")
        self._caption.setVisible(bool(text))

    @Slot(str)
    def _on_text_edited(self, text: str) -> None:
        self._value = text
        self._show_caption()
        self.typed.emit(PATH, text)

    @Slot(int)
    def _on_activated(self, row: int) -> None:
        self._value = self._combo.itemText(row)
        self._show_caption()
        self.edited.emit(PATH, self._value)


def _find(offers: tuple[GpuOffer, ...], gpu: str) -> GpuOffer | None:
    return next((offer for offer in offers if offer.gpu == gpu.strip()), None)
