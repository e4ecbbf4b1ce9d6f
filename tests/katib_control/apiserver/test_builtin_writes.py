"""What happens once, on create, and what may not change afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from katib_control.apiserver.builtin_writes import ON_CREATE, ON_UPDATE

POD_RULE = "spec: Forbidden: pod updates may not change fields other than"


def test_a_job_gets_a_selector_that_finds_its_pods_only() -> None:
    job = {"metadata": {"name": "j", "uid": "u"}, "spec": {"template": {"metadata": {"labels": {"a": "b"}}}}}
    spec = ON_CREATE["Job"](job)["spec"]
    wanted = spec["selector"]["matchLabels"]
    labels = spec["template"]["metadata"]["labels"]
    assert wanted == {"batch.kubernetes.io/controller-uid": "u"}
    assert labels == {
        "a": "b", "batch.kubernetes.io/controller-uid": "u", "batch.kubernetes.io/job-name": "j",
        "controller-uid": "u", "job-name": "j",
    }  # fmt: skip
    assert "selector" not in job["spec"], "the argument is never changed"


def test_a_selector_made_by_hand_is_left_alone() -> None:
    job = {"metadata": {"name": "j"}, "spec": {"manualSelector": True, "template": {}}}
    assert ON_CREATE["Job"](job) == job


@pytest.mark.parametrize(
    ("resources", "quality"),
    [
        pytest.param([{}], "BestEffort", id="nothing asked"),
        pytest.param([{"requests": {"cpu": "1"}}], "Burstable", id="something asked"),
        pytest.param([{"limits": {"cpu": "1", "memory": "1Gi"}}], "Guaranteed", id="limits are requests too"),
        pytest.param([{"limits": {"cpu": "1", "memory": "1Gi"}}, {}], "Burstable", id="one container asks for nothing"),
        pytest.param(
            [{"limits": {"cpu": "2", "memory": "1Gi"}, "requests": {"cpu": "1"}}], "Burstable", id="may use more"
        ),
    ],
)
def test_a_pod_starts_pending_with_a_quality_of_service(resources: list[dict[str, Any]], quality: str) -> None:
    pod = {"spec": {"containers": [{"name": f"c{index}", "resources": item} for index, item in enumerate(resources)]}}
    assert ON_CREATE["Pod"](pod)["status"] == {"phase": "Pending", "qosClass": quality}


def _pod(**spec: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "a", "image": "x"}], **spec}}


@pytest.mark.parametrize(
    ("kind", "old", "new", "expected"),
    [
        pytest.param(
            "Job", {"spec": {"template": {"a": 1}}}, {"spec": {"template": {"a": 2}}},
            ['spec.template: Invalid value: {"a":2}: field is immutable'], id="a job's template",
        ),
        pytest.param("Job", {"spec": {"suspend": True}}, {"spec": {"suspend": False}}, [], id="a job may be resumed"),
        pytest.param("Pod", _pod(), _pod(terminationGracePeriodSeconds=1), [], id="a pod's grace period"),
        pytest.param(
            "Pod", _pod(), {"spec": {"containers": [{"name": "a", "image": "y"}]}}, [], id="a pod's image"
        ),
        pytest.param("Pod", _pod(), _pod(nodeName="n"), [POD_RULE], id="a pod is assigned by a binding only"),
        pytest.param("Pod", _pod(), _pod(hostNetwork=True), [POD_RULE], id="the rest of a pod's spec"),
        pytest.param("ConfigMap", {"data": {"a": "b"}}, {"data": {}}, [], id="a config map"),
        pytest.param(
            "ConfigMap", {"immutable": True, "data": {"a": "b"}}, {"data": {}},
            ["data: Forbidden: field is immutable when `immutable` is set",
             "immutable: Forbidden: field is immutable when `immutable` is set"],
            id="an immutable config map",
        ),
        pytest.param(
            "Secret", {"type": "Opaque"}, {"type": "other"}, ['type: Invalid value: "other": field is immutable'],
            id="a secret's type",
        ),
        pytest.param(
            "RoleBinding", {"roleRef": {"name": "a"}}, {"roleRef": {"name": "b"}},
            ['roleRef: Invalid value: {"name":"b"}: field is immutable'], id="what a binding grants",
        ),
    ],
)  # fmt: skip
def test_update(kind: str, old: dict[str, Any], new: dict[str, Any], expected: list[str]) -> None:
    found = [str(error) for error in ON_UPDATE[kind](old, new)]
    assert [text[: len(POD_RULE)] if kind == "Pod" else text for text in found] == expected
