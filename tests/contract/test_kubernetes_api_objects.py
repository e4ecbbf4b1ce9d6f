"""Create, get, update: what the server fills in, what it refuses, and in which words."""

from __future__ import annotations

import re

import pytest

from katib_control.kube.errors import AlreadyExists, BadRequest, Conflict, Invalid, NotFound
from katib_control.kube.resources import CONFIG_MAPS, JOBS, NAMESPACES, PODS, SECRETS, Resource

JOB = {
    "metadata": {"name": "sleeper"},
    "spec": {
        "suspend": True,
        "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox"}]}},
    },
}


def test_create_fills_in_uid_version_time_and_namespace(api):
    made = api.client.create(CONFIG_MAPS, api.config_map("a"), api.namespace)

    metadata = made["metadata"]
    assert (metadata["name"], metadata["namespace"]) == ("a", api.namespace)
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", metadata["uid"])
    assert int(metadata["resourceVersion"]) > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", metadata["creationTimestamp"])
    assert "generation" not in metadata
    assert (made["apiVersion"], made["kind"], made["data"]) == ("v1", "ConfigMap", {"a": "1"})
    assert api.client.get(CONFIG_MAPS, "a", api.namespace) == made


def test_what_only_the_server_sets_is_not_taken_from_a_client(api):
    given = api.config_map("a", uid="mine", creationTimestamp="2001-01-01T00:00:00Z", generation=7)
    made = api.client.create(CONFIG_MAPS, given, api.namespace)["metadata"]
    assert made["uid"] != "mine"
    assert not made["creationTimestamp"].startswith("2001")


def test_versions_grow_over_all_kinds(api):
    versions = [
        int(api.client.create(CONFIG_MAPS, api.config_map("a"), api.namespace)["metadata"]["resourceVersion"]),
        int(api.client.create(SECRETS, {"metadata": {"name": "a"}}, api.namespace)["metadata"]["resourceVersion"]),
        int(api.client.create(CONFIG_MAPS, api.config_map("b"), api.namespace)["metadata"]["resourceVersion"]),
        int(api.client.list(CONFIG_MAPS, api.namespace)["metadata"]["resourceVersion"]),
    ]
    assert versions[:3] == sorted(set(versions[:3]))
    assert versions[3] >= versions[2]


def test_generate_name_makes_different_names_with_kubernetes_alphabet(api):
    names = set()
    for _ in range(5):
        body = {"metadata": {"generateName": "run-"}}
        names.add(api.client.create(CONFIG_MAPS, body, api.namespace)["metadata"]["name"])
    assert len(names) == 5
    assert all(re.fullmatch("run-[bcdfghjklmnpqrstvwxz2456789]{5}", name) for name in names)


def test_a_name_wins_over_generate_name(api):
    made = api.client.create(CONFIG_MAPS, {"metadata": {"name": "a", "generateName": "b-"}}, api.namespace)
    assert made["metadata"]["name"] == "a"


def test_a_second_object_of_the_name_is_refused(api):
    api.client.create(CONFIG_MAPS, api.config_map("a"), api.namespace)
    with pytest.raises(AlreadyExists, match='configmaps "a" already exists') as caught:
        api.client.create(CONFIG_MAPS, api.config_map("a"), api.namespace)
    assert caught.value.details == {"name": "a", "kind": "configmaps"}


def test_a_missing_object_is_named_with_its_group(api):
    with pytest.raises(NotFound, match=r'jobs.batch "a" not found') as caught:
        api.client.get(JOBS, "a", api.namespace)
    assert caught.value.details == {"name": "a", "group": "batch", "kind": "jobs"}


def test_a_missing_namespace_is_not_found_on_create(api):
    with pytest.raises(NotFound, match='namespaces "no-such-namespace" not found'):
        api.client.create(CONFIG_MAPS, api.config_map("a"), "no-such-namespace")


def test_a_kind_nobody_serves_is_not_found(api):
    with pytest.raises(NotFound, match="the server could not find the requested resource"):
        api.client.list(Resource("nobody.example.com", "v1", "things", "Thing"), api.namespace)


