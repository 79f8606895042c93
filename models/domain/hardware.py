"""What a computer has to train with, as its drivers report it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gpu:
    """One CUDA device; ``total`` and ``free`` are its memory in bytes, as the driver reports it.

    ``total`` is a little below the card's nominal size, ``free`` what other programs left of it.
    ``cuda`` is the latest version of CUDA that the driver supports, empty where it is not known.
    """

    index: int
    name: str
    total: int
    free: int
    uuid: str = ""
    driver: str = ""
    cuda: str = ""


@dataclass(frozen=True, slots=True)
class Hardware:
    """This computer's GPUs and main memory in bytes.

    ``probed`` is False until somebody has looked; ``reason`` then, or where there is no GPU, says
    why in words for the user.
    """

    gpus: tuple[Gpu, ...] = ()
    ram_total: int = 0
    ram_free: int = 0
    probed: bool = False
    reason: str = ""

    @property
    def deciding_gpu(self) -> Gpu | None:
        """The card that a setup must fit: the one with the least free memory, None without any.

        Which card a run gets is the driver's order, so what is chosen must fit the smallest.
        """
        return min(self.gpus, key=lambda gpu: (gpu.free, gpu.total, gpu.index), default=None)
