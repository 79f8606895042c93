"""The program's mark (resources/icons/temper.svg) in the formats that systems want."""

from __future__ import annotations

import struct
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

SOURCE = Path(__file__).resolve().parents[1] / "resources" / "icons" / "temper.svg"
_ICO_SIDES = (16, 24, 32, 48, 64, 128, 256)
_ICNS_SIDES = {
    b"ic11": 32, b"ic12": 64, b"ic07": 128, b"ic08": 256, b"ic13": 256, b"ic09": 512,
    b"ic14": 512, b"ic10": 1024,
}  # fmt: skip
"""Apple's types of entries that hold a PNG, and the side of each in pixels."""


def png(side: int) -> bytes:
    """The mark as a PNG of ``side`` by ``side`` pixels on nothing."""
    image = QImage(side, side, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    QSvgRenderer(str(SOURCE)).render(painter)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")  # type: ignore[call-overload] # the stub knows no str for bytes
    return bytes(buffer.data().data())


def write_ico(path: Path) -> Path:
    """Write Windows' format: a directory of 16 bytes an entry, then the pictures as PNG."""
    pictures = [png(side) for side in _ICO_SIDES]
    head = struct.pack("<HHH", 0, 1, len(pictures))
    offset = len(head) + 16 * len(pictures)
    for side, picture in zip(_ICO_SIDES, pictures, strict=True):
        # In a byte 256 is written as 0.
        head += struct.pack("<BBBBHHII", side % 256, side % 256, 0, 0, 1, 32, len(picture), offset)
        offset += len(picture)
    path.write_bytes(head + b"".join(pictures))
    return path


def write_icns(path: Path) -> Path:
    """Write macOS' format: each picture after its type and length, all after the whole length."""
    body = b""
    for kind, side in _ICNS_SIDES.items():
        picture = png(side)
        body += kind + struct.pack(">I", len(picture) + 8) + picture
    path.write_bytes(b"icns" + struct.pack(">I", len(body) + 8) + body)
    return path
