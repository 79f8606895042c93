"""Opening a database file: made, upgraded after a copy, or refused and left as it is."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from models.db.database import Database
from models.db.schema import MIGRATIONS, Migrations
from models.db.tables import Base
from models.domain.config import TrainingConfig
from models.domain.errors import AppError
from models.domain.memory_peak import MemoryPeak
from models.domain.run import ProcessHandle, Run, RunEvent, RunState

if TYPE_CHECKING:
    from pathlib import Path

LATER = f'''
"""Alters runs, which SQLite does by copying the table and dropping the old one."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{MIGRATIONS.head}"


def upgrade():
    with op.batch_alter_table("runs", recreate="always") as batch:
        batch.add_column(sa.Column("pod", sa.String(), nullable=True))
'''


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new folder" / "100% ours.db"


def next_version(tmp_path: Path, migration: str = LATER) -> Migrations:
    """The migrations of an imagined later version of the program."""
    folder = tmp_path / "later 50%"
    shutil.copytree(MIGRATIONS.folder, folder)
    (folder / "versions" / "9999_later.py").write_text(migration, encoding="utf-8")
    return Migrations(folder, (*MIGRATIONS.revisions, "9999"))


def backup_of(path: Path, revision: str) -> Path:
    return path.with_name(f"{path.name}.backup-{revision}")


def store_something(database: Database) -> None:
    handle = ProcessHandle(7, 2.5)
    run = Run(
        "r", "r", TrainingConfig(), RunState.DRAFT, "python", "/data", 1.0, "/data/o", handle=handle
    )
    with database.unit_of_work() as uow:
        uow.configs.save("Mine", TrainingConfig())
        uow.runs.add(run)
        uow.metrics.add("r", [RunEvent(seq, 1.0, "progress") for seq in range(100)])
        uow.commit()


def store_as_then(path: Path) -> None:
    """Put the same rows into a file of an earlier version, with the columns that it has."""
    newest = path.with_name("newest.db")
    database = Database.open(newest)
    store_something(database)
    database.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ATTACH ? AS newest", (str(newest),))
        for table in ("configurations", "runs", "metrics"):
            there = connection.execute(f"SELECT name FROM pragma_table_info('{table}')")
            names = ", ".join(row[0] for row in there)
            connection.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM newest.{table}")
        connection.commit()
    newest.unlink()


def columns_of(path: Path) -> set[tuple[str, str]]:
    query = """SELECT tables.name, columns.name FROM sqlite_master AS tables
        JOIN pragma_table_info(tables.name) AS columns WHERE tables.type = 'table'"""
    with closing(sqlite3.connect(path)) as connection:
        return set(connection.execute(query))


def stored_metrics(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM metrics").fetchone()[0])


def make(path: Path) -> bytes:
    """Make a database at ``path`` with something in it and return its bytes."""
    database = Database.open(path)
    store_something(database)
    database.close()
    return path.read_bytes()


def schema_of(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    statements = {re.sub(r"\s+", " ", row[0]).strip() for row in rows}
    return {statement for statement in statements if "alembic_version" not in statement}


def test_a_new_file_is_made_with_its_folder(path: Path) -> None:
    database = Database.open(path)
    database.close()
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def test_the_connection_is_set_up(path: Path) -> None:
    database = Database.open(path)
    with database._engine.connect() as connection:
        pragmas = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("foreign_keys", "journal_mode", "busy_timeout", "synchronous")
        }
    database.close()
    assert pragmas == {
        "foreign_keys": 1,
        "journal_mode": "wal",
        "busy_timeout": 5000,
        "synchronous": 1,
    }


def test_the_migrations_make_what_the_tables_say(path: Path, tmp_path: Path) -> None:
    Database.open(path).close()
    engine = create_engine(f"sqlite:///{tmp_path / 'direct.db'}")
    Base.metadata.create_all(engine)
    engine.dispose()
    assert schema_of(path) == schema_of(tmp_path / "direct.db")


def test_alembic_finds_nothing_to_change(path: Path) -> None:
    Database.open(path).close()
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []
        assert context.get_current_revision() == MIGRATIONS.head
    engine.dispose()


def test_the_revisions_known_are_those_in_the_folder() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS.folder))
    scripts = ScriptDirectory.from_config(config)
    newest_first = [script.revision for script in scripts.walk_revisions()]
    assert tuple(reversed(newest_first)) == MIGRATIONS.revisions
    assert scripts.get_heads() == [MIGRATIONS.head]


def test_alembic_is_imported_only_for_an_upgrade(path: Path) -> None:
    script = (
        "import sys, pathlib; from models.db.database import Database;"
        "Database.open(pathlib.Path(sys.argv[1])).close(); print('alembic' in sys.modules)"
    )

    def run() -> str:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", script, str(path)],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    assert run() == "True"
    assert run() == "False"


def test_an_upgrade_copies_the_file_first_and_loses_nothing(path: Path, tmp_path: Path) -> None:
    database = Database.open(path)
    store_something(database)
    # Not closed: what was stored is still in the write-ahead log, not in the file.
    upgraded = Database.open(path, migrations=next_version(tmp_path))
    with upgraded.unit_of_work() as uow:
        assert [saved.name for saved in uow.configs.list()] == ["Mine"]
        assert len(uow.metrics.list("r")) == 100
        uow.runs.delete("r")
        assert uow.metrics.list("r") == []
    upgraded.close()
    database.close()
    backup = backup_of(path, MIGRATIONS.head)
    assert sorted(item.name for item in path.parent.iterdir()) == [path.name, backup.name]
    assert stored_metrics(backup) == 100
    Database.open(backup).close()


@pytest.mark.parametrize("revision", MIGRATIONS.revisions[:-1])
def test_a_file_of_each_earlier_version_becomes_one_of_this(path: Path, revision: str) -> None:
    known = MIGRATIONS.revisions[: MIGRATIONS.revisions.index(revision) + 1]
    Database.open(path, migrations=Migrations(MIGRATIONS.folder, known)).close()
    store_as_then(path)
    old = schema_of(path)
    upgraded = Database.open(path)
    with upgraded.unit_of_work() as uow:
        assert [saved.name for saved in uow.configs.list()] == ["Mine"]
        assert len(uow.metrics.list("r")) == 100
        run = uow.runs.get("r")
        assert (run.handle, run.tags, run.notes, run.train_loss) == (
            ProcessHandle(7, 2.5),
            (),
            "",
            None,
        )
        peak = MemoryPeak("r", "some/model", "cpu", 2, 1, 1.0)
        uow.memory_peaks.add(peak)
        assert uow.memory_peaks.newest("some/model", "cpu", 5) == [peak]
        uow.commit()
    upgraded.close()
    assert columns_of(path) > columns_of(backup_of(path, revision))
    assert schema_of(backup_of(path, revision)) == old


def test_a_failed_upgrade_changes_nothing(path: Path, tmp_path: Path) -> None:
    make(path)
    before = schema_of(path)
    later = next_version(tmp_path, f"{LATER}    op.execute('INSERT INTO nowhere VALUES (1)')\n")
    with pytest.raises(Exception, match="nowhere"):
        Database.open(path, migrations=later)
    assert schema_of(path) == before
    assert stored_metrics(path) == 100
    Database.open(path).close()


def test_an_upgrade_that_leaves_orphans_is_undone(path: Path, tmp_path: Path) -> None:
    make(path)
    later = next_version(tmp_path, f"{LATER}    op.execute('DELETE FROM runs')\n")
    with pytest.raises(AppError, match="damaged") as raised:
        Database.open(path, migrations=later)
    assert "foreign keys" in raised.value.details
    assert stored_metrics(path) == 100


def test_a_newer_file_is_refused_and_left_as_it_is(path: Path, tmp_path: Path) -> None:
    Database.open(path, migrations=next_version(tmp_path)).close()
    before = path.read_bytes()
    with pytest.raises(AppError, match=re.escape(str(path))) as raised:
        Database.open(path)
    assert raised.value.kind == "newer_version"
    assert "Update Temper" in raised.value.hint
    assert path.read_bytes() == before


def test_a_newer_file_with_a_log_is_refused_and_left_as_it_is(path: Path, tmp_path: Path) -> None:
    # As after a crash: the newer revision is in the write-ahead log only.
    make(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0099'")
        connection.commit()
        crashed = tmp_path / "crashed.db"
        shutil.copy(path, crashed)
        shutil.copy(f"{path}-wal", f"{crashed}-wal")
    before = crashed.read_bytes()
    with pytest.raises(AppError) as raised:
        Database.open(crashed)
    assert raised.value.kind == "newer_version"
    assert crashed.read_bytes() == before


@pytest.mark.parametrize("length", [1, 50, 100, 1000, 4096, 10_000, -4096, -1])
def test_a_truncated_file_is_refused_and_left_as_it_is(path: Path, length: int) -> None:
    cut = make(path)[:length]
    path.write_bytes(cut)
    with pytest.raises(AppError, match=re.escape(str(path))) as raised:
        Database.open(path)
    assert raised.value.kind == "database_damaged"
    assert "left as it is" in raised.value.hint
    assert path.read_bytes() == cut


@pytest.mark.parametrize("content", [b"x", b"hello\n" * 9, b"\0" * 8192, b"PK\x03\x04" * 5000])
def test_a_file_that_is_no_database_is_refused(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(AppError) as raised:
        Database.open(path)
    assert raised.value.kind == "database_damaged"
    assert path.read_bytes() == content


def test_another_programs_database_is_refused(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(AppError, match="not a database of Temper") as raised:
        Database.open(path)
    assert "recipes" in raised.value.details
    assert path.read_bytes() == before


def test_the_message_of_a_damaged_file_names_the_copy(path: Path, tmp_path: Path) -> None:
    make(path)
    Database.open(path, migrations=next_version(tmp_path)).close()
    path.write_bytes(path.read_bytes()[:5000])
    path.with_name(f"{path.name}.backup-0009.partial").touch()
    with pytest.raises(AppError, match=rf"100% ours\.db\.backup-{MIGRATIONS.head} "):
        Database.open(path)


def test_an_empty_file_becomes_a_database(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    make(path)
    assert stored_metrics(path) == 100


def test_runs_of_before_the_history_get_their_losses_and_their_datasets_name(path: Path) -> None:
    known = MIGRATIONS.revisions[: MIGRATIONS.revisions.index("0003") + 1]
    Database.open(path, migrations=Migrations(MIGRATIONS.folder, known)).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "INSERT INTO dataset_sessions (name, source, format, rows, size, sha256, created_at,"
            " splits) VALUES ('Questions', 'q.jsonl', 'messages', 1, 1, 'abc', 1, '[]')"
        )
        connection.execute(
            "INSERT INTO runs (id, name, config, state, runtime, data_root, created_at,"
            " output_directory, trainer_sha256, dataset_sha256, step, total_steps, phase,"
            " adapter_path, base_model, next_seq, log_offset) VALUES"
            " ('r', 'r', '{}', 'finished', '', '', 1, '', '', 'abc', 2, 2, '', '', '', 5, 0)"
        )
        events = [("eval", 0, None, 1.0), ("progress", 1, 3.0, None), ("eval", 1, None, 2.0),
                  ("progress", 2, 2.5, None), ("eval", 2, None, 2.2)]  # fmt: skip
        connection.executemany(
            "INSERT INTO metrics (run_id, seq, time, type, step, loss, eval_loss, fields)"
            " VALUES ('r', ?, 1, ?, ?, ?, ?, '{}')",
            [(seq, *event) for seq, event in enumerate(events)],
        )
        connection.commit()
    with closing(Database.open(path)) as database, database.unit_of_work() as uow:
        run = uow.runs.get("r")
    assert (run.train_loss, run.best_eval_loss, run.dataset_name) == (2.5, 2.0, "Questions")
