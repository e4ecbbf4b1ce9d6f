"""PATCH: merge, JSON, strategic merge and apply; and the status subresource."""

from __future__ import annotations

import threading

import pytest

from katib_control.kube.errors import Conflict, Invalid, NotFound
from katib_control.kube.resources import CONFIG_MAPS, JOBS, PODS

POD = {
    "metadata": {"name": "a"},
    "spec": {
        "nodeSelector": {"no": "such-node"},
        "containers": [{"name": "x", "image": "one"}, {"name": "y", "image": "one"}],
    },
}


def test_a_merge_patch_merges_maps_and_removes_nulls(api):
    api.client.create(CONFIG_MAPS, api.config_map("a", labels={"l": "1", "m": "1"}), api.namespace)
    body = {"metadata": {"labels": {"l": None, "n": "2"}}, "data": {"b": "2"}}
    patched = api.client.patch(CONFIG_MAPS, "a", body, api.namespace)
    assert patched["metadata"]["labels"] == {"m": "1", "n": "2"}
    assert patched["data"] == {"a": "1", "b": "2"}
    assert api.client.get(CONFIG_MAPS, "a", api.namespace) == patched


def test_a_json_patch_is_applied_as_a_whole_or_not_at_all(api):
    made = api.client.create(CONFIG_MAPS, api.config_map("a"), api.namespace)
    steps = [{"op": "replace", "path": "/data/a", "value": "2"}, {"op": "test", "path": "/data/a", "value": "3"}]
    with pytest.raises(Invalid):
        api.client.patch(CONFIG_MAPS, "a", steps, api.namespace, kind="json")
    assert api.client.get(CONFIG_MAPS, "a", api.namespace) == made
    patched = api.client.patch(CONFIG_MAPS, "a", steps[:1], api.namespace, kind="json")
    assert patched["data"] == {"a": "2"}


def test_a_strategic_merge_patch_merges_containers_by_name(api):
    api.client.create(PODS, POD, api.namespace)
    body = {"spec": {"containers": [{"name": "y", "image": "two"}]}}
    patched = api.client.patch(PODS, "a", body, api.namespace, kind="strategic")
    images = {container["name"]: container["image"] for container in patched["spec"]["containers"]}
    assert images == {"x": "one", "y": "two"}


def test_a_patch_of_nothing_is_not_found(api):
    with pytest.raises(NotFound, match='configmaps "a" not found'):
        api.client.patch(CONFIG_MAPS, "a", {"data": {}}, api.namespace)


def test_a_patch_with_a_stale_version_is_a_conflict(api):
    made = api.client.create(CONFIG_MAPS, api.config_map("a"), api.namespace)
    version = made["metadata"]["resourceVersion"]
    api.client.patch(CONFIG_MAPS, "a", {"metadata": {"resourceVersion": version}, "data": {"a": "2"}}, api.namespace)
    body = {"metadata": {"resourceVersion": version}, "data": {"a": "3"}}
    with pytest.raises(Conflict, match="the object has been modified"):
        api.client.patch(CONFIG_MAPS, "a", body, api.namespace)


def test_patches_without_a_version_never_conflict(api):
    api.client.create(CONFIG_MAPS, api.config_map("a"), api.namespace)
    errors = []

    def write(key):
        try:
            for index in range(10):
                api.client.patch(CONFIG_MAPS, "a", {"data": {f"{key}-{index}": "x"}}, api.namespace)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(key,)) for key in "pqr"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(api.client.get(CONFIG_MAPS, "a", api.namespace)["data"]) == 31


@pytest.mark.parametrize("field", ["name", "uid"])
def test_identity_does_not_change(api, field):
    made = api.client.create(CONFIG_MAPS, api.config_map("a"), api.namespace)
    answer = api.send(
        "PATCH", CONFIG_MAPS, "a", {"metadata": {field: "other"}}, content_type="application/merge-patch+json"
    )
    assert answer.status in (400, 409, 422)
    assert api.client.get(CONFIG_MAPS, "a", api.namespace) == made


