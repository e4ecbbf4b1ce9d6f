"""The node against the real embedded API server: Pods and Jobs as users meet them, crashes and clean stops."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from katib_control.kube.errors import BadRequest
from katib_control.kube.resources import CONFIG_MAPS, JOBS, NODES, PODS, SECRETS
from machine import Machine, condition, job, pod, state_of

TESTS = Path(__file__).parents[2]


@pytest.fixture
def machine(state: Path) -> Iterator[Machine]:
    made = Machine(state, capacity={"cpu": 2, "memory": "1Gi"})
    yield made
    made.stop()


def test_a_job_of_true_is_complete_with_the_statuses_of_kubernetes(machine: Machine) -> None:
    machine.make(job("quick", "true"))
    done = machine.until_over("quick")["status"]
    assert [item["type"] for item in done["conditions"]] == ["SuccessCriteriaMet", "Complete"]
    assert {item["reason"] for item in done["conditions"]} == {"CompletionsReached"}
    assert (done["succeeded"], done["ready"], done.get("active"), done.get("failed")) == (1, 0, None, None)
    [only] = machine.pods_of("quick")
    assert only["status"]["phase"] == "Succeeded"
    assert state_of(only)["terminated"]["reason"] == "Completed"
    assert condition(only, "Ready")["reason"] == "PodCompleted"
    assert only["metadata"]["ownerReferences"][0]["controller"] is True


def test_python_is_the_current_interpreter_even_under_a_path_that_is_not_there(machine: Machine) -> None:
    code = "import sys; print(sys.prefix)"
    machine.make(pod("bare", "python", "-c", code))
    machine.make(pod("path", "/opt/conda/bin/python3", "-c", code))
    machine.make(pod("shell", "sh", "-c", f"python3 -c '{code}'"))
    for name in ("bare", "path", "shell"):
        machine.until_phase(name, "Succeeded")
        assert machine.log(name).strip() == sys.prefix
    assert [reason for reason, _ in machine.events()].count("ImageIgnored") == 1


@pytest.mark.parametrize(
    ("container", "code", "reason", "message"),
    [
        pytest.param({"command": ["sh", "-c", "exit 3"]}, 3, "Error", "", id="a failing command ends with its code"),
        pytest.param(
            {"command": ["no-such-program"]},
            127,
            "StartError",
            "not found in $PATH (",
            id="an unknown command says where it was sought",
        ),
        pytest.param({"command": ["/no/such/file"]}, 127, "StartError", "/no/such/file", id="a missing file is named"),
        pytest.param({"args": ["--lr=1"]}, 128, "CommandMissing", "set `command`", id="no command says what to do"),
        pytest.param(
            {"command": ["true"], "workingDir": "/no/such/dir"},
            128,
            "StartError",
            'workingDir "/no/such/dir"',
            id="a missing workingDir is named",
        ),
    ],
)
def test_what_fails_says_why(
    machine: Machine, container: dict[str, object], code: int, reason: str, message: str
) -> None:
    machine.make(pod("bad", containers=[{"name": "main", "image": "i", **container}]))
    ended = state_of(machine.until_phase("bad", "Failed"))["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (code, reason)
    assert message in ended.get("message", "")


def test_init_containers_and_sidecars_run_in_order(machine: Machine, tmp_path: Path) -> None:
    def says(name: str, command: str, **more: str) -> dict[str, object]:
        return {"name": name, "image": "i", "command": ["sh", "-c", command], **more}

    out = tmp_path / "order"
    late = f"trap 'echo side-end >> {out}; exit 0' TERM; echo side >> {out}; while :; do sleep 0.02; done"
    machine.make(
        pod(
            "all",
            initContainers=[
                says("first", f"sleep 0.1; echo first >> {out}"),
                says("side", late, restartPolicy="Always"),
                says("second", f"while ! grep -q side {out}; do sleep 0.02; done; echo second >> {out}"),
            ],
            containers=[says("main", f"sleep 0.1; echo main >> {out}")],
        )
    )
    done = machine.until_phase("all", "Succeeded", "Failed")
    assert done["status"]["phase"] == "Succeeded"
    assert out.read_text().split() == ["first", "side", "second", "main", "side-end"]
    assert [item["name"] for item in done["status"]["initContainerStatuses"]] == ["first", "side", "second"]


def test_environment_volumes_and_expansion(machine: Machine) -> None:
    client = machine.client
    client.create(CONFIG_MAPS, {"metadata": {"name": "c", "namespace": "default"}, "data": {"k": "v", "f.txt": "text"}})
    client.create(SECRETS, {"metadata": {"name": "s", "namespace": "default"}, "stringData": {"token": "t0p"}})
    body = pod(
        "env",
        "sh",
        "-c",
        "echo $A $(A) '$$(A)' $P_k $TOKEN $WHO; cat /etc/conf/f.txt; echo x > /scratch/y; cat /scratch/y",
    )
    body["spec"]["containers"][0] |= {
        "env": [
            {"name": "A", "value": "1"},
            {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "token"}}},
            {"name": "WHO", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
        "envFrom": [{"prefix": "P_", "configMapRef": {"name": "c"}}],
        "volumeMounts": [{"name": "conf", "mountPath": "/etc/conf"}, {"name": "work", "mountPath": "/scratch"}],
    }
    body["spec"]["volumes"] = [{"name": "conf", "configMap": {"name": "c"}}, {"name": "work", "emptyDir": {}}]
    machine.make(body)
    machine.until_phase("env", "Succeeded", "Failed")
    assert machine.log("env") == "1 1 $(A) v t0p env\ntextx\n"
    assert "VolumeMapped" in {reason for reason, _ in machine.events()}


def test_a_missing_config_map_is_waited_for(machine: Machine) -> None:
    body = pod("late", "sh", "-c", "echo $K")
    body["spec"]["containers"][0]["env"] = [{"name": "K", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}]
    machine.make(body)
    waiting = machine.until(lambda: machine.pod("late").get("status", {}).get("containerStatuses"), "no status")
    assert waiting[0]["state"]["waiting"]["reason"] == "CreateContainerConfigError"
    assert waiting[0]["state"]["waiting"]["message"] == 'configmap "c" not found'
    machine.client.create(CONFIG_MAPS, {"metadata": {"name": "c", "namespace": "default"}, "data": {"k": "v"}})
    machine.until_phase("late", "Succeeded")
    assert machine.log("late") == "v\n"


def test_a_pod_waits_for_room_and_says_what_is_missing(machine: Machine, tmp_path: Path) -> None:
    def wants(name: str, cpu: str, command: str) -> None:
        body = pod(name, "sh", "-c", command)
        body["spec"]["containers"][0]["resources"] = {"requests": {"cpu": cpu}}
        machine.make(body)

    wants("big", "1500m", f"while [ ! -e {tmp_path}/go ]; do sleep 0.02; done")
    machine.until_phase("big", "Running")
    wants("next", "1", "true")
    wants("never", "64", "true")
    machine.until(lambda: condition(machine.pod("next"), "PodScheduled"), "nothing is said")
    said = condition(machine.pod("next"), "PodScheduled")
    assert (said["status"], said["reason"]) == ("False", "Unschedulable")
    assert "1 cpu requested, 500m of 2 free" in said["message"]
    machine.until(lambda: condition(machine.pod("never"), "PodScheduled"), "nothing is said")
    assert (
        "can never fit: 64 cpu requested, this machine has 2"
        in condition(machine.pod("never"), "PodScheduled")["message"]
    )
    with pytest.raises(BadRequest, match="is waiting to start: Unschedulable"):
        machine.log("next")
    (tmp_path / "go").touch()
    machine.until_phase("next", "Succeeded")
    machine.client.delete(PODS, "never", "default")


def test_a_pod_without_a_node_is_bound_to_this_one_and_its_deletion_ends_it_first(machine: Machine) -> None:
    bare = pod("bare", "sleep", "300", terminationGracePeriodSeconds=1, nodeName="")
    machine.make(bare)
    found = machine.until_phase("bare", "Running")
    assert found["spec"]["nodeName"] == "local"
    assert ("Scheduled", "Successfully assigned default/bare to local") in machine.events()
    [attempt] = machine.node._supervisor.running()
    machine.client.delete(PODS, "bare", "default")
    assert machine.pod("bare")["metadata"]["deletionGracePeriodSeconds"] == 1
    machine.until_gone("bare")
    assert machine.node._supervisor.running() == []
    assert not psutil.pid_exists(attempt.pid) or psutil.Process(attempt.pid).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"schedulerName": "another"}, id="one that another scheduler is to place"),
        pytest.param({"schedulingGates": [{"name": "example.com/wait"}]}, id="one that is gated"),
        pytest.param({"nodeName": "elsewhere"}, id="one that is bound to another node"),
    ],
)
def test_a_pod_that_is_not_for_this_node_is_left_alone(machine: Machine, spec: dict[str, object]) -> None:
    machine.make(pod("foreign", "true", **{"nodeName": "", **spec}))
    machine.make(pod("own", "true"))
    machine.until_phase("own", "Succeeded")
    assert "startTime" not in machine.pod("foreign")["status"]
    assert machine.pod("foreign")["status"]["phase"] == "Pending"


def test_deleting_a_pod_ends_all_its_processes_and_removes_its_files(machine: Machine) -> None:
    machine.make(pod("tree", "sh", "-c", "(setsid sleep 300 &); sleep 300", terminationGracePeriodSeconds=1))
    uid = machine.until_phase("tree", "Running")["metadata"]["uid"]
    marked = machine.node._supervisor
    [attempt] = marked.running()
    machine.client.delete(PODS, "tree", "default")
    machine.until_gone("tree")
    machine.until(lambda: not (machine.state / "pods" / uid).exists(), "its directory is still there")
    assert marked.running() == []
    assert not psutil.pid_exists(attempt.pid) or psutil.Process(attempt.pid).status() == psutil.STATUS_ZOMBIE


def test_deleting_a_job_takes_its_pods_along_when_their_owner_is_gone(machine: Machine) -> None:
    machine.make(job("long", "sleep", "300", template={"terminationGracePeriodSeconds": 1}))
    [only] = machine.until(lambda: machine.pods_of("long"), "no pod")
    machine.until_phase(only["metadata"]["name"], "Running")
    machine.client.delete(PODS, only["metadata"]["name"], "default", grace_seconds=0)
    machine.until(
        lambda: [p for p in machine.pods_of("long") if p["metadata"]["uid"] != only["metadata"]["uid"]], "not replaced"
    )


def test_deadlines_of_pods_and_jobs(machine: Machine) -> None:
    machine.make(pod("late", "sleep", "300", activeDeadlineSeconds=1))
    machine.make(job("late", "sleep", "300", activeDeadlineSeconds=1, template={"terminationGracePeriodSeconds": 1}))
    assert machine.until_phase("late", "Failed")["status"]["reason"] == "DeadlineExceeded"
    ended = machine.until_over("late")
    assert condition(ended, "Failed")["reason"] == "DeadlineExceeded"
    assert condition(ended, "FailureTarget")["reason"] == "DeadlineExceeded"


def test_an_indexed_job_gives_each_pod_its_index(machine: Machine) -> None:
    machine.make(
        job("ix", "sh", "-c", "echo $JOB_COMPLETION_INDEX", completions=3, parallelism=2, completionMode="Indexed")
    )
    assert machine.until_over("ix")["status"]["completedIndexes"] == "0-2"
    assert sorted(machine.log(item["metadata"]["name"]) for item in machine.pods_of("ix")) == ["0\n", "1\n", "2\n"]


def test_suspend_ends_the_pods_and_resume_brings_new_ones(machine: Machine) -> None:
    machine.make(job("pause", "sleep", "300", template={"terminationGracePeriodSeconds": 0}))
    [first] = machine.until(lambda: machine.pods_of("pause"), "no pod")
    machine.until_phase(first["metadata"]["name"], "Running")
    machine.client.patch(JOBS, "pause", {"spec": {"suspend": True}}, "default")
    machine.until(lambda: not machine.pods_of("pause"), "its pod is still there")
    machine.until(
        lambda: condition(machine.client.get(JOBS, "pause", "default"), "Suspended").get("status") == "True", "not said"
    )
    machine.client.patch(JOBS, "pause", {"spec": {"suspend": False}}, "default")
    machine.until(lambda: machine.pods_of("pause"), "no new pod")


def test_a_finished_job_goes_after_its_time_to_live(machine: Machine) -> None:
    machine.make(job("brief", "true", ttlSecondsAfterFinished=0))
    machine.until(lambda: not machine.client.list(JOBS, "default")["items"], "the job is still there")


def test_logs_follow_tail_and_cut(machine: Machine, tmp_path: Path) -> None:
    machine.make(pod("talk", "sh", "-c", f"echo a; echo b; while [ ! -e {tmp_path}/go ]; do sleep 0.02; done; echo c"))
    machine.until_phase("talk", "Running")
    machine.until(lambda: machine.log("talk") == "a\nb\n", "it says nothing")
    assert machine.log("talk", tail_lines=1) == "b\n"
    assert machine.log("talk", limit_bytes=3) == "a\nb"
    assert machine.log("talk", timestamps=True).splitlines()[0].endswith("Z a")
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(machine.log("talk", follow=True)))
    reader.start()
    (tmp_path / "go").touch()
    reader.join(10)
    assert got == ["a\nb\nc\n"]


def test_the_node_object_states_its_capacity(machine: Machine) -> None:
    found = machine.client.get(NODES, "local")
    assert found["status"]["capacity"]["cpu"] == "2"
    assert condition(found, "Ready")["status"] == "True"


def test_a_crash_leaves_workers_running_and_the_next_control_plane_takes_them_over(state: Path, tmp_path: Path) -> None:
    first = Machine(state)
    first.make(pod("ends", "sh", "-c", f"while [ ! -e {tmp_path}/one ]; do sleep 0.02; done; exit 4"))
    first.make(pod("stays", "sh", "-c", f"echo here; while [ ! -e {tmp_path}/two ]; do sleep 0.02; done; echo there"))
    pids = {
        name: first.until_phase(name, "Running")["status"]["containerStatuses"][0]["containerID"]
        for name in ("ends", "stays")
    }
    first.crash()
    (tmp_path / "one").touch()
    second = Machine(state)
    ended = second.until_phase("ends", "Failed")
    assert state_of(ended)["terminated"]["exitCode"] == 4
    (tmp_path / "two").touch()
    stays = second.until_phase("stays", "Succeeded")
    assert {p["metadata"]["name"]: p["status"]["containerStatuses"][0]["containerID"] for p in (ended, stays)} == pids
    assert second.log("stays") == "here\nthere\n"
    second.stop()


def test_a_clean_stop_leaves_nothing_running_and_its_jobs_go_on_later_without_a_failure(
    state: Path, tmp_path: Path
) -> None:
    first = Machine(state)
    first.make(job("again", "sh", "-c", f"echo x >> {tmp_path}/begun; [ -e {tmp_path}/go ] && exit 0; sleep 300"))
    [only] = first.until(lambda: first.pods_of("again"), "no pod")
    first.until_phase(only["metadata"]["name"], "Running")
    [attempt] = first.node._supervisor.running()
    first.jobs.stop()
    first.node.stop()
    stopped = first.pod(only["metadata"]["name"])
    first.server.close()
    assert (stopped["status"]["phase"], stopped["status"]["reason"]) == ("Failed", "NodeShutdown")
    assert condition(stopped, "DisruptionTarget")["status"] == "True"
    assert not psutil.pid_exists(attempt.pid) or psutil.Process(attempt.pid).status() == psutil.STATUS_ZOMBIE
    (tmp_path / "go").touch()
    second = Machine(state)
    done = second.until_over("again")["status"]
    assert (done["succeeded"], done.get("failed")) == (1, None)
    second.stop()


def test_a_killed_supervisor_costs_an_exit_code_and_no_second_run(state: Path, tmp_path: Path) -> None:
    machine = Machine(state)
    machine.make(job("lost", "sh", "-c", f"echo x >> {tmp_path}/runs; sleep 300", backoffLimit=5))
    [only] = machine.until(lambda: machine.pods_of("lost"), "no pod")
    machine.until_phase(only["metadata"]["name"], "Running")
    [attempt] = machine.node._supervisor.running()
    os.kill(machine.node._supervisor._ask("list")["pid"], signal.SIGKILL)
    os.kill(attempt.pid, signal.SIGKILL)
    assert condition(machine.until_over("lost"), "Failed")["reason"] == "ExitCodeUnknown"
    assert (tmp_path / "runs").read_text() == "x\n"
    machine.stop()


@pytest.mark.slow
def test_kill_9_of_the_process_group_at_random_moments_runs_every_job_exactly_once(state: Path) -> None:
    count, seed = 24, random.randrange(1 << 30)
    moment = random.Random(seed)
    command = [sys.executable, str(TESTS / "crash_victim.py"), str(state), str(count), "4"]
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS.parent / "controller"), str(TESTS)])}
    for _ in range(5):
        victim = subprocess.Popen(command, env=env, start_new_session=True)
        time.sleep(0.4 + moment.random() * 0.6)
        os.killpg(victim.pid, signal.SIGKILL)
        victim.wait()
    assert subprocess.run(command, env=env, timeout=100, start_new_session=True).returncode == 0
    ended = Counter((state / "ended").read_text().split())
    assert ended == Counter(f"trial-{number}" for number in range(count)), f"seed {seed}"
