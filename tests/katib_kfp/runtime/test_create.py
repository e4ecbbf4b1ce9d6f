"""Creating exactly once: what is done when the name is taken."""

from __future__ import annotations

from typing import Any

import pytest

from fake_api import FakeClient
from katib_control.api.experiment import Experiment
from katib_kfp.runtime import create, names
from katib_kfp.runtime.create import Wanted, create_or_adopt, decide, manifest
from katib_kfp.runtime.errors import NotAdoptable
from katib_kfp.runtime.names import Asker

BODY = {"metadata": {"name": "my_train", "labels": {"team": "a"}}, "spec": {"maxTrialCount": 3}}


def wanted(**changes: Any) -> Wanted:
    fields: dict[str, Any] = {"body": BODY, "namespace": "ns", "asker": Asker(run="r1", task="tune")}
    return Wanted(**(fields | changes))


def existing(body: dict[str, Any], state: str = "Running", **metadata: Any) -> Experiment:
    conditions = [{"type": state, "status": "True", "reason": "x", "message": "y"}]
    return Experiment.decode(body | {"metadata": body["metadata"] | metadata, "status": {"conditions": conditions}})


def test_the_manifest_is_named_labelled_and_annotated() -> None:
    found = manifest(wanted())
    metadata = found["metadata"]
    assert metadata["name"].startswith("my-train-")
    assert metadata["labels"]["team"] == "a"
    assert metadata["labels"][names.RUN_LABEL] == "r1"
    assert metadata["name"].endswith(metadata["labels"][names.IDENTITY_LABEL])
    assert metadata["annotations"][names.DIGEST_ANNOTATION] == names.spec_digest(BODY["spec"])
    assert manifest(wanted()) == found


def test_a_name_that_is_given_is_used_as_it_is() -> None:
    assert manifest(wanted(name="exact"))["metadata"]["name"] == "exact"


@pytest.mark.parametrize(
    ("state", "changes", "decision"),
    [
        pytest.param("Running", {}, "adopt", id="its own that runs is gone on with"),
        pytest.param("Succeeded", {}, "adopt", id="its own that has succeeded is used"),
        pytest.param("Failed", {}, "next", id="its own that has failed is followed by another"),
        pytest.param("Running", {"asker": Asker(run="r2")}, "adopt", id="the same spec under an exact name is shared"),
        pytest.param("Running", {"if_exists": "recreate"}, "adopt", id="recreate keeps what this very step has made"),
        pytest.param("Failed", {"if_exists": "recreate"}, "delete", id="recreate removes a failed one"),
        pytest.param(
            "Succeeded", {"if_exists": "recreate", "asker": Asker(run="r2")}, "delete",
            id="recreate removes another run's",
        ),
    ],
)  # fmt: skip
def test_what_to_do_about_one_that_is_there(state: str, changes: dict[str, Any], decision: str) -> None:
    asked = wanted(name="exact", **changes)
    assert decide(existing(manifest(wanted(name="exact")), state), manifest(asked), asked) == decision


def test_one_that_is_being_deleted_is_waited_for() -> None:
    old = existing(manifest(wanted()), deletionTimestamp="2026-01-01T00:00:00Z")
    assert decide(old, manifest(wanted()), wanted()) == "wait"


@pytest.mark.parametrize(
    ("old", "changes", "message"),
    [
        pytest.param(manifest(wanted(name="exact")), {"if_exists": "fail"}, "exists already", id="if_exists is fail"),
        pytest.param(
            manifest(wanted(name="exact", body={"spec": {"maxTrialCount": 4}})), {}, "has another spec",
            id="another spec is never passed off as this one",
        ),
        pytest.param({"metadata": {"name": "exact", "namespace": "ns"}}, {}, "somebody else", id="made by kubectl"),
        pytest.param(
            manifest(wanted(name="exact", asker=Asker(run="r0"))), {"asker": Asker(run="r1", explicit=True)},
            "belongs to run r0", id="the run was named and it is another",
        ),
    ],
)  # fmt: skip
def test_what_is_not_ours_is_refused(old: dict[str, Any], changes: dict[str, Any], message: str) -> None:
    asked = wanted(name="exact", **changes)
    with pytest.raises(NotAdoptable, match=message):
        decide(existing(old), manifest(asked), asked)


def test_a_second_attempt_finds_the_first() -> None:
    client = FakeClient()
    first = create_or_adopt(client, wanted())
    second = create_or_adopt(client, wanted())
    assert (first.adopted, second.adopted) == (False, True)
    assert first.name == second.name
    assert len(client.experiments) == 1


def test_after_a_failure_the_attempts_are_numbered_and_found_again() -> None:
    client = FakeClient()
    first = create_or_adopt(client, wanted())
    client.finish(first.name, "Failed")
    second = create_or_adopt(client, wanted())
    assert second.name == names.attempt_name(first.name, 1)
    assert create_or_adopt(client, wanted()).name == second.name


def test_recreate_deletes_waits_and_creates() -> None:
    client = FakeClient()
    create_or_adopt(client, wanted(name="exact"))
    made = create_or_adopt(client, wanted(name="exact", if_exists="recreate", asker=Asker(run="r2")))
    assert not made.adopted
    assert client.deleted == ["exact"]
    assert made.experiment.metadata.labels[names.RUN_LABEL] == "r2"


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(NotAdoptable, match="if_exists: must be one of adopt, recreate, fail"):
        create_or_adopt(FakeClient(), wanted(if_exists="maybe"))


def test_removing_what_is_not_there_is_no_error() -> None:
    assert create.remove(FakeClient(), "x", "ns") is False
