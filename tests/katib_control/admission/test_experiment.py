"""Admission: the defaulted object, or one answer that names every broken rule."""

from __future__ import annotations

import pytest

from builders import experiment
from katib_control.admission.experiment import ExperimentAdmission
from katib_control.api.errors import FieldError
from katib_control.api.validation.installed import ANYTHING, Installed
from katib_control.kube.errors import Invalid

TEMPLATE = """
apiVersion: batch/v1
kind: Job
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: training-container, image: none, command: ["echo", "loss=${trialParameters.lr}"]}]
"""


def admission(templates=None, refused=(), installed=ANYTHING):
    return ExperimentAdmission(
        lambda source: (templates or {}).get((source.config_map_name, source.template_path)),
        lambda _: refused,
        installed,
    )


def good():
    return experiment("x").double("lr", 0.1, 1).objective("loss", "minimize").command("echo", "${trialParameters.lr}")


def test_defaults_are_filled_in_and_unknown_fields_kept():
    new = good().to_dict()
    for field in ("parallelTrialCount", "resumePolicy"):
        new["spec"].pop(field, None)
    new["metadata"]["annotations"] = {"a": "b"}
    admitted = admission()(new)
    assert (admitted["spec"]["parallelTrialCount"], admitted["spec"]["resumePolicy"]) == (3, "Never")
    assert admitted["metadata"]["annotations"] == {"a": "b"}


def test_every_broken_rule_is_a_cause_of_one_invalid_answer():
    broken = good().max_trials(0).double("lr2", 2, 1).to_dict()
    with pytest.raises(Invalid) as caught:
        admission(refused=[FieldError("spec.algorithm.algorithmName", "no such algorithm", "rndm")])(broken)
    fields = {cause["field"] for cause in caught.value.status["details"]["causes"]}
    assert {"spec.maxTrialCount", "spec.algorithm.algorithmName"} <= fields
    assert any(field.startswith("spec.parameters[1].feasibleSpace") for field in fields)
    assert caught.value.message.startswith('Experiment.kubeflow.org "x" is invalid: [')


def test_a_cause_does_not_repeat_its_field_which_clients_print_before_it():
    with pytest.raises(Invalid) as caught:
        admission()(good().max_trials(0).to_dict())
    (cause,) = caught.value.status["details"]["causes"]
    assert cause["field"] == "spec.maxTrialCount"
    assert cause["field"] not in cause["message"]
    assert cause["message"].endswith("(got 0)")


def test_a_wrong_type_is_an_invalid_answer_too():
    body = good().to_dict()
    body["spec"]["parallelTrialCount"] = "many"
    with pytest.raises(Invalid, match=r"spec\.parallelTrialCount"):
        admission()(body)


def test_an_update_that_leaves_the_spec_alone_passes_whatever_the_rules_say_now():
    old = good().to_dict()
    new = {**old, "metadata": {**old["metadata"], "finalizers": []}}
    assert admission(refused=[FieldError("spec.algorithm", "gone")])(new, old) is new


def test_an_update_of_what_may_not_change_is_refused():
    old = admission()(good().to_dict())
    new = {**old, "spec": {**old["spec"], "objective": {**old["spec"]["objective"], "type": "maximize"}}}
    with pytest.raises(Invalid, match="spec"):
        admission()(new, old)


def test_a_template_in_a_config_map_is_read_and_checked():
    body = good().config_map("templates", "job.yaml").to_dict()
    admitted = admission({("templates", "job.yaml"): TEMPLATE})(body)
    assert "Complete" in admitted["spec"]["trialTemplate"]["successCondition"]
    with pytest.raises(Invalid, match="configMap"):
        admission()(body)


def test_what_is_not_installed_is_refused_by_name():
    body = good().collector("TensorFlowEvent", {"fileSystemPath": {"path": "/logs", "kind": "Directory"}})
    body = body.early_stopping("medianstop").to_dict()
    admission()(body)
    with pytest.raises(Invalid) as caught:
        admission(installed=Installed(collectors=("StdOut",), early_stopping=()))(body)
    fields = [cause["field"] for cause in caught.value.status["details"]["causes"]]
    assert fields == ["spec.earlyStopping.algorithmName", "spec.metricsCollectorSpec.collector.kind"]
