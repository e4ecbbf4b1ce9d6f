"""Migrations: they make what the schema says, from nothing and from every older version."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import Connection

from katib_control.api.observation import MetricLog, TrialKey
from katib_control.observations import migrations
from katib_control.observations.errors import ObservationStoreError
from katib_control.observations.schema import ENTRIES, METADATA, VERSION
from katib_control.observations.store import observation_store

KEY = TrialKey("default", "trial-1", "uid-1")


def shape(connection: Connection) -> dict[str, Any]:
    look = inspect(connection)
    return {
        table: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in look.get_columns(table)],
            look.get_pk_constraint(table)["constrained_columns"],
            look.get_unique_constraints(table),
            look.get_indexes(table),
        )
        for table in sorted(look.get_table_names())
    }


def test_migrations_and_schema_make_the_same_tables(tmp_path: Path) -> None:
    with observation_store(tmp_path / "made.db") as store:
        store.open()
    shapes = []
    for name in ("made.db", "migrated.db"):
        engine = create_engine(f"sqlite:///{tmp_path / name}")
        with engine.begin() as connection:
            migrations.upgrade(connection)
            assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
            shapes.append(shape(connection))
        engine.dispose()
    assert shapes[0] == shapes[1]
    assert set(shapes[0]) == {ENTRIES.name, "alembic_version"}


def test_the_newest_migration_is_the_version_that_the_schema_names() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [VERSION]


def test_a_store_that_no_migration_has_seen_yet_is_migrated_when_it_is_opened(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'o.db'}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    engine.dispose()
    with observation_store(tmp_path / "o.db") as store:
        store.report(KEY, [MetricLog("2026-01-31T12:00:00Z", "loss", "1")])
        assert len(store.read(KEY)) == 1


def test_a_store_of_a_newer_program_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "o.db"
    with observation_store(path) as store:
        store.open()
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with observation_store(path) as store, pytest.raises(ObservationStoreError, match="9999 is newer than"):
        store.open()
    with engine.begin() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"
    engine.dispose()


def test_reading_a_trial_uses_an_index(tmp_path: Path) -> None:
    with observation_store(tmp_path / "o.db") as store:
        store.open()
    engine = create_engine(f"sqlite:///{tmp_path / 'o.db'}")
    query = "EXPLAIN QUERY PLAN SELECT value FROM observation_log WHERE namespace = 'a' AND trial_uid = 'b'"
    with engine.begin() as connection:
        plan = " ".join(str(row) for row in connection.execute(text(query)))
    engine.dispose()
    assert "SEARCH" in plan
    assert "(namespace=? AND trial_uid=?)" in plan
