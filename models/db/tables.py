"""The database's tables. Rows never leave this package: repositories return domain values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import Double, ForeignKey, Index, MetaData, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy import Dialect

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Constraints need names: SQLite alters a table by copying it, and Alembic finds them by name."""

UNREADABLE = object()
"""What a damaged JSON value reads as, so that one bad row does not hide all the others."""


class Json(TypeDecorator[Any]):
    """JSON kept as text: SQLite's own JSON column type has numeric affinity, which rounds."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        """Write None as ``null`` too: a stored None is not a missing value."""
        return json.dumps(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Read UNREADABLE where the text is not JSON."""
        try:
            return json.loads(value)
        except (ValueError, TypeError, RecursionError):
            return UNREADABLE


class Base(DeclarativeBase):
    """All tables. Times are seconds since the epoch."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    # Said here because SQLAlchemy's own choice for float changed between 2.0 and 2.1.
    type_annotation_map = {float: Double}  # noqa: RUF012


class ConfigRow(Base):
    """A named configuration. ``name_key`` is the name without case, in any script."""

    __tablename__ = "configurations"
    # AUTOINCREMENT: a number once shown to the user never comes to mean something else.
    __table_args__ = (UniqueConstraint("name_key"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_key: Mapped[str]
    target: Mapped[str] = mapped_column(index=True)
    version: Mapped[int]
    data: Mapped[Any] = mapped_column(Json)
    created_at: Mapped[float]
    updated_at: Mapped[float]


class DatasetRow(Base):
    """An imported dataset; several may share one immutable file, named by ``sha256``."""

    __tablename__ = "dataset_sessions"
    # AUTOINCREMENT: configurations name datasets by number.
    __table_args__ = (UniqueConstraint("name"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    source: Mapped[str]
    format: Mapped[str]
    rows: Mapped[int]
    size: Mapped[int]
    sha256: Mapped[str]
    created_at: Mapped[float]
    splits: Mapped[Any] = mapped_column(Json)
    licence: Mapped[str] = mapped_column(server_default="")
    mapping: Mapped[str] = mapped_column(server_default="")
    columns: Mapped[Any] = mapped_column(Json, server_default="[]")
    parts: Mapped[Any] = mapped_column(Json, server_default="[]")


class RunRow(Base):
    """A run with the configuration as it was then, whatever becomes of the saved one."""

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    config: Mapped[Any] = mapped_column(Json)
    state: Mapped[str] = mapped_column(index=True)
    runtime: Mapped[str]
    data_root: Mapped[str]
    created_at: Mapped[float] = mapped_column(index=True)
    output_directory: Mapped[str]
    started_at: Mapped[float | None]
    ended_at: Mapped[float | None]
    exit_code: Mapped[int | None]
    failure_kind: Mapped[str | None]
    failure_message: Mapped[str | None]
    failure_hint: Mapped[str | None]
    process_pid: Mapped[int | None]
    process_created: Mapped[float | None]
    trainer_sha256: Mapped[str]
    dataset_sha256: Mapped[str]
    step: Mapped[int]
    total_steps: Mapped[int]
    phase: Mapped[str]
    eval_loss_before: Mapped[float | None]
    eval_loss_after: Mapped[float | None]
    adapter_path: Mapped[str]
    base_model: Mapped[str]
    parent_run_id: Mapped[str | None] = mapped_column(
        ForeignKey("runs.id", ondelete="SET NULL"), index=True
    )
    next_seq: Mapped[int]
    log_offset: Mapped[int]
    container_id: Mapped[str | None]
    container_name: Mapped[str | None]
    container_endpoint: Mapped[str | None]
    train_loss: Mapped[float | None]
    best_eval_loss: Mapped[float | None]
    cost_usd: Mapped[float | None]
    queued_at: Mapped[float | None] = mapped_column(index=True)
    image: Mapped[str] = mapped_column(server_default="")
    image_digest: Mapped[str] = mapped_column(server_default="")
    notes: Mapped[str] = mapped_column(server_default="")
    tags: Mapped[Any] = mapped_column(Json, server_default="[]")
    dataset_name: Mapped[str] = mapped_column(server_default="")
    hub_url: Mapped[str] = mapped_column(server_default="")
    pod_attempt: Mapped[int | None]


class MetricRow(Base):
    """An event of a run. Numbers worth asking for have a column, the rest is in ``fields``."""

    __tablename__ = "metrics"
    # Without rowid a run's events lie together in the order they are read: looking through a
    # hundred thousand of them takes some ten milliseconds, so they need no further index.
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    time: Mapped[float]
    type: Mapped[str]
    step: Mapped[int | None]
    loss: Mapped[float | None]
    eval_loss: Mapped[float | None]
    learning_rate: Mapped[float | None]
    grad_norm: Mapped[float | None]
    tokens_per_second: Mapped[float | None]
    tokens: Mapped[int | None]
    peak_memory_bytes: Mapped[int | None]
    epoch: Mapped[float | None]
    fields: Mapped[Any] = mapped_column(Json)


class MemoryPeakRow(Base):
    """The most memory that a finished run took, beside what was predicted for it.

    No foreign key: a peak outlives its run.
    """

    __tablename__ = "memory_peaks"
    __table_args__ = (Index(None, "base_model", "device"),)

    run_id: Mapped[str] = mapped_column(primary_key=True)
    base_model: Mapped[str]
    device: Mapped[str]
    measured_bytes: Mapped[int]
    predicted_bytes: Mapped[int]
    created_at: Mapped[float]


class RemoteAttemptRow(Base):
    """One pod of one run, or the try to get one (``models.domain.remote_run.RemoteAttempt``).

    No foreign key: a pod may outlive its run, and what it cost is remembered.
    """

    __tablename__ = "remote_attempts"

    run_id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    phase: Mapped[str] = mapped_column(index=True)
    pod_id: Mapped[str]
    gpu: Mapped[str]
    gpu_count: Mapped[int]
    cloud: Mapped[str]
    data_center: Mapped[str]
    volume_id: Mapped[str]
    image: Mapped[str]
    per_hour: Mapped[float]
    created_at: Mapped[float]
    rented_at: Mapped[float | None]
    ends_at: Mapped[float | None]
    events_offset: Mapped[int]
    log_offset: Mapped[int]
    outcome: Mapped[str]
    exit_code: Mapped[int | None]
    stop_asked: Mapped[bool]
    keep: Mapped[bool]
    teardown: Mapped[str]
    teardown_tries: Mapped[int]
    gone_at: Mapped[float | None]
    quoted_cost: Mapped[float | None]
    most_cost: Mapped[float | None]
    cost: Mapped[float | None]
    trouble_kind: Mapped[str]
    trouble: Mapped[str]
    trouble_hint: Mapped[str]
    doing: Mapped[str]
    tried: Mapped[Any] = mapped_column(Json)
    driver: Mapped[str]
    driver_seen: Mapped[float]


class AppStateRow(Base):
    """What the program remembers between starts that is no setting, by key."""

    __tablename__ = "app_state"

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[Any] = mapped_column(Json)
