"""What a Job needs next, as tables: its Pods in, Pods to create and delete and its status out."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from katib_control.node.job_plan import plan
from katib_control.node.job_pods import compress, expand_indexes, make_pod, pod_name
from katib_control.runtime.plan import Plan

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=timezone.utc)
POLICY = {
    "rules": [
        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}},
        {"action": "Ignore", "onExitCodes": {"containerName": "main", "operator": "NotIn", "values": [1, 42]}},
    ]
}


def wire(seconds_ago: float = 0) -> str:
    return (NOW - timedelta(seconds=seconds_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


def job(status: dict[str, Any] | None = None, *, age: float = 5, policy: str = "Never", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "j", "namespace": "n", "uid": "job-uid", "creationTimestamp": wire(age)},
        "spec": {
            "parallelism": 1, "completions": 1, "backoffLimit": 6,
            "template": {"spec": {"restartPolicy": policy, "containers": [{"name": "main", "image": "i"}]}}, **spec,
        },
        "status": status or {},
    }  # fmt: skip


def pod(
    phase: str, number: int = 0, *, index: int | None = None, code: int = 1, ago: float = 100, **status: Any
) -> dict[str, Any]:
    annotations = {"katib.kubeflow.org/pod-number": str(number)}
    if index is not None:
        annotations["batch.kubernetes.io/job-completion-index"] = str(index)
    if phase in ("Failed", "Succeeded"):
        end = {
            "exitCode": code if phase == "Failed" else 0,
            "finishedAt": wire(ago),
            "reason": status.pop("why", "Error"),
        }
        status["containerStatuses"] = [{"name": "main", "state": {"terminated": end}}]
    metadata = {"name": f"j-{index}-{number}", "namespace": "n", "uid": f"{index}-{number}", "annotations": annotations}
    return {"metadata": metadata, "status": {"phase": phase, **status}}


DISRUPTED = {"conditions": [{"type": "DisruptionTarget", "status": "True"}]}


def said(decided: Plan) -> dict[str, str]:
    conditions = (decided.status or {}).get("conditions") or ()
    return {item["type"]: item["reason"] for item in conditions if item["status"] == "True"}


def numbers(decided: Plan) -> list[int]:
    return [int(body["metadata"]["annotations"]["katib.kubeflow.org/pod-number"]) for _, body in decided.create]


@pytest.mark.parametrize(
    ("given", "pods", "created", "deleted"),
    [
        pytest.param(job(), [], [0], 0, id="a new Job gets its Pod"),
        pytest.param(job(), [pod("Pending")], [], 0, id="and no second one"),
        pytest.param(job(parallelism=3, completions=5), [], [0, 1, 2], 0, id="as many as may run side by side"),
        pytest.param(
            job(parallelism=3, completions=5),
            [pod("Succeeded", n) for n in range(4)],
            [4],
            0,
            id="no more than are missing",
        ),
        pytest.param(
            job(parallelism=1, completions=5), [pod("Running", 0), pod("Pending", 1)], [], 1, id="too many are cut back"
        ),
        pytest.param(job(parallelism=0), [], [], 0, id="parallelism 0 pauses"),
        pytest.param(job(), [pod("Failed", 0)], [1], 0, id="a failed Pod is replaced when the backoff is over"),
        pytest.param(job(), [pod("Failed", 0, ago=5)], [], 0, id="but not before"),
        pytest.param(job(), [pod("Failed", 0), pod("Failed", 1, ago=15)], [], 0, id="the second failure waits 20 s"),
        pytest.param(
            job(backoffLimit=0),
            [pod("Failed", 0, ago=0, **DISRUPTED)],
            [1],
            0,
            id="a disrupted Pod is replaced at once, whatever the limit",
        ),
        pytest.param(
            job(parallelism=2, completions=None),
            [pod("Succeeded", 0), pod("Running", 1)],
            [],
            0,
            id="a work queue adds none after a success",
        ),
        pytest.param(job(suspend=True), [pod("Running")], [], 1, id="a suspended Job has no Pods"),
        pytest.param(
            job(podFailurePolicy=POLICY, backoffLimit=0),
            [pod("Failed", 0, code=7)],
            [1],
            0,
            id="an ignored failure is replaced",
        ),
        pytest.param(
            job(status={"conditions": [{"type": "Complete", "status": "True", "lastTransitionTime": wire()}]}),
            [],
            [],
            0,
            id="a finished Job gets none",
        ),
    ],
)
def test_pods(given: dict[str, Any], pods: list[dict[str, Any]], created: list[int], deleted: int) -> None:
    decided = plan(given, pods, NOW)
    assert (numbers(decided), len(decided.delete)) == (created, deleted)


COMPLETE = {"SuccessCriteriaMet": "CompletionsReached", "Complete": "CompletionsReached"}


@pytest.mark.parametrize(
    ("given", "pods", "conditions"),
    [
        pytest.param(job(), [pod("Running")], {}, id="at work says nothing"),
        pytest.param(job(), [pod("Succeeded")], COMPLETE, id="enough successes complete it"),
        pytest.param(job(completions=0), [], COMPLETE, id="nothing to do is complete"),
        pytest.param(
            job(parallelism=2, completions=None),
            [pod("Succeeded", 0), pod("Failed", 1)],
            COMPLETE,
            id="a work queue is complete when all have ended",
        ),
        pytest.param(
            job(backoffLimit=0),
            [pod("Failed")],
            {"FailureTarget": "BackoffLimitExceeded", "Failed": "BackoffLimitExceeded"},
            id="one failure too many fails it",
        ),
        pytest.param(job(backoffLimit=1), [pod("Failed", ago=0)], {}, id="as many as allowed do not"),
        pytest.param(
            job(backoffLimit=0, parallelism=2, completions=2),
            [pod("Failed", 0), pod("Running", 1)],
            {"FailureTarget": "BackoffLimitExceeded"},
            id="it has not failed while a Pod still runs",
        ),
        pytest.param(
            job(activeDeadlineSeconds=5, age=5),
            [],
            {"FailureTarget": "DeadlineExceeded", "Failed": "DeadlineExceeded"},
            id="a deadline fails it",
        ),
        pytest.param(job(activeDeadlineSeconds=6, age=5), [], {}, id="one to come does not"),
        pytest.param(
            job(podFailurePolicy=POLICY),
            [pod("Failed", code=42)],
            {"FailureTarget": "PodFailurePolicy", "Failed": "PodFailurePolicy"},
            id="a FailJob rule fails it at once",
        ),
        pytest.param(
            job(),
            [pod("Failed", why="ExitCodeUnknown", code=255)],
            {"FailureTarget": "ExitCodeUnknown", "Failed": "ExitCodeUnknown"},
            id="what may have run to its end is not run again",
        ),
        pytest.param(
            job(),
            [pod("Failed", why="CommandMissing", code=128)],
            {"FailureTarget": "CommandMissing", "Failed": "CommandMissing"},
            id="what cannot get better is not tried again",
        ),
        pytest.param(job(suspend=True), [], {"Suspended": "JobSuspended"}, id="suspended says so"),
        pytest.param(
            job(policy="OnFailure", backoffLimit=2),
            [pod("Running", containerStatuses=[{"name": "main", "restartCount": 2, "state": {}}])],
            {"FailureTarget": "BackoffLimitExceeded"},
            id="restarts inside of the Pod count as failures",
        ),
    ],
)
def test_conditions(given: dict[str, Any], pods: list[dict[str, Any]], conditions: dict[str, str]) -> None:
    assert said(plan(given, pods, NOW)) == conditions


def test_counts_do_not_shrink_when_pods_are_deleted() -> None:
    decided = plan(job({"succeeded": 2, "failed": 1}, completions=3), [], NOW)
    assert decided.status is not None
    assert (decided.status["succeeded"], decided.status["failed"], numbers(decided)) == (2, 1, [0])


def test_a_replacement_may_wait_for_the_end_of_a_deleted_pod() -> None:
    leaving = pod("Running")
    leaving["metadata"]["deletionTimestamp"] = wire()
    assert numbers(plan(job(), [leaving], NOW)) == [1]
    assert numbers(plan(job(podReplacementPolicy="Failed"), [leaving], NOW)) == []


def test_an_indexed_job_fills_its_gaps_and_remembers_what_is_done() -> None:
    given = job({"completedIndexes": "0"}, completionMode="Indexed", completions=4, parallelism=3)
    decided = plan(given, [pod("Failed", 0, index=1), pod("Running", 0, index=2)], NOW)
    made = [body["metadata"] for _, body in decided.create]
    assert [item["labels"]["batch.kubernetes.io/job-completion-index"] for item in made] == ["1", "3"]
    assert numbers(decided) == [1, 0]
    assert decided.status is not None
    assert decided.status["completedIndexes"] == "0"
    env = decided.create[0][1]["spec"]["containers"][0]["env"]
    assert env == [{"name": "JOB_COMPLETION_INDEX", "value": "1"}]


def test_the_same_decision_twice_asks_for_the_same_pod() -> None:
    first, second = plan(job(), [], NOW), plan(job(), [], NOW + timedelta(seconds=3))
    assert first.create == second.create
    names = {pod_name(job(), index, number) for index in (None, 0, 1) for number in range(50)}
    assert len(names) == 150


def test_a_pod_knows_its_job_and_a_long_name_is_cut() -> None:
    long = job()
    long["metadata"]["name"] = "x" * 63
    made = make_pod(long, 12, 0, "local")
    assert len(made["metadata"]["name"]) <= 63
    assert made["metadata"]["labels"]["batch.kubernetes.io/job-name"] == "x" * 63
    assert made["metadata"]["ownerReferences"][0]["uid"] == "job-uid"
    assert made["spec"]["nodeName"] == "local"


def test_time_to_live() -> None:
    over = {"conditions": [{"type": "Failed", "status": "True", "lastTransitionTime": wire(8)}]}
    assert plan(job(over, ttlSecondsAfterFinished=10), [], NOW).requeue_after == 2.0
    [deletion] = plan(job(over, ttlSecondsAfterFinished=8), [], NOW).delete
    assert (deletion.name, deletion.uid) == ("j", "job-uid")


def test_resuming_starts_the_clock_anew() -> None:
    waiting = {"conditions": [{"type": "Suspended", "status": "True", "lastTransitionTime": wire(900)}]}
    decided = plan(job(waiting, age=1000, activeDeadlineSeconds=60), [], NOW)
    assert decided.status is not None
    assert decided.status["startTime"] == wire(0)
    assert said(decided) == {}
    assert numbers(decided) == [0]


@pytest.mark.parametrize("indexes", [set(), {0}, {0, 1, 2, 4}, {3, 5, 7, 8}])
def test_indexes_are_written_as_ranges(indexes: set[int]) -> None:
    assert expand_indexes(compress(indexes)) == indexes
    assert compress({0, 1, 2, 4}) == "0-2,4"


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        pytest.param(None, ["SuccessfulCreate", "Completed"], id="of a Job of its own"),
        pytest.param("CronJob", ["SuccessfulCreate", "Completed"], id="of somebody's Job"),
        pytest.param("Trial", [], id="not of a Trial's Job: the Trial's Events say it"),
    ],
)
def test_what_goes_well_is_told(owner: str | None, expected: list[str]) -> None:
    body = job()
    if owner:
        body["metadata"]["ownerReferences"] = [{"kind": owner, "name": "o", "uid": "o"}]
    begun, over = plan(body, [], NOW), plan(body, [pod("Succeeded")], NOW)
    assert [event.reason for event in (*begun.events, *over.events)] == expected
    if expected:
        [(_, made)] = begun.create
        assert begun.events[0].message == f"Created pod: {made['metadata']['name']}"
        assert over.events[0].type == "Normal"
