"""Kubernetes' protobuf, written out byte by byte."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_control.apiserver.protobuf import read_protobuf
from katib_control.kube.errors import BadRequest, UnsupportedMediaType


def number(value):
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def field(tag, value):
    if isinstance(value, int):
        return number(tag << 3) + number(value)
    data = value.encode() if isinstance(value, str) else value
    return number(tag << 3 | 2) + number(len(data)) + data


def envelope(kind, raw, api_version="v1"):
    return b"k8s\x00" + field(1, field(1, api_version) + field(2, kind)) + field(2, raw) + field(3, "") + field(4, "")


def metadata(name):
    """As Go writes it: what is not set is there, as zero."""
    empty = b"".join(field(tag, "") for tag in (2, 3, 4, 5, 6))
    return field(1, field(1, name) + empty + field(7, 0) + field(8, b"") + field(11, field(1, "k") + field(2, "v")))


def test_a_config_map_is_read_without_what_is_not_set():
    data = field(2, field(1, "a") + field(2, "1")) + field(3, field(1, "b") + field(2, b"\x00\xff")) + field(4, 0)
    assert read_protobuf(envelope("ConfigMap", metadata("m") + data)) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "m", "labels": {"k": "v"}},
        "data": {"a": "1"},
        "binaryData": {"b": "AP8="},
        "immutable": False,
    }


def test_a_job_is_read_with_its_template():
    container = field(1, "main") + field(2, "image") + field(3, "sh") + field(3, "-c") + field(8, b"") + field(16, 0)
    template = field(6, field(1, b"") + field(2, field(2, container) + field(3, "Never") + field(10, "")))
    job = metadata("j") + field(2, field(1, 0) + template) + field(3, field(4, 0))
    assert read_protobuf(envelope("Job", job, "batch/v1"))["spec"] == {
        "parallelism": 0,
        "template": {
            "spec": {
                "containers": [{"name": "main", "image": "image", "command": ["sh", "-c"]}],
                "restartPolicy": "Never",
            },
        },
    }


def test_a_negative_number_is_read_as_one():
    body = envelope("Job", metadata("j") + field(2, field(7, (1 << 64) - 1)), "batch/v1")
    assert read_protobuf(body)["spec"] == {"backoffLimit": -1}


def test_a_time_is_read():
    owned = field(1, field(1, "m") + field(9, field(1, 1769860800)))
    assert read_protobuf(envelope("ConfigMap", owned))["metadata"]["deletionTimestamp"] == "2026-01-31T12:00:00Z"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(envelope("Pod", b""), "Pod is not understood in protobuf: send JSON or YAML", id="a kind"),
        pytest.param(envelope("ConfigMap", field(9, "x")), "field 9 of ConfigMap is not understood", id="a field"),
    ],
)
def test_what_is_not_listed_is_refused_with_the_remedy(body, words):
    with pytest.raises(UnsupportedMediaType, match=words):
        read_protobuf(body)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{}", id="JSON"),
        pytest.param(envelope("ConfigMap", metadata("m"))[:-7], id="cut off"),
        pytest.param(b"k8s\x00" + b"\xff" * 20, id="an endless number"),
        pytest.param(envelope("ConfigMap", number(1 << 3 | 1) + b"\0" * 8), id="a wire type nobody uses"),
        pytest.param(envelope("ConfigMap", field(1, 7)), id="a number for a message"),
        pytest.param(envelope("Job", field(2, field(1, "x"))), id="text for a number"),
        pytest.param(envelope("ConfigMap", field(1, field(1, b"\xff"))), id="text that is not UTF-8"),
    ],
)
def test_what_is_no_protobuf_is_a_bad_request(body):
    with pytest.raises(BadRequest):
        read_protobuf(body)


@pytest.mark.parametrize(
    ("sent", "port"),
    [
        pytest.param(field(1, 0) + field(2, 8080) + field(3, ""), 8080, id="a number"),
        pytest.param(field(1, 1) + field(2, 0) + field(3, "http"), "http", id="a name"),
    ],
)
def test_a_port_is_a_number_or_a_name(sent, port):
    service = field(2, field(1, field(3, 80) + field(4, sent)))
    assert read_protobuf(envelope("Service", service))["spec"]["ports"] == [{"port": 80, "targetPort": port}]


def test_go_writes_no_time_as_the_year_one():
    body = envelope("Namespace", field(1, field(1, "x") + field(8, field(1, (1 << 64) - 62135596800))))
    assert read_protobuf(body)["metadata"] == {"name": "x"}


@given(noise=st.binary(max_size=60), kind=st.sampled_from(["ConfigMap", "Job", "Secret", "Service"]))
def test_noise_is_read_or_refused_and_nothing_else(noise, kind):
    with contextlib.suppress(BadRequest, UnsupportedMediaType):
        read_protobuf(envelope(kind, noise))
