"""The supervisor as a real process: what it starts, reaps, stops and survives."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from katib_control.node.attempt import Attempt, from_key, log_path, read, record_path
from katib_control.node.protocol import MARK, Launch
from katib_control.node.supervisor_client import SupervisorClient, SupervisorRefused


class Ends:
    """Collects the ends of containers, and waits for them."""

    def __init__(self) -> None:
        self.by_key: dict[str, Attempt] = {}
        self._changed = threading.Condition()

    def __call__(self, attempt: Attempt) -> None:
        with self._changed:
            self.by_key[attempt.key] = attempt
            self._changed.notify_all()

    def of(self, key: str, timeout: float = 10) -> Attempt:
        with self._changed:
            assert self._changed.wait_for(lambda: key in self.by_key, timeout), f"{key} has not ended"
            return self.by_key[key]


class Running:
    """A connected client, and what it hears."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.ends = Ends()
        self.reconnected = threading.Event()
        self.client = SupervisorClient(state, on_attempt=self.ends, on_reconnect=self.reconnected.set, linger=0.3)
        self.found = self.client.connect()

    def start(self, key: str, *argv: str, memory: int = 0, env: dict[str, str] | None = None) -> Attempt:
        whole = {"PATH": os.environ["PATH"], "TEST_OF": str(self.state), MARK: key} | (env or {})
        program = argv[0] if "/" in argv[0] else f"/bin/{argv[0]}"
        return self.client.start(Launch(key=key, program=program, argv=list(argv), env=whole, memory=memory))

    def log(self, key: str) -> list[str]:
        return log_path(self.state, from_key(key)).read_text().splitlines()

    @property
    def pid(self) -> int:
        return int(self.client._ask("list")["pid"])


@pytest.fixture
def connect(state: Path) -> Iterator[Callable[[], Running]]:
    made: list[Running] = []

    def connected() -> Running:
        made.append(Running(state))
        return made[-1]

    yield connected
    for running in made[:-1]:
        running.client.close()
    if made:
        last = made[-1]
        for attempt in last.client.running():
            last.client.stop(attempt.key, 0, "test")
            last.ends.of(attempt.key)
        last.client.exit()
        last.client.close()


def until(condition: Callable[[], object], what: str, timeout: float = 10) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_exit_code_and_times_are_on_disk_before_they_are_told(connect: Callable[[], Running]) -> None:
    node = connect()
    on_disk: list[Attempt | None] = []
    node.client._on_attempt = lambda item: (on_disk.append(read(record_path(node.state, item))), node.ends(item))  # type: ignore[assignment]
    begun = node.start("pod/main/0", "sh", "-c", "sleep 0.05; exit 3")
    ended = node.ends.of("pod/main/0")
    assert (begun.exit_code, ended.exit_code, ended.signal) == (None, 3, 0)
    assert on_disk == [ended]
    assert begun.started == ended.started < ended.finished
    assert (ended.pid, ended.pid_started > 0) == (begun.pid, True)


def test_both_streams_are_in_the_log_in_order(connect: Callable[[], Running]) -> None:
    node = connect()
    node.start("pod/main/0", "sh", "-c", "echo one; sleep 0.05; echo two >&2; sleep 0.05; printf three")
    node.ends.of("pod/main/0")
    fields = [line.split(" ", 3) for line in node.log("pod/main/0")]
    assert [item[1:] for item in fields] == [["stdout", "F", "one"], ["stderr", "F", "two"], ["stdout", "F", "three"]]
    assert [item[0] for item in fields] == sorted({item[0] for item in fields})
    assert len(fields[0][0]) == len("2026-01-31T12:00:00.000000001Z")


def test_the_same_attempt_is_never_started_twice(connect: Callable[[], Running], tmp_path: Path) -> None:
    node = connect()
    command = ("sh", "-c", f"echo once >> {tmp_path}/runs; exit 7")
    first = node.start("pod/main/0", *command)
    ended = node.ends.of("pod/main/0")
    again = connect().start("pod/main/0", *command)
    assert (again, again.pid) == (ended, first.pid)
    assert (tmp_path / "runs").read_text() == "once\n"


