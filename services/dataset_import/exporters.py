"""Who makes the programs that read and write what needs the trainer's libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from models.domain.dataset_import import HubSource
    from services.dataset_import.messages import Exporter


class Exporters(Protocol):
    """``services.dataset_import.exporting`` has those of the trainer's environment."""

    def __call__(self, source: HubSource | None) -> Exporter:
        """A program that prints rows: of a dataset of the Hub, or of a Parquet or Arrow file."""

    def parquet_writer(self) -> Exporter:
        """A program that makes Parquet of JSON Lines, from its standard input to its output."""
