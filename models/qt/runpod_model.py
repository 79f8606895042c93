"""What Runpod says of the setup in the form: GPUs, the quote, what was made ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from models.domain.gpu_list import GpuList
from models.domain.pod_quote import dollars

if TYPE_CHECKING:
    from models.domain.pod_quote import PodQuote

_ASKING = "Asking Runpod for prices and stock…"
_SOLD_OUT = "Nothing that fits is in stock now"


class RunpodModel(QObject):
    """Nothing is known before it was asked for.

    Signals:
        changed: anything here may be different now.
        gpus_changed: the list of GPUs is another one.
    """

    changed = Signal()
    gpus_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.gpus = GpuList()
        self.quote: PodQuote | None = None
        self.is_asking = self.is_ensuring = self.is_sold_out = False
        self.problem = ""
        self.ensured: tuple[str, ...] = ()
        self.ensure_problem = ""
        self._lines: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """The quote for a person, or why there is none."""
        if self.problem:
            return (self.problem,)
        return self._lines or ((_ASKING,) if self.is_asking else ())

    @property
    def is_against(self) -> bool:
        """Whether the lines say why nothing can be rented."""
        return bool(self.problem) or bool(self._lines and self.quote is None)

    @property
    def against(self) -> str:
        """What speaks against a start now, in a few words; empty where nothing does."""
        if not self.is_against:
            return ""
        if self.problem:
            return "Runpod could not be asked"
        return _SOLD_OUT if self.is_sold_out else "No GPU suits this setup"

    @property
    def short(self) -> str:
        """Price, what is expected and the most, in a few words; empty without a quote."""
        quote = self.quote
        if quote is None:
            return ""
        expected = "" if quote.expected_cost is None else f"about {dollars(quote.expected_cost)}"
        parts = (f"{dollars(quote.per_hour)}/h", expected, f"at most {dollars(quote.most_cost)}")
        return " · ".join(part for part in parts if part)

    def begin(self) -> None:
        """Runpod is being asked; what was known stands until it answers."""
        self.is_asking = True
        self.changed.emit()

    def set_gpus(self, gpus: GpuList) -> None:
        """What there is to rent."""
        if gpus != self.gpus:
            self.gpus = gpus
            self.gpus_changed.emit()

    def set_quote(
        self, quote: PodQuote | None, lines: tuple[str, ...], *, is_sold_out: bool = False
    ) -> None:
        """What the setup would cost, or in ``lines`` why it cannot be rented."""
        self.quote, self._lines, self.is_sold_out = quote, lines, is_sold_out
        self.is_asking, self.problem = False, ""
        self.changed.emit()

    def set_problem(self, words: str) -> None:
        """Why nobody could be asked; a quote of before would be a promise."""
        self.quote, self._lines = None, ()
        self.is_asking, self.problem = False, words
        self.changed.emit()

    def clear(self) -> None:
        """Nothing is asked: another target, Offline mode, no key."""
        self.ensured, self.ensure_problem = (), ""
        self.set_problem("")

    def begin_ensuring(self) -> None:
        """Volume and template are being looked for."""
        self.is_ensuring, self.ensured, self.ensure_problem = True, (), ""
        self.changed.emit()

    def end_ensuring(self, lines: tuple[str, ...], problem: str = "") -> None:
        """What was found or made, or why not."""
        self.is_ensuring, self.ensured, self.ensure_problem = False, lines, problem
        self.changed.emit()
