"""TensorBoard's files, byte for byte as TensorBoard's own writer makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trainer_image.event_file import EventFile, record

if TYPE_CHECKING:
    from pathlib import Path

TENSORBOARDS = bytes.fromhex(
    "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c1000000000"
    "00000095fbfe1809000000000000f83f10c9013a0208016c578f4633000000000000000ca7205609000000000000"
    "f83f10ac022a250a110a0a747261696e2f6c6f737315000020400a100a096576616c2f6c6f7373150000803e"
    "4105c947"
)
"""Of TensorBoard 2.21's ``RecordWriter``: the version, the start of a session at step 201, and two
values after step 300, all at the time 1.5."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer_image.event_file.time.time", lambda: 1.5)


@pytest.mark.usefixtures("clock")
def test_a_resumed_boot_writes_the_bytes_of_tensorboard(tmp_path: Path) -> None:
    board = EventFile(tmp_path, 200)
    board.write(300, {"train/loss": 2.5, "eval/loss": 0.25})
    (path,) = tmp_path.iterdir()
    assert path.read_bytes() == TENSORBOARDS, "all is on the disk before the file is closed"
    board.close()


@pytest.mark.usefixtures("clock")
def test_a_first_boot_voids_nothing_and_a_second_has_a_file_of_its_own(tmp_path: Path) -> None:
    for first in (0, 0):
        EventFile(tmp_path, first).close()
    contents = {path.read_bytes() for path in tmp_path.iterdir()}
    assert len(list(tmp_path.iterdir())) == 2
    assert contents == {TENSORBOARDS[: 8 + 4 + 24 + 4]}


def test_the_checksum_is_the_one_of_the_standard() -> None:
    """RFC 3720, appendix B.4: 32 zeros have the CRC 0x8A9136AA, here turned and shifted."""
    crc = 0x8A9136AA
    masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    assert record(bytes(32))[-4:] == masked.to_bytes(4, "little")