def test_a_program_that_cannot_be_run_has_ended_with_the_reason(connect: Callable[[], Running], tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("no program")
    broken.chmod(0o755)
    node = connect()
    missing = node.start("pod/a/0", "/does/not/exist")
    unreadable = node.start("pod/b/0", str(broken))
    assert (missing.exit_code, missing.reason) == (127, "StartError")
    assert "/does/not/exist" in missing.message
    assert (unreadable.exit_code, unreadable.reason) == (126, "StartError")
    assert node.client.running() == []


@pytest.mark.parametrize(
    "child",
    [
        pytest.param("sleep 300 &", id="in the background"),
        pytest.param("setsid sleep 300 &", id="in a session of its own"),
        pytest.param("(setsid sh -c 'setsid sleep 300 & exec sleep 300' &)", id="orphaned, two sessions deep"),
        pytest.param("(env -i setsid sleep 300 &)", id="orphaned, with its environment wiped"),
    ],
)
def test_nothing_survives_the_first_process(connect: Callable[[], Running], child: str) -> None:
    node = connect()
    supervisor = psutil.Process(node.pid)
    node.start("pod/main/0", "sh", "-c", f"{child} sleep 0.2; exit 0" if child.endswith("&") else f"{child}; sleep 0.2")
    until(lambda: any("300" in item.cmdline() for item in children(supervisor)), "the child has not been started")
    node.ends.of("pod/main/0")
    until(lambda: children(supervisor) == [], "descendants survive")


def children(process: psutil.Process) -> list[psutil.Process]:
    found = []
    for child in process.children(recursive=True):
        try:
            if child.status() != psutil.STATUS_ZOMBIE and child.cmdline():
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def test_stop_asks_first_and_kills_after_the_grace_period(connect: Callable[[], Running]) -> None:
    node = connect()
    supervisor = psutil.Process(node.pid)
    node.start("polite/main/0", "sh", "-c", "trap 'echo bye; exit 5' TERM; echo up; while :; do sleep 0.02; done")
    node.start(
        "deaf/main/0", "sh", "-c", "trap '' TERM; (setsid sh -c 'trap \"\" TERM; sleep 300' &) ; echo up; sleep 300"
    )
    for key in ("polite/main/0", "deaf/main/0"):
        until(lambda key=key: node.log(key), f"{key} is not up")  # type: ignore[misc]
        node.client.stop(key, 0.3, "PodDeleted")
    polite, deaf = node.ends.of("polite/main/0"), node.ends.of("deaf/main/0")
    assert (polite.exit_code, polite.signal, polite.stopped) == (5, 0, "PodDeleted")
    assert node.log("polite/main/0")[-1].endswith("stdout F bye")
    assert (deaf.exit_code, deaf.signal, deaf.stopped) == (137, signal.SIGKILL, "PodDeleted")
    until(lambda: children(supervisor) == [], "descendants survive")


def test_a_descendant_may_use_the_grace_period_of_a_shell_that_died(
    connect: Callable[[], Running], tmp_path: Path
) -> None:
    node = connect()
    code = (
        "import signal,sys,time\n"
        f"def save(*_): time.sleep(0.2); open('{tmp_path}/saved', 'a').write('x'); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, save); print('up', flush=True); time.sleep(300)"
    )
    node.start("pod/main/0", "sh", "-c", f'{sys.executable} -ISc "{code}"; true')
    until(lambda: node.log("pod/main/0"), "it is not up")
    node.client.stop("pod/main/0", 5, "PodDeleted")
    node.ends.of("pod/main/0")
    assert (tmp_path / "saved").read_text() == "x"


def test_memory_over_the_limit_ends_a_container_and_leaves_others(connect: Callable[[], Running]) -> None:
    node = connect()
    eat = "x = bytearray(120_000_000); import time; time.sleep(300)"
    node.start("free/main/0", "sleep", "300", memory=50_000_000)
    node.start("pod/main/0", sys.executable, "-ISc", eat, memory=50_000_000)
    ended = node.ends.of("pod/main/0")
    assert (ended.exit_code, ended.reason) == (137, "OOMKilled")
    assert "50000000" in ended.message
    assert [item.key for item in node.client.running()] == ["free/main/0"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the device is Linux's own")
def test_a_disk_that_is_full_does_not_end_the_supervisor_by_its_own_log(
    state: Path, connect: Callable[[], Running]
) -> None:
    (state / "supervisor.log").symlink_to("/dev/full")
    node = connect()
    pid = node.pid
    with pytest.raises(SupervisorRefused, match="unknown operation"):
        node.client._ask("nonsense")
    assert node.pid == pid


def test_a_killed_client_process_group_misses_the_supervisor(connect: Callable[[], Running]) -> None:
    node = connect()
    begun = node.start("pod/main/0", "sleep", "300")
    for pid in (node.pid, begun.pid):
        assert os.getpgid(pid) != os.getpgid(0)
        assert os.getsid(pid) != os.getsid(0)


def test_workers_of_a_killed_supervisor_are_watched_and_their_exit_code_is_unknown(
    connect: Callable[[], Running],
) -> None:
    node = connect()
    short = node.start("short/main/0", "sleep", "300")
    long = node.start("long/main/0", "sleep", "300")
    os.kill(node.pid, signal.SIGKILL)
    assert node.reconnected.wait(10)
    assert {item.key: item.pid for item in node.client.running()} == {short.key: short.pid, long.key: long.pid}
    os.kill(short.pid, signal.SIGTERM)
    ended = node.ends.of(short.key)
    assert (ended.exit_code, ended.reason) == (255, "ExitCodeUnknown")
    node.client.stop(long.key, 5, "PodDeleted")
    assert node.ends.of(long.key).stopped == "PodDeleted"
    assert gone(long.pid)


def test_a_copy_of_the_directory_does_not_take_over_what_runs_for_the_original(
    connect: Callable[[], Running], state: Path, tmp_path: Path
) -> None:
    begun = connect().start("pod/main/0", "sleep", "300")
    copied = tmp_path / "copy"
    shutil.copytree(state, copied, ignore=shutil.ignore_patterns("*.sock"))
    copy = Running(copied)
    assert not copy.found
    copy.client.exit()
    copy.client.close()
    ended = read(record_path(copied, begun))
    assert ended is not None
    assert (ended.reason, ended.stopped) == ("NodeReboot", "NodeReboot")
    assert not gone(begun.pid)


def test_it_ends_by_itself_when_nothing_runs_and_nobody_is_there(state: Path) -> None:
    node = Running(state)
    pid = node.pid
    node.client.close()
    until(lambda: gone(pid), "the supervisor lingers")


def test_it_refuses_to_go_while_something_runs(connect: Callable[[], Running]) -> None:
    node = connect()
    node.start("pod/main/0", "sleep", "300")
    with pytest.raises(SupervisorRefused, match="1 containers still run"):
        node.client._ask("exit")


def test_sigterm_stops_everything_as_a_shutdown(state: Path) -> None:
    node = Running(state)
    pid, begun = node.pid, node.start("pod/main/0", "sleep", "300")
    node.client._closing = True
    os.kill(pid, signal.SIGTERM)
    until(lambda: gone(pid) and gone(begun.pid), "it goes on")
    ended = read(record_path(state, begun))
    assert ended is not None
    assert (ended.exit_code, ended.stopped) == (143, "NodeShutdown")
    node.client.close()


def test_a_long_state_directory_is_no_obstacle(tmp_path: Path) -> None:
    directory = tmp_path / ("d" * 100) / ("e" * 100)
    node = Running(directory)
    assert node.start("pod/main/0", "true").pid > 0
    assert node.ends.of("pod/main/0").exit_code == 0
    node.client.exit()
    node.client.close()
