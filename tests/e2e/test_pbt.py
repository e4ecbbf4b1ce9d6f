"""Population-based training from end to end: a child starts from its parent's checkpoint, wherever that is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from builders import ExperimentBuilder, experiment
from katib_control.api.names import GENERATION_LABEL, MEMBER_LABEL, PARENT_LABEL
from katib_control.embedded import ControlPlane
from katib_control.kube.resources import EXPERIMENTS, PERSISTENT_VOLUME_CLAIMS, TRIALS

pytestmark = pytest.mark.xdist_group("embedded")

MEMBERS, TRIALS_WANTED = 5, 22

# What training is: begin with what is there, make some progress, keep it.
TRAIN = """
first=$(cat "$FROM/model" 2>/dev/null || echo 0)
last=$((first + $1))
mkdir -p "$OWN" && echo "$last" > "$OWN/model"
echo "first=$first"; echo "score=$last"
"""
FROM_DIRECTORY = 'OWN="$KATIB_CHECKPOINT_DIR"; FROM="$OWN"' + TRAIN
FROM_URI = 'OWN="${KATIB_CHECKPOINT_URI#file://}"; FROM="${KATIB_PARENT_CHECKPOINT_URI#file://}"' + TRAIN


def population(name: str, script: str, place: str, parallel: int) -> ExperimentBuilder:
    settings = {"n_population": MEMBERS, "truncation_threshold": 0.4, "suggestion_trial_dir": place, "random_state": 1}
    built = experiment(name).objective("score", "maximize", additional=["first"]).int("gain", 1, 50)
    built = built.algorithm("pbt", **settings).parallel(parallel).max_trials(TRIALS_WANTED)
    return built.command("sh", "-c", script, "train", "${trialParameters.gain}")


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with ControlPlane() as started:
        yield started


def run(plane: ControlPlane, built: ExperimentBuilder) -> list[dict[str, Any]]:
    """Run it to its end and return its Trials."""
    body = built.to_dict()
    name = body["metadata"]["name"]
    plane.client.create(EXPERIMENTS, body)
    for _, seen in plane.client.watch(EXPERIMENTS, "default", fields=f"metadata.name={name}", timeout_seconds=60):
        if seen.get("status", {}).get("completionTime"):
            break
    assert seen["status"].get("trialsSucceeded") == TRIALS_WANTED, seen["status"]
    found: list[dict[str, Any]] = plane.client.list(TRIALS, "default", labels=f"katib.kubeflow.org/experiment={name}")[
        "items"
    ]
    return found


def observed(trial: dict[str, Any], metric: str) -> int:
    values = {item["name"]: item["latest"] for item in trial["status"]["observation"]["metrics"]}
    return int(values[metric])


def assert_handed_over(trials: list[dict[str, Any]]) -> None:
    """Every trial begins with the number that its parent has ended with, over several generations."""
    by_name = {item["metadata"]["name"]: item for item in trials}
    generations = set()
    for item in trials:
        labels = item["metadata"]["labels"]
        generations.add(int(labels[GENERATION_LABEL]))
        parent = by_name.get(labels.get(PARENT_LABEL, ""))
        assert (parent is None) == (labels[GENERATION_LABEL] == "0")
        assert observed(item, "first") == (observed(parent, "score") if parent else 0)
    assert len(generations) >= 4
    copied = [
        item for item in trials if (parent := by_name.get(item["metadata"]["labels"].get(PARENT_LABEL, "")))
        and item["metadata"]["labels"][MEMBER_LABEL] != parent["metadata"]["labels"][MEMBER_LABEL]
    ]  # fmt: skip
    assert copied, "somebody has copied another's checkpoint"


@pytest.mark.timeout(120)
def test_a_child_starts_from_its_parents_directory_and_all_goes_with_the_experiment(plane: ControlPlane) -> None:
    assert_handed_over(run(plane, population("pop", FROM_DIRECTORY, "/opt/checkpoints", parallel=3)))
    claim = plane.client.get(PERSISTENT_VOLUME_CLAIMS, "pop-pbt", "default")
    assert claim["metadata"]["ownerReferences"][0]["kind"] == "Experiment"
    kept = plane.state / "node" / "claims" / "default" / "pop-pbt"
    assert len(list((kept / "pop").iterdir())) == TRIALS_WANTED, "one directory for each trial, nothing else"
    mine = {"metadata": {"name": "mine", "namespace": "default"}, "spec": claim["spec"]}
    plane.client.create(PERSISTENT_VOLUME_CLAIMS, mine)
    own = kept.with_name("mine")
    own.mkdir()
    plane.client.delete(PERSISTENT_VOLUME_CLAIMS, "mine", "default")
    plane.client.delete(EXPERIMENTS, "pop", "default")
    until = time.monotonic() + 20
    while kept.exists():
        assert time.monotonic() < until, "the claim's directory is still there"
        time.sleep(0.02)
    assert own.exists(), "what a user has made is the user's to remove"


@pytest.mark.timeout(120)
def test_a_child_starts_from_its_parents_uri(plane: ControlPlane, tmp_path: Path) -> None:
    built = population("by-uri", FROM_URI, f"file://{tmp_path}", parallel=8)
    assert_handed_over(run(plane, built))
    assert len(list((tmp_path / "by-uri").iterdir())) == TRIALS_WANTED
    assert plane.client.list(PERSISTENT_VOLUME_CLAIMS, "default")["items"] == []
