"""Experiment: from what is seen to what is to be done."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import ExperimentBuilder, TrialBuilder, experiment, suggestion, trial
from katib_control.api.defaults import default
from katib_control.api.errors import FieldError
from katib_control.api.experiment import Experiment
from katib_control.api.names import EXPERIMENT_FINALIZER, INDEX_ANNOTATION, TRIAL_FINALIZER, trial_name
from katib_control.api.suggestion import Suggestion
from katib_control.api.trial import Trial
from katib_control.kube.resources import SUGGESTIONS, TRIALS
from katib_control.reconcile.experiment import plan
from katib_control.reconcile.experiment_stall import GIVE_UP
from katib_control.reconcile.reasons import SCALED_DOWN_ANNOTATION
from katib_control.reconcile.rollup import Rollup
from katib_control.reconcile.seen import ExperimentSeen
from katib_control.runtime.plan import Plan

NOW = datetime(2026, 1, 31, 12, 0, 5, tzinfo=timezone.utc)
X = experiment("x").parallel(2).max_trials(4).finalizers(EXPERIMENT_FINALIZER)
STARTED = X.status(startTime="2026-01-31T12:00:00Z").condition("Created", message="Experiment is created")
NAMES = [trial_name("x", X.build().metadata.uid, index) for index in range(6)]


def look(
    owner: ExperimentBuilder = STARTED,
    made: dict[int, TrialBuilder] | None = None,
    points: int | None = None,
    **more: Any,
) -> ExperimentSeen:
    built, rollup = default(owner.build()), Rollup()
    for index, item in (made or {}).items():
        of_it = item._with("metadata.name", NAMES[index]).of(built).index(index)
        rollup.apply(None, of_it.metadata(resourceVersion=str(index)).build())
    held = None
    if points is not None:
        entries = ({"lr": 0.01 * (index + 1)} for index in range(points))
        held = suggestion("x").of(built).requests(max(points, 2)).running().points(*entries).build()
    summary, missing = rollup.look(item.name for item in (held.status.suggestions if held else ()))
    unused = [item for item in held.status.suggestions if item.name in missing] if held else []
    return ExperimentSeen(experiment=built, suggestion=held, summary=summary, unused=unused, **more)


def state(done: Plan) -> tuple[str, str, str] | None:
    if done.status is None:
        return None
    last = done.status["conditions"][-1]
    return last["type"], last["status"], last["reason"]


def created(done: Plan, resource: Any) -> list[dict[str, Any]]:
    return [body for kind, body in done.create if kind == resource]


def after(seen: ExperimentSeen, done: Plan) -> ExperimentSeen:
    """What is seen when the plan has been carried out, and nothing else has happened."""
    body = seen.experiment.to_dict()
    body["status"] = done.status if done.status is not None else seen.experiment.status.to_dict()
    body["metadata"]["finalizers"] = list(done.finalizers or seen.experiment.metadata.finalizers)
    rollup = Rollup()
    for item in seen.summary.unfinished:
        rollup.apply(None, item)
    for made in created(done, TRIALS):
        rollup.apply(None, Trial.decode(made))
    held = seen.suggestion
    for made in created(done, SUGGESTIONS):
        held = Suggestion.decode(made)
    for patch in done.patch:
        if patch.resource == SUGGESTIONS and held:
            held = held.but(spec=held.spec.but(requests=patch.body["spec"]["requests"]))
    summary, missing = rollup.look(item.name for item in (held.status.suggestions if held else ()))
    unused = [item for item in held.status.suggestions if item.name in missing] if held else []
    return replace(seen, experiment=Experiment.decode(body), suggestion=held, summary=summary, unused=unused)


def test_at_first_it_says_created_and_asks_for_points_in_one_go() -> None:
    done = plan(look(X.labels({"team": "a"}).finalizers()), NOW)
    assert state(done) == ("Created", "True", "ExperimentCreated")
    assert done.finalizers == [EXPERIMENT_FINALIZER]
    assert done.counters == ["katib_experiment_created_total"]
    (child,) = created(done, SUGGESTIONS)
    assert child["metadata"]["name"] == "x"
    assert child["metadata"]["labels"] == {"team": "a"}
    assert child["spec"]["requests"] == 2


def test_annotations_of_kubectl_are_not_copied() -> None:
    """The last-applied configuration on every child: W-43."""
    owner = X.annotations({"kubectl.kubernetes.io/last-applied-configuration": "{}"})
    (child,) = created(plan(look(owner), NOW), SUGGESTIONS)
    assert "annotations" not in child["metadata"]


def test_a_trial_carries_its_index_its_labels_and_its_rendered_run() -> None:
    seen = look(STARTED.labels({"team": "a"}), points=1)
    labelled = [item.but(labels={"pbt/parent": "p"}) for item in seen.unused]
    (child,) = created(plan(replace(seen, unused=labelled), NOW), TRIALS)
    meta, spec = child["metadata"], child["spec"]
    assert meta["name"] == NAMES[0]
    assert meta["annotations"] == {INDEX_ANNOTATION: "0"}
    assert meta["labels"] == {"team": "a", "pbt/parent": "p", "katib.kubeflow.org/experiment": "x"}
    assert meta["finalizers"] == [TRIAL_FINALIZER]
    assert meta["ownerReferences"][0]["uid"] == X.build().metadata.uid
    assert spec["labels"] == {"pbt/parent": "p"}, "algorithms read them back (W-12)"
    assert spec["runSpec"]["metadata"] == {"name": NAMES[0], "namespace": "default"}
    assert spec["runSpec"]["spec"]["template"]["spec"]["containers"][0]["command"] == ["echo", "loss=0.01"]
    assert spec["successCondition"]
    assert spec["metricsCollector"]["collector"]["kind"] == "StdOut"


RUN, OK = trial().running(), trial().succeeded(loss=0.5)


def test_running_with_the_first_trial_and_counters_from_the_roll_up() -> None:
    done = plan(look(made={0: OK, 1: RUN}, points=2), NOW)
    assert done.status is not None
    assert state(done) == ("Running", "True", "ExperimentRunning")
    assert (done.status["trials"], done.status["trialsRunning"], done.status["trialsSucceeded"]) == (2, 1, 1)
    assert done.status["runningTrialList"] == [NAMES[1]]
    assert done.status["currentOptimalTrial"]["bestTrialName"] == NAMES[0]
    assert "trialsFailed" not in done.status
    assert [patch.body for patch in done.patch] == [{"spec": {"requests": 3}}]


def test_counters_go_back_to_nothing_when_all_trials_are_deleted() -> None:
    """An empty list leaves old counters: W-32."""
    before = STARTED.status(trials=2, trialsRunning=2, runningTrialList=["a", "b"], currentOptimalTrial={
        "bestTrialName": "a"}).condition("Running")  # fmt: skip
    done = plan(look(before, points=2), NOW)
    assert done.status is not None
    assert not {"trials", "trialsRunning", "runningTrialList", "currentOptimalTrial"} & done.status.keys()


def test_lowered_parallelism_marks_the_newest_unless_it_has_just_finished() -> None:
    """The mark is refused by the API server when the Trial has changed since: W-18."""
    done = plan(look(STARTED.parallel(1), {0: RUN, 1: RUN}, 2), NOW)
    (mark,) = done.patch
    assert (mark.resource, mark.name) == (TRIALS, NAMES[1])
    assert mark.body == {"metadata": {"resourceVersion": "1", "annotations": {SCALED_DOWN_ANNOTATION: "true"}}}
    assert list(done.delete) == []


def test_numbers_alone_wait_to_be_written_together() -> None:
    """The whole status written with every change of every trial: W-4."""
    started = STARTED.condition("Running", message="Experiment is running")
    seen = look(started, {0: RUN, 1: RUN}, 2, status_due=False)
    done = plan(seen, NOW)
    assert done.status is None
    assert done.requeue_after is not None
    assert plan(replace(seen, status_due=True), NOW).status is not None


def test_the_end_does_not_wait() -> None:
    made = dict.fromkeys(range(4), OK)
    done = plan(look(STARTED.condition("Running"), made, 4, status_due=False), NOW)
    assert done.status is not None
    assert state(done) == ("Succeeded", "True", "ExperimentMaxTrialsReached")
    assert done.status["conditions"][-2]["status"] == "False"
    assert done.status["completionTime"] == "2026-01-31T12:00:05Z"
    assert [item.reason for item in done.events] == ["ExperimentMaxTrialsReached"]
    assert done.counters == ["katib_experiment_succeeded_total"]


def test_failure_is_a_warning_and_counted() -> None:
    done = plan(look(errors=[FieldError("spec.a", "must not be")]), NOW)
    assert state(done) == ("Failed", "True", "ExperimentInvalid")
    assert [item.type for item in done.events] == ["Warning"]
    assert done.counters == ["katib_experiment_failed_total"]
    assert done.create == ()


RESTARTABLE = (
    STARTED.resume("LongRunning").max_trials(6).metadata(generation=2)
    .status(observedGeneration=1, completionTime="2026-01-31T12:00:04Z")
    .condition("Running", status="False").condition("Succeeded", "ExperimentMaxTrialsReached")
)  # fmt: skip


def test_a_restart_is_said_before_anything_is_started() -> None:
    seen = look(RESTARTABLE, dict.fromkeys(range(4), OK), 4)
    done = plan(seen, NOW)
    assert state(done) == ("Restarting", "True", "ExperimentRestarting")
    assert done.status is not None
    assert "completionTime" not in done.status
    assert "Succeeded" not in [item["type"] for item in done.status["conditions"]]
    assert (done.create, done.patch) == ((), ())

    body = {**seen.experiment.to_dict(), "status": done.status}
    again = plan(replace(seen, experiment=Experiment.decode(body)), NOW)
    assert state(again) == ("Running", "True", "ExperimentRunning")
    assert again.status is not None
    assert ("Restarting", "False") in [(item["type"], item["status"]) for item in again.status["conditions"]]
    assert [patch.body for patch in again.patch] == [{"spec": {"requests": 6}}]


def test_an_edit_that_restarts_nothing_is_noted_so_that_a_deleted_trial_does_not_restart_it() -> None:
    seen = look(RESTARTABLE.max_trials(4), dict.fromkeys(range(4), OK), 4)
    done = plan(seen, NOW)
    assert done.status is not None
    assert done.status["observedGeneration"] == 2


def test_the_best_trial_of_a_finished_experiment_stays_on_record() -> None:
    best = {"bestTrialName": "gone", "observation": {"metrics": [{"name": "loss", "min": "0.1"}]}}
    done = plan(look(RESTARTABLE.max_trials(4).status(currentOptimalTrial=best), {0: OK}, 4), NOW)
    assert done.status is not None
    assert done.status["currentOptimalTrial"]["bestTrialName"] == "gone"


@pytest.mark.parametrize(
    ("seen", "reason", "words"),
    [
        pytest.param(
            look(points=1, template_error="ConfigMap t does not exist: create it"), "TemplateError", "create it",
            id="a template that cannot be read",
        ),
        pytest.param(
            look(STARTED.trial_template(trialParameters=[{"name": "lr", "reference": "other"}]), points=1),
            "TemplateError", "other", id="a template that cannot be rendered",
        ),
        pytest.param(look(name_taken=True), "SuggestionNameTaken", "delete it", id="somebody else's Suggestion"),
        pytest.param(look(unchecked="no answer"), "AlgorithmError", "no answer", id="an algorithm without an answer"),
        pytest.param(
            look(points=0, errors=[FieldError("spec.a", "must not be")]), "ExperimentInvalid", "correct it",
            id="an edit that breaks rules",
        ),
        pytest.param(
            look(made={0: trial().pending().condition("Running", "PodDoesNotFit", "too big")}, points=1),
            "TrialsStalled", "too big", id="a trial that does not get on",
        ),
        pytest.param(
            look(STARTED.status(startTime="2026-01-31T11:59:00Z"), points=0), "WaitingForSuggestion", "random",
            id="no suggestion for a while",
        ),
    ],
)  # fmt: skip
def test_stalls_stand_in_the_running_condition(seen: ExperimentSeen, reason: str, words: str) -> None:
    done = plan(seen, NOW)
    assert state(done) == ("Running", "True", reason)
    assert done.status is not None
    assert words in done.status["conditions"][-1]["message"]
    assert [item.type for item in done.events] == ["Warning"]


def test_the_words_of_a_stall_are_kept_up_to_date() -> None:
    """A new message alone is dropped: W-30."""
    old = STARTED.condition("Running", "TrialsStalled", "1 of 1 unfinished trials are stalled; x: old words")
    done = plan(look(old, {0: trial().condition("Running", "PodDoesNotFit", "new words")}, 1), NOW)
    assert done.status is not None
    assert "new words" in done.status["conditions"][-1]["message"]


def test_what_is_plainly_wrong_ends_the_experiment_when_it_lasts() -> None:
    seen = look(name_taken=True)
    told = after(seen, plan(seen, NOW))
    assert plan(told, NOW + GIVE_UP).status is None
    assert state(plan(told, NOW + GIVE_UP + timedelta(seconds=1))) == ("Failed", "True", "ExperimentFailed")


def test_a_deleted_experiment_is_let_go() -> None:
    done = plan(look(X.metadata(deletionTimestamp="2026-01-31T12:00:00Z")), NOW)
    assert done.finalizers == []
    assert done.counters == ["katib_experiment_deleted_total"]


STATES = {
    "none": None, "pending": trial().pending(), "running": RUN, "good": OK, "failed": trial().failed(),
    "stalled": trial().condition("Running", "PodDoesNotFit", "too big"), "early": trial().early_stopped(),
}  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(STATES)), max_size=6),
    st.integers(0, 6),
    st.integers(1, 4),
    st.sampled_from([STARTED, X, STARTED.condition("Running"), STARTED.condition("Restarting")]),
)
def test_a_plan_applied_twice_changes_nothing(
    states: list[str], points: int, parallel: int, owner: ExperimentBuilder
) -> None:
    made = {index: found for index, name in enumerate(states) if (found := STATES[name])}
    seen = look(owner.parallel(parallel).max_trials(9), made, max(points, len(states)))
    first = plan(seen, NOW)
    second_seen = _with_all(after(seen, first), seen)
    second = plan(second_seen, NOW)
    third = plan(_with_all(after(second_seen, second), second_seen), NOW)
    # The second still counts the Trials that the first has made; then there is nothing left to do.
    assert (created(second, SUGGESTIONS), created(second, TRIALS)) == ([], [])
    assert third.status is None
    assert list(third.events) == []
    assert [patch for patch in third.patch if patch.resource == SUGGESTIONS] == []


def _with_all(later: ExperimentSeen, before: ExperimentSeen) -> ExperimentSeen:
    """``after`` knows unfinished Trials only: add the finished ones of before."""
    counts = {**before.summary.counts}
    for state in ("Pending", "Running"):
        counts[state] = later.summary.counts.get(state, 0)
    names = {**before.summary.names, **later.summary.names}
    summary = replace(
        before.summary,
        counts={key: value for key, value in counts.items() if value},
        names={key: value for key, value in names.items() if counts.get(key)},
        unfinished=later.summary.unfinished,
        stalls=later.summary.stalls,
        next_index=max(before.summary.next_index, later.summary.next_index),
    )
    known = {item.metadata.name for item in later.summary.unfinished}
    unused = [item for item in before.unused if item.name not in known]
    return replace(later, summary=summary, unused=unused)