@pytest.mark.parametrize(
    ("metadata", "field", "rule"),
    [
        pytest.param({"name": "Upper"}, "metadata.name", "a lowercase RFC 1123 subdomain", id="upper case"),
        pytest.param({"name": "a_b"}, "metadata.name", "a lowercase RFC 1123 subdomain", id="underscore"),
        pytest.param({"name": "a" * 254}, "metadata.name", "no more than 253 ", id="too long"),
        pytest.param({}, "metadata.name", "name or generateName is required", id="no name"),
        pytest.param(
            {"name": "a", "labels": {"x y": "1"}}, "metadata.labels", "name part must consist of", id="label key"
        ),
        pytest.param({"name": "a", "labels": {"x": "a b"}}, "metadata.labels", "a valid label must be", id="label"),
        pytest.param({"name": "a", "annotations": {"x y": "1"}}, "metadata.annotations", "name part", id="annotation"),
        pytest.param(
            {"name": "a", "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "b", "uid": ""}]},
            "metadata.ownerReferences.uid",
            "must not be empty",
            id="owner without uid",
        ),
    ],
)
def test_metadata_that_breaks_a_rule_is_invalid_with_its_field(api, metadata, field, rule):
    with pytest.raises(Invalid) as caught:
        api.client.create(CONFIG_MAPS, {"metadata": metadata}, api.namespace)
    causes = caught.value.details["causes"]
    assert [cause["field"] for cause in causes] == [field]
    assert rule in causes[0]["message"]
    assert rule in str(caught.value)


def test_the_namespace_of_the_path_and_of_the_object_must_agree(api):
    with pytest.raises(BadRequest, match="does not match the namespace sent on the request"):
        api.client.create(CONFIG_MAPS, api.config_map("a", namespace="default"), api.namespace)


def test_the_name_of_the_path_and_of_the_object_must_agree(api):
    api.client.create(CONFIG_MAPS, api.config_map("a"), api.namespace)
    answer = api.send("PUT", CONFIG_MAPS, "a", api.config_map("b"))
    assert answer.status == 400
    assert "the name of the object (b) does not match the name on the URL (a)" in answer.json()["message"]


def test_the_version_of_the_path_and_of_the_object_must_agree(api):
    answer = api.send("POST", CONFIG_MAPS, body=api.config_map("a") | {"apiVersion": "v2"})
    assert answer.status == 400


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"", b"\xff"], ids=["cut off", "list", "text", "empty", "bytes"])
def test_a_body_that_is_no_object_is_a_bad_request(api, body):
    answer = api.send("POST", CONFIG_MAPS, body=body)
    assert answer.status == 400
    assert answer.json()["kind"] == "Status"


def test_yaml_is_accepted(api):
    body = b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  when: '2026-01-01'\n"
    answer = api.send("POST", CONFIG_MAPS, body=body, content_type="application/yaml")
    assert answer.status == 201
    assert answer.json()["data"] == {"when": "2026-01-01"}


def test_a_content_type_nobody_speaks_is_refused(api):
    assert api.send("POST", CONFIG_MAPS, body=b"x", content_type="text/csv").status == 415


def test_a_stale_put_is_a_conflict_and_a_current_one_is_not(api):
    first = api.client.create(CONFIG_MAPS, api.config_map("a"), api.namespace)
    second = api.client.replace(CONFIG_MAPS, first | {"data": {"a": "2"}})
    assert int(second["metadata"]["resourceVersion"]) > int(first["metadata"]["resourceVersion"])
    with pytest.raises(Conflict, match='Operation cannot be fulfilled on configmaps "a": the object has been modified'):
        api.client.replace(CONFIG_MAPS, first | {"data": {"a": "3"}})
    assert api.client.get(CONFIG_MAPS, "a", api.namespace)["data"] == {"a": "2"}


