"""Opening, closing and failing: what a store does beyond its port."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from katib_control.api.observation import MetricLog, TrialKey
from katib_control.observations.errors import ObservationStoreError
from katib_control.observations.store import ObservationStore, observation_store

KEY = TrialKey("default", "trial-1", "uid-1")
ENTRY = MetricLog("2026-01-31T12:00:00Z", "loss", "0.5")


def test_entries_are_there_after_a_restart(tmp_path: Path) -> None:
    for expected in ([], [ENTRY]):
        with observation_store(tmp_path / "o.db") as store:
            assert list(store.read(KEY)) == expected
            store.report(KEY, [ENTRY])


def test_a_path_with_signs_that_mean_something_in_a_url_is_just_a_path(tmp_path: Path) -> None:
    path = tmp_path / "a b?c%20d#e.db"
    with observation_store(path) as store:
        store.report(KEY, [ENTRY])
    assert path.exists()


def test_a_closed_store_opens_again_when_it_is_used(tmp_path: Path) -> None:
    store = ObservationStore(f"sqlite:///{tmp_path}/o.db")
    store.report(KEY, [ENTRY])
    store.close()
    assert list(store.read(KEY)) == [ENTRY]
    store.close()
    store.close()


def test_a_killed_process_loses_no_report(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "from katib_control.observations.store import ObservationStore\n"
        "from katib_control.api.observation import MetricLog, TrialKey\n"
        "store = ObservationStore(f'sqlite:///{sys.argv[1]}')\n"
        "store.report(TrialKey('default', 'trial-1', 'uid-1'), [MetricLog('2026-01-31T12:00:00Z', 'loss', '0.5')])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "o.db")], check=False)
    with observation_store(tmp_path / "o.db") as store:
        assert list(store.read(KEY)) == [ENTRY]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        pytest.param(
            "sqlite:////nowhere/o.db", "/nowhere/o.db: unable to open .*does the directory exist", id="no dir"
        ),
        pytest.param("oracle://x/y", "one of sqlite, postgresql, mysql", id="another kind of database"),
        pytest.param("not a url", "one of sqlite, postgresql, mysql", id="no URL"),
    ],
)
def test_a_store_that_cannot_be_opened_is_named(url: str, told: str) -> None:
    with pytest.raises(ObservationStoreError, match=told):
        ObservationStore(url).open()


def test_a_file_that_is_something_else_is_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "o.db"
    path.write_text("a love letter, long enough to be no database at all" * 20)
    with pytest.raises(ObservationStoreError, match=r"o\.db: file is not a database; it is something else"):
        ObservationStore(path).open()
    assert path.read_text().startswith("a love letter")


def test_a_database_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "o.db"
    with observation_store(path) as store:
        store.report(KEY, [ENTRY])
    # The access of the file system does not stop root, SQLite's own read-only mode does.
    store = ObservationStore(f"sqlite:///file:{path}?mode=ro&uri=true")
    assert list(store.read(KEY)) == [ENTRY]
    with pytest.raises(ObservationStoreError, match="readonly database; make the file and its directory writable"):
        store.report(KEY, [ENTRY.__class__(ENTRY.time, "acc", "1")])
    store.close()


def test_a_full_disk_is_named_and_the_store_goes_on_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "o.db"
    store = ObservationStore(path)
    store.open()
    database = store._opened()
    with database._begin() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 8")
    many = [MetricLog(f"2026-01-31T12:00:00.{number:09d}Z", "loss", "0.5") for number in range(5000)]
    with pytest.raises(ObservationStoreError, match=r"o\.db: database or disk is full; free some space"):
        store.report(KEY, many)
    assert list(store.read(KEY)) == [], "nothing of it is stored"
    with database._begin() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 100000")
    store.report(KEY, many)
    assert len(store.read(KEY)) == 5000
    store.close()


def test_the_file_is_in_wal_mode(tmp_path: Path) -> None:
    with observation_store(tmp_path / "o.db") as store:
        store.open()
    with sqlite3.connect(tmp_path / "o.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_making_a_store_imports_no_sqlalchemy_and_opening_one_no_alembic(tmp_path: Path) -> None:
    with observation_store(tmp_path / "o.db") as store:
        store.open()
    code = (
        "import sys\n"
        "from katib_control.observations.store import ObservationStore\n"
        "store = ObservationStore(f'sqlite:///{sys.argv[1]}')\n"
        "assert 'sqlalchemy' not in sys.modules\n"
        "store.open()\n"
        "assert 'alembic' not in sys.modules\n"
    )
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "o.db")], check=True, env=environment)
