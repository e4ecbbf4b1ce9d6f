"""DELETE: preconditions, finalizers, grace, owners, collections, namespaces."""

from __future__ import annotations

import uuid

import pytest

from katib_control.kube.errors import Conflict, Forbidden, Invalid, NotFound
from katib_control.kube.resources import CONFIG_MAPS, NAMESPACES, PODS

FINALIZER = "tests.example.com/hold"


def create(api, name, *owners, **metadata):
    if owners:
        metadata["ownerReferences"] = [
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "name": owner["metadata"]["name"],
                "uid": owner["metadata"]["uid"],
                "blockOwnerDeletion": True,
            }
            for owner in owners
        ]
    return api.client.create(CONFIG_MAPS, api.config_map(name, **metadata), api.namespace)


def test_a_deletion_answers_with_what_is_gone(api):
    made = create(api, "a")
    answer = api.client.delete(CONFIG_MAPS, "a", api.namespace)
    assert (answer["kind"], answer["status"]) == ("Status", "Success")
    assert answer["details"] == {"name": "a", "kind": "configmaps", "uid": made["metadata"]["uid"]}
    with pytest.raises(NotFound):
        api.client.delete(CONFIG_MAPS, "a", api.namespace)


@pytest.mark.parametrize("field", ["uid", "resourceVersion"])
def test_a_precondition_that_does_not_hold_is_a_conflict(api, field):
    made = create(api, "a")
    wrong = {"uid": str(uuid.uuid4()), "resourceVersion": "1"}[field]
    answer = api.send("DELETE", CONFIG_MAPS, "a", {"preconditions": {field: wrong}})
    assert answer.status == 409
    assert "Precondition failed" in answer.json()["message"]
    right = api.send("DELETE", CONFIG_MAPS, "a", {"preconditions": {field: made["metadata"][field]}})
    assert right.status == 200


def test_a_uid_that_does_not_hold_raises_conflict(api):
    create(api, "a")
    with pytest.raises(Conflict):
        api.client.delete(CONFIG_MAPS, "a", api.namespace, uid=str(uuid.uuid4()))


def test_a_dry_run_deletes_nothing(api):
    create(api, "a")
    assert api.send("DELETE", CONFIG_MAPS, "a", query={"dryRun": "All"}).status == 200
    assert api.client.get(CONFIG_MAPS, "a", api.namespace)


def test_an_unknown_policy_is_invalid(api):
    create(api, "a")
    assert api.send("DELETE", CONFIG_MAPS, "a", query={"propagationPolicy": "Sideways"}).status == 422


def test_finalizers_hold_an_object_until_they_are_gone(api):
    create(api, "a", finalizers=[FINALIZER])
    marked = api.client.delete(CONFIG_MAPS, "a", api.namespace)
    assert marked["metadata"]["deletionTimestamp"]
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 0
    again = api.client.delete(CONFIG_MAPS, "a", api.namespace)
    assert again["metadata"]["deletionTimestamp"] == marked["metadata"]["deletionTimestamp"]

    body = {"metadata": {"finalizers": [FINALIZER, "tests.example.com/more"]}}
    with pytest.raises((Invalid, Forbidden), match="no new finalizers can be added if the object is being deleted"):
        api.client.patch(CONFIG_MAPS, "a", body, api.namespace)
    api.client.patch(CONFIG_MAPS, "a", {"metadata": {"finalizers": None}}, api.namespace)
    api.wait_gone(CONFIG_MAPS, "a")


def test_a_deletion_cannot_be_taken_back(api):
    create(api, "a", finalizers=[FINALIZER])
    api.client.delete(CONFIG_MAPS, "a", api.namespace)
    api.send(
        "PATCH",
        CONFIG_MAPS,
        "a",
        {"metadata": {"deletionTimestamp": None}},
        content_type="application/merge-patch+json",
    )
    assert api.client.get(CONFIG_MAPS, "a", api.namespace)["metadata"]["deletionTimestamp"]
    api.client.patch(CONFIG_MAPS, "a", {"metadata": {"finalizers": None}}, api.namespace)


def test_dependents_go_after_their_owner(api):
    owner = create(api, "owner")
    middle = create(api, "middle", owner)
    create(api, "last", middle)
    api.client.delete(CONFIG_MAPS, "owner", api.namespace, propagation="Background")
    for name in ("owner", "middle", "last"):
        api.wait_gone(CONFIG_MAPS, name)


