"""The process table: Linux's and psutil's must tell the same; and a supervisor that has only what every system has."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from katib_control.node.attempt import Attempt
from katib_control.node.processes import ProcessTable, ProcTable, PsutilTable
from katib_control.node.protocol import MARK, Launch
from katib_control.node.supervisor_client import SupervisorClient

CONTROLLER = Path(__file__).parents[3] / "controller"
PLAIN = (
    "import sys; from pathlib import Path\n"
    "from katib_control.node.processes import PsutilTable\n"
    "from katib_control.node.protocol import listen\n"
    "from katib_control.node.supervisor import Supervisor\n"
    "root = Path(sys.argv[1])\n"
    "with listen(root) as server: Supervisor(root, linger=0.3, table=PsutilTable(), subreaper=False).run(server)\n"
)


@pytest.fixture(params=[ProcTable, PsutilTable])
def table(request: pytest.FixtureRequest) -> ProcessTable:
    if request.param is ProcTable and not os.path.exists("/proc/self/environ"):
        pytest.skip("no /proc here")
    made: ProcessTable = request.param()
    return made


@pytest.fixture
def family() -> Iterator[subprocess.Popen[bytes]]:
    env = os.environ | {"TEST_MARK": f"family-{os.getpid()}"}
    parent = subprocess.Popen(["sh", "-c", "sleep 300 & sleep 300; true"], env=env)
    while len(psutil.Process(parent.pid).children()) < 2:
        time.sleep(0.01)
    yield parent
    for child in psutil.Process(parent.pid).children(recursive=True):
        child.kill()
    parent.wait()


def test_family(table: ProcessTable, family: subprocess.Popen[bytes]) -> None:
    mark = f"TEST_MARK=family-{os.getpid()}"
    children = table.children(family.pid)
    assert len(children) == 2
    assert sorted(table.descendants([family.pid])) == sorted(children)
    until(lambda: set(table.marked(mark)) == {family.pid, *children})
    assert not table.has_mark(os.getpid(), mark)
    assert table.started(family.pid) == table.started(family.pid) > 0
    assert table.memory([family.pid, *children], 0) > 0
    assert table.boot() == table.boot() != ""


def test_the_gone_are_no_error(table: ProcessTable) -> None:
    child = subprocess.Popen(["true"])
    until(lambda: table.started(child.pid) == 0)
    child.wait()
    assert (table.started(child.pid), table.children(child.pid), table.descendants([child.pid])) == (0.0, [], [])
    assert (table.has_mark(child.pid, "A=b"), table.memory([child.pid], 0)) == (False, 0)


def test_without_proc_subreaper_and_friends_everything_is_still_stopped(state: Path) -> None:
    env = {"PYTHONPATH": f"{CONTROLLER}{os.pathsep}{Path(psutil.__file__).parents[1]}", "PATH": os.environ["PATH"]}
    supervisor = subprocess.Popen([sys.executable, "-c", PLAIN, str(state)], env=env, start_new_session=True)
    until((state / "supervisor.sock").exists)
    ended: list[Attempt] = []
    news = threading.Event()
    client = SupervisorClient(state, on_attempt=lambda item: (ended.append(item), news.set())[1], linger=0.3)
    client.connect()
    own = {"PATH": os.environ["PATH"], "TEST_OF": str(state), MARK: "p/main/0"}
    command = ["sh", "-c", "(setsid sleep 300 &); echo up; sleep 300"]
    client.start(Launch(key="p/main/0", program="/bin/sh", argv=command, env=own))
    until(lambda: (state / "pods/p/main/0.log").read_text().endswith("up\n"))
    until(lambda: len(PsutilTable().marked(f"{MARK}=p/main/0")) == 3)
    client.stop("p/main/0", 1, "PodDeleted")
    assert news.wait(10)
    assert (ended[0].exit_code, ended[0].stopped) == (143, "PodDeleted")
    until(lambda: PsutilTable().marked(f"{MARK}=p/main/0") == [])
    client.exit()
    client.close()
    assert supervisor.wait(10) == 0


def until(condition: object) -> None:
    deadline = time.monotonic() + 10
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.01)
