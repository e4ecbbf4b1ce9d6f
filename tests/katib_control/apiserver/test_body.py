"""Bodies of requests."""

from __future__ import annotations

import pytest

from katib_control.apiserver.body import media_type, read_object
from katib_control.kube.errors import BadRequest, UnsupportedMediaType
from katib_control.kube.http import Request


def read(body, kind="application/json"):
    return read_object(Request("POST", "/", headers={"content-type": kind}, body=body))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(b'{"a": {"b": [1, "x", null]}}', "application/json", id="JSON"),
        pytest.param(b'{"a": {"b": [1, "x", null]}}', "application/json; charset=utf-8", id="JSON with a parameter"),
        pytest.param(b"a:\n  b: [1, x, null]\n", "application/yaml", id="YAML"),
        pytest.param(b'{"a": {"b": [1, "x", null]}}', "", id="no content type"),
    ],
)
def test_json_and_yaml_mean_the_same(body, kind):
    assert read(body, kind) == {"a": {"b": [1, "x", None]}}


def test_a_date_in_yaml_is_text():
    assert read(b"when: 2026-01-31", "application/yaml") == {"when": "2026-01-31"}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param(b'{"a": NaN}', "application/json", id="NaN"),
        pytest.param(b"[" * 100_000, "application/json", id="too deep"),
        pytest.param(b"\xff\xfe", "application/json", id="not UTF-8"),
        pytest.param(b"3", "application/json", id="a number"),
        pytest.param(b'{"metadata": [1]}', "application/json", id="metadata that is a list"),
        pytest.param(b"a: [1", "application/yaml", id="YAML that is cut off"),
        pytest.param(b"a: !!python/object:os.system {}", "application/yaml", id="YAML that wants to run"),
        pytest.param(b"a: .nan", "application/yaml", id="NaN in YAML"),
        pytest.param(b"? [a, b]\n: c", "application/yaml", id="a key that is no text"),
    ],
)
def test_what_is_no_object_is_a_bad_request_in_one_line(body, kind):
    with pytest.raises(BadRequest) as caught:
        read(body, kind)
    assert "\n" not in str(caught.value)


def test_other_content_types_are_refused():
    with pytest.raises(UnsupportedMediaType, match="accepted media types include: application/json, application/yaml"):
        read(b"x", "application/cbor")


def test_media_type_is_json_unless_said_otherwise():
    assert media_type(Request("PATCH", "/")) == "application/json"
    assert media_type(Request("PATCH", "/", headers={"content-type": "Application/YAML; x=y"})) == "application/yaml"
