"""The tables of images and of the layers that are being pulled."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from models.qt.docker_words import age, layer_name, layer_words
from models.qt.table_model import Column, ItemTableModel
from models.qt.wording import size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtCore import QObject

    from models.domain.docker import ImageInfo, LayerProgress


class ImagesModel(ItemTableModel["ImageInfo"]):
    """Images of this computer that a training can run in, one row a tag."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_IMAGE_COLUMNS, _image_key, parent)


class LayersModel(ItemTableModel["LayerProgress"]):
    """Layers in the order in which the registry names them."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_LAYER_COLUMNS, _layer_key, parent)

    def show(self, layers: Sequence[LayerProgress]) -> None:
        """Show these; the same ones move in their places, so that nothing jumps."""
        if [one.id for one in layers] != [one.id for one in self._items]:
            self.set_items(layers)
            return
        for row, layer in enumerate(layers):
            if layer != self._items[row]:
                self._items[row] = layer
                last = self.index(row, self.columnCount() - 1)
                self.dataChanged.emit(self.index(row, 0), last)


def _image_key(image: ImageInfo) -> object:
    return image.tag


def _tag(image: ImageInfo) -> str:
    return image.partial_of or image.tag


def _size(image: ImageInfo) -> str:
    return size(image.size)


def _size_number(image: ImageInfo) -> object:
    return image.size


def _age(image: ImageInfo) -> str:
    return age(time.time() - image.created_at) if image.created_at > 0 else "—"


def _age_number(image: ImageInfo) -> object:
    return -image.created_at


def _used_by(image: ImageInfo) -> str:
    return ", ".join(image.used_by) or "—"


def _origin(image: ImageInfo) -> str:
    if image.partial_of:
        return "Interrupted pull"
    return "Temper, here" if image.is_ours else "Registry" if image.digest else "This computer"


def _layer_key(layer: LayerProgress) -> object:
    return layer.id


def _status(layer: LayerProgress) -> str:
    return layer.status


_IMAGE_COLUMNS: tuple[Column[ImageInfo], ...] = (
    Column("Image", _tag),
    Column("Size", _size, _size_number, is_number=True),
    Column("Age", _age, _age_number),
    Column("Made by", _origin),
    Column("Used by", _used_by),
)
_LAYER_COLUMNS: tuple[Column[LayerProgress], ...] = (
    Column("Layer", layer_name),
    Column("State", _status),
    Column("Size", layer_words, is_number=True),
)