def test_a_patch_that_changes_nothing_writes_nothing(api):
    made = api.client.create(CONFIG_MAPS, api.config_map("a"), api.namespace)
    assert api.client.patch(CONFIG_MAPS, "a", {"data": {"a": "1"}}, api.namespace) == made


def test_a_patch_with_an_unknown_field_is_refused_when_strict(api):
    api.client.create(CONFIG_MAPS, api.config_map("a"), api.namespace)
    answer = api.send(
        "PATCH",
        CONFIG_MAPS,
        "a",
        {"dtaa": {"x": "y"}},
        content_type="application/merge-patch+json",
        query={"fieldValidation": "Strict"},
    )
    assert answer.status == 422
    assert 'unknown field "dtaa"' in answer.json()["message"]


def test_a_patch_of_a_type_nobody_speaks_is_refused(api):
    api.client.create(CONFIG_MAPS, api.config_map("a"), api.namespace)
    answer = api.send("PATCH", CONFIG_MAPS, "a", {"data": {}}, content_type="application/json")
    assert answer.status == 415


def test_status_is_written_by_its_subresource_alone(api):
    api.client.create(PODS, POD, api.namespace)
    ignored = api.client.patch(PODS, "a", {"status": {"reason": "Main"}}, api.namespace)
    assert "reason" not in ignored["status"]
    body = {"spec": {"activeDeadlineSeconds": 5}, "status": {"reason": "Status"}}
    written = api.client.patch(PODS, "a", body, api.namespace, subresource="status")
    assert written["status"]["reason"] == "Status"
    assert "activeDeadlineSeconds" not in written["spec"]


def test_a_status_of_a_job_does_not_count_as_a_generation(api):
    spec = {"suspend": True, "template": {"spec": {"restartPolicy": "Never", "containers": POD["spec"]["containers"]}}}
    api.client.create(JOBS, {"metadata": {"name": "a"}, "spec": spec}, api.namespace)
    api.client.patch(JOBS, "a", {"status": {"failed": 1}}, api.namespace, subresource="status")
    assert api.client.get(JOBS, "a", api.namespace)["metadata"]["generation"] == 1


class TestApply:
    def apply(self, api, data, manager="one", **query):
        body = api.config_map("a") | {"data": data}
        return api.send(
            "PATCH",
            CONFIG_MAPS,
            "a",
            body,
            content_type="application/apply-patch+yaml",
            query={"fieldManager": manager} | query,
        )

    def test_it_creates_and_then_changes(self, api):
        assert self.apply(api, {"x": "1"}).status == 201
        changed = self.apply(api, {"x": "2"})
        assert changed.status == 200
        assert changed.json()["data"] == {"x": "2"}

    def test_what_a_manager_no_longer_says_goes(self, api):
        self.apply(api, {"x": "1", "y": "1"})
        assert self.apply(api, {"y": "1"}).json()["data"] == {"y": "1"}

    def test_what_another_manager_says_stays(self, api):
        self.apply(api, {"x": "1"}, "one")
        self.apply(api, {"y": "1"}, "two")
        assert self.apply(api, {"x": "2"}, "one").json()["data"] == {"x": "2", "y": "1"}

    def test_two_managers_may_not_want_different_things(self, api):
        self.apply(api, {"x": "1"}, "one")
        refused = self.apply(api, {"x": "2"}, "two")
        assert refused.status == 409
        assert refused.json()["details"]["causes"][0]["field"] == ".data.x"
        assert self.apply(api, {"x": "2"}, "two", force="true").json()["data"] == {"x": "2"}

    def test_a_manager_must_have_a_name(self, api):
        assert self.apply(api, {"x": "1"}, "").status in (400, 422)

    def test_the_same_again_writes_nothing(self, api):
        first = self.apply(api, {"x": "1"}).json()["metadata"]["resourceVersion"]
        assert self.apply(api, {"x": "1"}).json()["metadata"]["resourceVersion"] == first
