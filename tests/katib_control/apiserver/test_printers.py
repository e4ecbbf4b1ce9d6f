"""The rows of built-in kinds."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from katib_control.apiserver.printers import PRINTERS

NOW = datetime(2026, 1, 31, 12, 0, 0, tzinfo=timezone.utc)
META = {"name": "x", "creationTimestamp": "2026-01-31T11:58:30Z"}
TEMPLATE = {"spec": {"containers": [{"name": "a", "image": "i"}, {"name": "b", "image": "j"}]}}


def row(kind: str, **fields: Any) -> dict[str, Any]:
    printer = PRINTERS[kind]
    cells = printer.cells({"metadata": META, **fields}, NOW)
    assert len(cells) == len(printer.columns)
    return {column.name: cell for column, cell in zip(printer.columns, cells, strict=True)}


@pytest.mark.parametrize("kind", sorted(PRINTERS))
def test_an_object_with_nothing_in_it_can_be_shown(kind: str) -> None:
    cells = PRINTERS[kind].cells({}, NOW)
    assert len(cells) == len(PRINTERS[kind].columns)


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        pytest.param(
            "Job", {"spec": {"completions": 3, "template": TEMPLATE, "selector": {"matchLabels": {"k": "v"}}},
                    "status": {"succeeded": 1, "startTime": "2026-01-31T11:59:00Z"}},
            {"Name": "x", "Status": "Running", "Completions": "1/3", "Duration": "60s", "Age": "90s",
             "Containers": "a,b", "Images": "i,j", "Selector": "k=v"},
            id="a job that runs",
        ),
        pytest.param(
            "Job", {"spec": {"completions": 1}, "status": {
                "succeeded": 1, "startTime": "2026-01-31T11:59:00Z", "completionTime": "2026-01-31T11:59:05Z",
                "conditions": [{"type": "SuccessCriteriaMet", "status": "True"},
                               {"type": "Complete", "status": "True"}]}},
            {"Status": "Complete", "Completions": "1/1", "Duration": "5s"}, id="a job that is complete",
        ),
        pytest.param(
            "Job", {"status": {"conditions": [{"type": "Failed", "status": "True"}]}}, {"Status": "Failed"},
            id="a job that has failed",
        ),
        pytest.param(
            "Job", {"status": {"conditions": [{"type": "Suspended", "status": "True"}]}}, {"Status": "Suspended"},
            id="a job that is suspended",
        ),
        pytest.param("Job", {"spec": {"parallelism": 2}}, {"Completions": "0/1 of 2"}, id="a work queue"),
        pytest.param(
            "Event",
            {"type": "Normal", "reason": "Started", "message": "it has\n", "count": 3, "source": {"component": "c"},
             "involvedObject": {"kind": "Pod", "name": "p"}, "firstTimestamp": "2026-01-31T11:00:00Z",
             "lastTimestamp": "2026-01-31T11:59:50Z"},
            {"Last Seen": "10s", "Type": "Normal", "Reason": "Started", "Object": "pod/p", "Subobject": "",
             "Message": "it has", "Source": "c", "First Seen": "60m", "Count": 3, "Name": "x"},
            id="an event that was repeated",
        ),
        pytest.param(
            "Event", {"eventTime": "2026-01-31T11:59:50Z", "reportingComponent": "r"},
            {"Last Seen": "10s", "First Seen": "10s", "Source": "r", "Count": 1}, id="an event of the new kind",
        ),
        pytest.param("ConfigMap", {"data": {"a": ""}, "binaryData": {"b": ""}}, {"Data": 2}, id="a config map"),
        pytest.param("Secret", {"type": "Opaque", "data": {"a": ""}}, {"Type": "Opaque", "Data": 1}, id="a secret"),
        pytest.param(
            "Namespace", {"status": {"phase": "Active"}}, {"Name": "x", "Status": "Active", "Age": "90s"},
            id="a namespace",
        ),
        pytest.param(
            "Node",
            {"metadata": META | {"labels": {"node-role.kubernetes.io/worker": ""}}, "spec": {"unschedulable": True},
             "status": {"conditions": [{"type": "Ready", "status": "True"}],
                        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}]}},
            {"Status": "Ready,SchedulingDisabled", "Roles": "worker", "Internal-IP": "127.0.0.1",
             "External-IP": "<none>", "OS-Image": "<unknown>"},
            id="a node",
        ),
        pytest.param(
            "PersistentVolumeClaim",
            {"spec": {"volumeName": "v", "storageClassName": "s"},
             "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}},
            {"Status": "Bound", "Volume": "v", "Capacity": "1Gi", "Access Modes": "RWO", "StorageClass": "s"},
            id="a claim that is bound",
        ),
        pytest.param(
            "PersistentVolume",
            {"spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteMany"],
                      "claimRef": {"namespace": "n", "name": "c"}}},
            {"Capacity": "1Gi", "Access Modes": "RWX", "Claim": "n/c"}, id="a volume",
        ),
        pytest.param(
            "Service",
            {"spec": {"type": "NodePort", "clusterIP": "10.0.0.1", "ports": [{"port": 80, "nodePort": 30080}]}},
            {"Type": "NodePort", "Cluster-IP": "10.0.0.1", "External-IP": "<none>", "Port(s)": "80:30080/TCP"},
            id="a service",
        ),
        pytest.param(
            "Deployment", {"spec": {"replicas": 2, "template": TEMPLATE}, "status": {"readyReplicas": 1}},
            {"Ready": "1/2", "Up-to-date": 0, "Containers": "a,b"}, id="a deployment",
        ),
        pytest.param("Lease", {"spec": {"holderIdentity": "me"}}, {"Holder": "me", "Age": "90s"}, id="a lease"),
        pytest.param(
            "RoleBinding",
            {"roleRef": {"kind": "Role", "name": "r"},
             "subjects": [{"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "namespace": "n", "name": "s"}]},
            {"Role": "Role/r", "Users": "u", "Groups": "", "ServiceAccounts": "n/s"}, id="a binding",
        ),
        pytest.param("Role", {}, {"Name": "x", "Created At": "2026-01-31T11:58:30Z"}, id="a role"),
    ],
)  # fmt: skip
def test_row(kind: str, fields: dict[str, Any], expected: dict[str, Any]) -> None:
    found = row(kind, **fields)
    assert {name: found[name] for name in expected} == expected


def test_wide_columns_are_marked() -> None:
    shown = [column.name for column in PRINTERS["Pod"].columns if column.priority == 0]
    assert shown == ["Name", "Ready", "Status", "Restarts", "Age"]
    assert [column.type for column in PRINTERS["ConfigMap"].columns] == ["string", "integer", "string"]