def test_a_put_that_changes_nothing_writes_nothing(api):
    made = api.client.create(CONFIG_MAPS, api.config_map("a"), api.namespace)
    assert api.client.replace(CONFIG_MAPS, made)["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_a_put_keeps_what_belongs_to_the_server(api):
    made = api.client.create(CONFIG_MAPS, api.config_map("a"), api.namespace)
    put = api.client.replace(CONFIG_MAPS, api.config_map("a", namespace=api.namespace) | {"data": {"b": "2"}})
    assert put["data"] == {"b": "2"}
    for field in ("uid", "creationTimestamp"):
        assert put["metadata"][field] == made["metadata"][field]


def test_a_put_of_another_uid_is_a_conflict(api):
    api.client.create(CONFIG_MAPS, api.config_map("a"), api.namespace)
    with pytest.raises(Conflict, match="Precondition failed: UID in precondition: other"):
        api.client.replace(CONFIG_MAPS, api.config_map("a", namespace=api.namespace, uid="other"))


def test_a_put_of_nothing_is_not_found(api):
    with pytest.raises(NotFound, match='configmaps "a" not found'):
        api.client.replace(CONFIG_MAPS, api.config_map("a", namespace=api.namespace))


def test_a_dry_run_is_checked_and_answered_but_not_stored(api):
    made = api.client.create(CONFIG_MAPS, api.config_map("a"), api.namespace, dry_run=True)
    assert made["metadata"]["uid"]
    with pytest.raises(NotFound):
        api.client.get(CONFIG_MAPS, "a", api.namespace)
    with pytest.raises(Invalid):
        api.client.create(CONFIG_MAPS, api.config_map("A"), api.namespace, dry_run=True)

    stored = api.client.create(CONFIG_MAPS, api.config_map("b"), api.namespace)
    assert api.client.replace(CONFIG_MAPS, stored | {"data": {"x": "y"}}, dry_run=True)["data"] == {"x": "y"}
    assert api.client.get(CONFIG_MAPS, "b", api.namespace) == stored


def test_a_dry_run_is_all_or_not_at_all(api):
    answer = api.send("POST", CONFIG_MAPS, body=api.config_map("a"), query={"dryRun": "Some"})
    assert answer.status in (400, 422)


def test_unknown_fields_are_refused_told_or_dropped_as_asked(api):
    body = api.config_map("a") | {"dtaa": {}}
    strict = api.send("POST", CONFIG_MAPS, body=body, query={"fieldValidation": "Strict"})
    assert strict.status == 400
    assert 'strict decoding error: unknown field "dtaa"' in strict.json()["message"]

    warned = api.send("POST", CONFIG_MAPS, body=body, query={"fieldValidation": "Warn", "dryRun": "All"})
    assert warned.status == 201
    headers = {key.lower(): value for key, value in warned.headers.items()}
    assert headers["warning"] == '299 - "unknown field \\"dtaa\\""'
    assert "dtaa" not in warned.json()

    ignored = api.send("POST", CONFIG_MAPS, body=body, query={"fieldValidation": "Ignore", "dryRun": "All"})
    assert "warning" not in {key.lower() for key in ignored.headers}


def test_a_job_gets_its_defaults_and_generation(api):
    job = api.client.create(JOBS, JOB, api.namespace)
    spec = job["spec"]
    assert (spec["parallelism"], spec["completions"], spec["backoffLimit"]) == (1, 1, 6)
    assert spec["completionMode"] == "NonIndexed"
    uid = job["metadata"]["uid"]
    assert spec["selector"]["matchLabels"]["batch.kubernetes.io/controller-uid"] == uid
    assert spec["template"]["metadata"]["labels"]["job-name"] == "sleeper"
    assert job["metadata"]["generation"] == 1


def test_generation_counts_changes_of_the_spec_alone(api):
    api.client.create(JOBS, JOB, api.namespace)

    def patched(body, subresource=None):
        found = api.client.patch(JOBS, "sleeper", body, api.namespace, subresource=subresource)
        return found["metadata"]["generation"]

    assert patched({"metadata": {"labels": {"a": "b"}}}) == 1
    assert patched({"spec": {"backoffLimit": 3}}) == 2
    assert patched({"spec": {"backoffLimit": 3}}) == 2


def test_a_jobs_template_is_immutable(api):
    api.client.create(JOBS, JOB | {"spec": JOB["spec"] | {"suspend": False, "parallelism": 0}}, api.namespace)
    body = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "other"}]}}}}
    with pytest.raises(Invalid, match=r"spec\.template: Invalid value: .*field is immutable") as caught:
        api.client.patch(JOBS, "sleeper", body, api.namespace)
    assert [cause["field"] for cause in caught.value.details["causes"]] == ["spec.template"]


def test_a_pods_spec_is_nearly_immutable(api):
    pod = {
        "metadata": {"name": "a"},
        "spec": {"nodeSelector": {"no": "such-node"}, "containers": [{"name": "main", "image": "busybox"}]},
    }
    made = api.client.create(PODS, pod, api.namespace)
    assert (made["spec"]["restartPolicy"], made["spec"]["terminationGracePeriodSeconds"]) == ("Always", 30)
    assert (made["status"]["phase"], made["status"]["qosClass"]) == ("Pending", "BestEffort")
    with pytest.raises(Invalid, match="pod updates may not change fields other than"):
        api.client.patch(PODS, "a", {"spec": {"restartPolicy": "Never"}}, api.namespace)


def test_string_data_of_a_secret_becomes_data(api):
    made = api.client.create(SECRETS, {"metadata": {"name": "a"}, "stringData": {"k": "value"}}, api.namespace)
    assert made["data"] == {"k": "dmFsdWU="}
    assert "stringData" not in made
    assert made["type"] == "Opaque"


@pytest.mark.parametrize("resource", [CONFIG_MAPS, SECRETS], ids=["a ConfigMap", "a Secret"])
def test_what_is_immutable_stays(api, resource):
    api.client.create(resource, {"metadata": {"name": "a"}, "data": {"k": "dg=="}, "immutable": True}, api.namespace)
    with pytest.raises(Invalid, match="field is immutable when `immutable` is set"):
        api.client.patch(resource, "a", {"data": {"k": "dw=="}}, api.namespace)
    api.client.patch(resource, "a", {"metadata": {"labels": {"still": "possible"}}}, api.namespace)


def test_namespaces_that_come_with_a_cluster_are_there(api):
    names = {item["metadata"]["name"] for item in api.client.list(NAMESPACES)["items"]}
    assert {"default", "kube-system", "kube-public", "kube-node-lease"} <= names


def test_a_method_that_a_resource_does_not_have_is_refused(api):
    answer = api.send("POST", CONFIG_MAPS, body=api.config_map("a"), namespace=None)
    assert answer.status == 405
    assert answer.json()["reason"] == "MethodNotAllowed"