def test_dependents_go_before_their_owner_in_the_foreground(api):
    owner = create(api, "owner")
    create(api, "held", owner, finalizers=[FINALIZER])
    marked = api.client.delete(CONFIG_MAPS, "owner", api.namespace, propagation="Foreground")
    assert marked["metadata"]["finalizers"] == ["foregroundDeletion"]
    watching = api.watching(CONFIG_MAPS, fields="metadata.name=held")
    while "deletionTimestamp" not in watching.next()[1]["metadata"]:
        pass
    assert api.client.get(CONFIG_MAPS, "owner", api.namespace)
    api.client.patch(CONFIG_MAPS, "held", {"metadata": {"finalizers": None}}, api.namespace)
    api.wait_gone(CONFIG_MAPS, "held")
    api.wait_gone(CONFIG_MAPS, "owner")


def test_orphans_stay_and_forget_their_owner(api):
    owner = create(api, "owner")
    create(api, "orphan", owner)
    api.client.delete(CONFIG_MAPS, "owner", api.namespace, propagation="Orphan")
    api.wait_gone(CONFIG_MAPS, "owner")
    assert "ownerReferences" not in api.client.get(CONFIG_MAPS, "orphan", api.namespace)["metadata"]


def test_an_object_with_two_owners_lives_as_long_as_one(api):
    first, second = create(api, "first"), create(api, "second")
    both = create(api, "both", first, second)
    watching = api.watching(
        CONFIG_MAPS, resource_version=both["metadata"]["resourceVersion"], fields="metadata.name=both"
    )
    api.client.delete(CONFIG_MAPS, "first", api.namespace)
    _, obj = watching.next()
    assert [owner["name"] for owner in obj["metadata"]["ownerReferences"]] == ["second"]
    api.client.delete(CONFIG_MAPS, "second", api.namespace)
    api.wait_gone(CONFIG_MAPS, "both")


def test_a_dependent_of_nobody_goes(api):
    ghost = {"metadata": {"name": "ghost", "uid": str(uuid.uuid4())}}
    create(api, "child", ghost)
    api.wait_gone(CONFIG_MAPS, "child")


def test_a_collection_is_deleted_by_selector(api):
    for index in range(4):
        create(api, f"c{index}", labels={"parity": "odd" if index % 2 else "even"})
    api.client.delete_collection(CONFIG_MAPS, api.namespace, labels="parity=odd")
    left = api.client.list(CONFIG_MAPS, api.namespace, labels="parity")["items"]
    assert [item["metadata"]["name"] for item in left] == ["c0", "c2"]


def test_a_pod_that_no_node_has_goes_at_once(api):
    spec = {"nodeSelector": {"no": "such-node"}, "containers": [{"name": "main", "image": "busybox"}]}
    api.client.create(PODS, {"metadata": {"name": "a"}, "spec": spec}, api.namespace)
    api.client.delete(PODS, "a", api.namespace)
    api.wait_gone(PODS, "a")


def test_a_namespace_takes_its_content_with_it(api):
    name = f"{api.namespace}-inner"
    api.client.create(NAMESPACES, {"metadata": {"name": name}})
    held = api.config_map("held", finalizers=[FINALIZER])
    api.client.create(CONFIG_MAPS, held, name)
    api.client.create(CONFIG_MAPS, api.config_map("free"), name)

    assert api.client.delete(NAMESPACES, name)["status"]["phase"] == "Terminating"
    with pytest.raises(Forbidden, match="because it is being terminated"):
        api.client.create(CONFIG_MAPS, api.config_map("late"), name)
    watch = api.client.watch(CONFIG_MAPS, name, fields="metadata.name=held", timeout_seconds=20)
    assert any("deletionTimestamp" in obj["metadata"] for _, obj in watch)
    watch.close()
    api.client.patch(CONFIG_MAPS, "held", {"metadata": {"finalizers": None}}, name)
    api.wait_gone(NAMESPACES, name)
    with pytest.raises(NotFound):
        api.client.get(CONFIG_MAPS, "free", name)


def test_the_default_namespace_stays(api):
    with pytest.raises(Forbidden, match="this namespace may not be deleted"):
        api.client.delete(NAMESPACES, "default")
