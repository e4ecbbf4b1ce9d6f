"""The store: compare and swap, what survives what, history and its end."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading

import pytest

from katib_control.apiserver.changes import Key
from katib_control.apiserver.database import FILE_NAME, StorageError
from katib_control.apiserver.store import Compacted, Stale, Store, Taken

A = Key("pods", "ns", "a")


def obj(name="a", **spec):
    return {"metadata": {"name": name, "namespace": "ns"}, "spec": spec}


def marks(name="a", **labels):
    return {"metadata": {"name": name, "namespace": "ns", "labels": labels}}


def everything(change):
    return change.type


@pytest.fixture
def store(tmp_path):
    found = Store(tmp_path)
    yield found
    found.close()


def test_what_is_written_can_be_read_with_its_version_inside(store):
    text = store.create(A, obj(x=1), marks())
    assert store.get(A).text == text
    assert json.loads(text)["metadata"]["resourceVersion"] == str(store.get(A).version)


def test_a_key_is_taken_once(store):
    store.create(A, obj(), marks())
    with pytest.raises(Taken):
        store.create(A, obj(), marks())


def test_a_key_is_taken_even_when_memory_has_forgotten_it(tmp_path):
    with_one = Store(tmp_path)
    with_one.create(A, obj(), marks())
    with_one.close()
    store = Store(tmp_path)
    before = store.version
    with pytest.raises(Taken):
        store.create(A, obj(), marks())
    assert store.version == before
    assert list(store.changes("pods", before)) == []
    store.close()


@pytest.mark.parametrize("write", ["update", "remove"])
def test_only_the_expected_version_is_written(store, write):
    store.create(A, obj(), marks())
    version = store.get(A).version
    store.update(A, obj(x=2), marks(), version)
    arguments = (A, obj(), marks(), version) if write == "update" else (A, obj(), version)
    with pytest.raises(Stale):
        getattr(store, write)(*arguments)
    assert json.loads(store.get(A).text)["spec"] == {"x": 2}


def test_one_of_many_concurrent_writers_wins_each_version(store):
    store.create(A, obj(count=0), marks())

    def add():
        for _ in range(50):
            while True:
                current = store.get(A)
                count = json.loads(current.text)["spec"]["count"]
                try:
                    store.update(A, obj(count=count + 1), marks(), current.version)
                    break
                except Stale:
                    continue

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert json.loads(store.get(A).text)["spec"] == {"count": 200}


def test_changes_since_a_version_carry_before_and_after(store):
    start = store.version
    first = store.create(A, obj(x=1), marks())
    second = store.update(A, obj(x=2), marks(l="1"), store.version)
    store.remove(A, obj(x=2), store.version)
    added, modified, deleted = store.changes("pods", start)
    assert (added.type, added.text, added.old_text) == ("ADDED", first, None)
    assert (modified.text, modified.old_text, modified.old_marks) == (second, first, marks())
    assert (deleted.type, deleted.old_text, deleted.version) == ("DELETED", second, start + 3)


def test_changes_are_the_same_from_memory_and_from_disk(tmp_path):
    store = Store(tmp_path)
    start = store.version
    store.create(A, obj(x=1), marks())
    store.update(A, obj(x=2), marks(l="1"), store.version)
    store.create(Key("jobs.batch", "ns", "j"), obj("j"), marks("j"))
    store.remove(A, obj(x=2), store.version - 1)
    from_memory = list(store.changes("pods", start))
    store.close()
    again = Store(tmp_path)
    assert list(again.changes("pods", start)) == from_memory
    assert [change.type for change in from_memory] == ["ADDED", "MODIFIED", "DELETED"]
    again.close()


def test_versions_go_on_after_a_restart_even_without_history(tmp_path):
    store = Store(tmp_path)
    store.create(A, obj(), marks())
    store.update(A, obj(x=1), marks(), store.version)
    store.compact(keep=0)
    last = store.version
    store.close()
    again = Store(tmp_path)
    assert again.version == last
    assert again.get(A).version == last
    with pytest.raises(Compacted, match="too old resource version: 1 "):
        again.subscribe("pods", 1, everything)
    again.close()


def test_history_is_bounded(tmp_path):
    store = Store(tmp_path, keep=100, memory=10)
    store.create(A, obj(), marks())
    for index in range(1500):
        store.update(A, obj(x=index), marks(), store.version)
    assert store.version - store.compacted <= 1100
    (rows,) = store.database.writer.execute("SELECT count(*) FROM events").fetchone()
    assert rows <= 1100
    store.close()


def test_a_subscription_misses_nothing_and_repeats_nothing(store):
    store.create(A, obj(x=-1), marks())
    subscriptions = []

    def subscribe():
        for _ in range(20):
            subscriptions.append(store.subscribe("pods", start, everything))

    start = store.version
    thread = threading.Thread(target=subscribe)
    thread.start()
    for index in range(300):
        store.update(A, obj(x=index), marks(), store.version)
    thread.join()
    for subscription in subscriptions:
        versions = [change.version for _, change in subscription.take(0)]
        assert versions == list(range(start + 1, start + 301))


def test_a_reader_that_waits_is_woken_by_a_change_and_by_close(store):
    subscription = store.subscribe("pods", store.version, everything)
    taken = []
    woken = threading.Event()

    def read():
        taken.extend(subscription.take(10))
        woken.set()
        taken.extend(subscription.take(10))

    thread = threading.Thread(target=read)
    thread.start()
    store.create(A, obj(), marks())
    assert woken.wait(5)
    store.close()
    thread.join(5)
    assert not thread.is_alive()
    assert [kind for kind, _ in taken] == ["ADDED"]
    assert subscription.ended


def test_a_reader_that_is_too_far_behind_is_let_go(store):
    subscription = store.subscribe("pods", store.version, everything)
    subscription._capacity = 3
    store.create(A, obj(), marks())
    for index in range(5):
        store.update(A, obj(x=index), marks(), store.version)
    assert len(subscription.take(0)) == 3
    assert subscription.ended


def test_a_directory_belongs_to_one_process(store, tmp_path):
    with pytest.raises(StorageError) as caught:
        Store(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert f"in use by process {os.getpid()}" in str(caught.value)


def test_a_closed_directory_can_be_taken_again(tmp_path):
    Store(tmp_path).close()
    Store(tmp_path).close()


def test_a_temporary_store_leaves_nothing(store):
    temporary = Store()
    directory = temporary.database.directory
    temporary.create(A, obj(), marks())
    temporary.close()
    assert not directory.exists()


def test_a_file_of_another_release_is_refused(tmp_path):
    Store(tmp_path).close()
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(StorageError, match="schema version 99, this program reads 1"):
        Store(tmp_path)


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / FILE_NAME).write_bytes(b"not a database at all" * 100)
    with pytest.raises(StorageError, match=f"{FILE_NAME} is damaged"):
        Store(tmp_path)


def test_a_path_that_is_a_file_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="cannot open the state in"):
        Store(tmp_path / "file")


def test_a_full_disk_refuses_the_write_and_keeps_the_rest(tmp_path):
    store = Store(tmp_path)
    store.create(A, obj(), marks())
    version = store.version
    (pages,) = store.database.writer.execute("PRAGMA page_count").fetchone()
    store.database.writer.execute(f"PRAGMA max_page_count={pages}")  # SQLite's own way to run out of room
    big = Key("pods", "ns", "big")
    with pytest.raises(StorageError, match="the disk is full; free some space"):
        store.create(big, obj("big", text="x" * 100_000), marks("big"))
    assert store.version == version
    assert store.get(big) is None
    store.database.writer.execute("PRAGMA max_page_count=100000")
    store.create(big, obj("big", text="x" * 100_000), marks("big"))
    assert [change.key for change in store.changes("pods", version)] == [big]
    store.close()


@pytest.mark.parametrize(
    ("free", "words"),
    [
        pytest.param(0, "the disk is full; free some space", id="no room"),
        pytest.param(1 << 40, "disk I/O error", id="room enough: something else"),
    ],
)
def test_an_io_error_on_a_full_disk_is_told_as_what_it_is(tmp_path, monkeypatch, free, words):
    store = Store(tmp_path)
    usage = shutil.disk_usage(tmp_path)._replace(free=free)
    monkeypatch.setattr("katib_control.apiserver.database.shutil.disk_usage", lambda _: usage)
    with pytest.raises(StorageError, match=words), store.database.explained("write"):
        raise sqlite3.OperationalError("disk I/O error")
    store.close()


def test_a_directory_without_room_for_the_lock_is_not_taken_for_one_in_use(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("katib_control.apiserver.database.os.pwrite", full)
        with pytest.raises(StorageError, match="the disk is full"):
            Store(tmp_path)
    Store(tmp_path).close()


def test_a_read_only_file_is_told(tmp_path):
    store = Store(tmp_path)
    store.database.writer.execute("PRAGMA query_only=ON")
    with pytest.raises(StorageError, match="it cannot be written"):
        store.create(A, obj(), marks())
    assert store.get(A) is None
    store.close()


KILLED = """
import sys
from pathlib import Path
from katib_control.apiserver.changes import Key
from katib_control.apiserver.store import Store
store = Store(Path(sys.argv[1]))
index = 0
while True:
    key = Key("pods", "ns", f"p{index % 50}")
    body = {"metadata": {"name": key.name, "namespace": "ns"}, "spec": {"index": index, "pad": "x" * 2000}}
    found = store.get(key)
    if found is None:
        store.create(key, body, {"metadata": {"name": key.name}})
    elif index % 7 == 0:
        store.remove(key, body, found.version)
    else:
        store.update(key, body, {"metadata": {"name": key.name}}, found.version)
    print(store.version, flush=True)
    index += 1
"""


def test_a_killed_process_loses_nothing_it_was_told_is_stored(tmp_path):
    directory = tmp_path / "state"
    for _ in range(3):
        child = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(directory)], stdout=subprocess.PIPE, text=True, env=os.environ
        )
        told = [child.stdout.readline() for _ in range(150)]
        os.kill(child.pid, signal.SIGKILL)
        told += child.stdout.read().splitlines()
        child.wait()
        child.stdout.close()
        acknowledged = max(int(line) for line in told if line.strip().isdigit())

        copy = tmp_path / "copy"
        shutil.copytree(directory, copy)
        store = Store(copy)
        assert store.version >= acknowledged
        rows = store.database.writer.execute("SELECT name, version, body FROM objects").fetchall()
        last = store.database.writer.execute("SELECT name, max(id), type, body FROM events GROUP BY name").fetchall()
        assert {(name, version, body) for name, version, body in rows} == {
            (name, version, body) for name, version, kind, body in last if kind != "DELETED"
        }
        assert all(json.loads(body)["metadata"]["resourceVersion"] == str(version) for _, version, body in rows)
        assert store.database.writer.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        store.close()
        shutil.rmtree(copy)
