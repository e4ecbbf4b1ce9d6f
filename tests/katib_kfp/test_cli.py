"""The command line as a user types it: what is printed, what the exit code says, what an error looks like."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from katib_control.embedded import reading
from katib_control.kube.resources import CONFIG_MAPS

pytestmark = pytest.mark.xdist_group("cli")

QUADRATIC = {
    "apiVersion": "kubeflow.org/v1beta1", "kind": "Experiment", "metadata": {"name": "quadratic"},
    "spec": {
        "objective": {"type": "minimize", "objectiveMetricName": "loss"},
        "algorithm": {"algorithmName": "random", "algorithmSettings": [{"name": "random_state", "value": "7"}]},
        "maxTrialCount": 4, "parallelTrialCount": 2,
        "parameters": [
            {"name": "x", "parameterType": "double", "feasibleSpace": {"min": "-1", "max": "1"}},
            {"name": "n", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "9"}},
        ],
        "trialTemplate": {
            "retain": True, "primaryContainerName": "training",
            "trialParameters": [{"name": "x", "reference": "x"}, {"name": "n", "reference": "n"}],
            "trialSpec": {"apiVersion": "batch/v1", "kind": "Job", "spec": {"backoffLimit": 0, "template": {"spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "training", "image": "none", "command": ["sh", "-c"],
                                "args": ["echo loss=${trialParameters.x}; echo n is ${trialParameters.n}"]}],
            }}}},
        },
    },
}  # fmt: skip


def katib(*arguments: str, cwd: Path, timeout: float = 60, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if key not in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST")}
    command = [sys.executable, "-m", "katib_kfp.cli", *arguments]
    return subprocess.run(command, cwd=cwd, env=env | environment, capture_output=True, text=True, timeout=timeout)


def changed(path: str, value: object) -> dict:
    """The Experiment with one field set (``spec.algorithm.algorithmName``) or, with ..., removed."""
    body = json.loads(json.dumps(QUADRATIC))
    *parents, last = path.split(".")
    at = body
    for key in parents:
        at = at[int(key)] if key.isdigit() else at[key]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return body


@pytest.fixture
def write(tmp_path):
    def to_file(body: object, name: str = "experiment.yaml") -> str:
        (tmp_path / name).write_text(yaml.safe_dump(body), encoding="utf-8")
        return name

    return to_file


def test_run_prints_one_json_object_and_the_rest_goes_to_stderr(tmp_path, write):
    done = katib("run", write(QUADRATIC), "--state", "s", "-o", "json", "--report", "r.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["experiment"], found["namespace"], found["status"]) == ("quadratic", "default", "Succeeded")
    assert found["reason"] == "ExperimentMaxTrialsReached"
    assert found["trials"] == {"Succeeded": 4}
    assert isinstance(found["bestHyperparameters"]["x"], float)
    assert isinstance(found["bestHyperparameters"]["n"], int)
    assert found["bestValue"] == found["bestHyperparameters"]["x"]
    assert found["durationSeconds"] >= 0
    assert "4/4 trials done" in done.stderr
    assert "quadratic" in (tmp_path / "r.html").read_text(encoding="utf-8")

    again = katib("run", "experiment.yaml", "--state", "s", "-o", "json", cwd=tmp_path)
    assert json.loads(again.stdout)["bestTrial"] == found["bestTrial"], "a finished Experiment is not run again"

    shown = katib("show", "quadratic", "--state", "s", cwd=tmp_path).stdout
    assert shown.count("Succeeded") == 6
    assert "quadratic  Succeeded  4/4" in katib("list", "--state", "s", cwd=tmp_path).stdout
    log = katib("logs", found["bestTrial"], "--state", "s", cwd=tmp_path).stdout
    assert log.splitlines() == [f"loss={found['bestValue']!r}", f"n is {found['bestHyperparameters']['n']}"]
    assert katib("delete", "quadratic", "--state", "s", cwd=tmp_path).stdout == "experiment quadratic deleted\n"
    assert "no Experiments" in katib("list", "--state", "s", cwd=tmp_path).stdout


def test_without_a_usable_trial_the_exit_code_is_one_and_the_reason_is_shown(tmp_path, write):
    body = changed("spec.trialTemplate.trialSpec.spec.template.spec.containers.0.args", [
        "echo accuracy=1; echo out of ideas ${trialParameters.x} ${trialParameters.n}",
    ])  # fmt: skip
    done = katib("run", write(body), "--state", "s", cwd=tmp_path)
    assert done.returncode == 1
    assert "Failed" in done.stdout
    assert "MetricsUnavailable" in done.stdout
    shown = katib("show", "quadratic", "--state", "s", cwd=tmp_path).stdout
    assert "accuracy" in shown, "the metric that was found is named"
    assert "out of ideas" in shown, "the last log lines are quoted"


def test_a_timeout_keeps_what_is_there_and_the_next_run_goes_on(tmp_path, write):
    body = changed("spec.trialTemplate.trialSpec.spec.template.spec.containers.0.args", [
        "sleep 1.5; echo loss=${trialParameters.x} ${trialParameters.n}",
    ])  # fmt: skip
    body["spec"]["parallelTrialCount"] = 1
    first = katib("run", write(body), "--state", "s", "--timeout", "2.5", "-o", "json", cwd=tmp_path)
    assert first.returncode == 1
    assert json.loads(first.stdout)["status"] == "TimedOut"
    second = katib("run", "experiment.yaml", "--state", "s", "-o", "json", cwd=tmp_path)
    assert json.loads(second.stdout)["trials"] == {"Succeeded": 4}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(changed("spec.maxTrials", 3), 'unknown field "spec.maxTrials"', id="an unknown field"),
        pytest.param(changed("spec.maxTrialCount", "six"), "spec.maxTrialCount", id="a wrong type"),
        pytest.param(
            changed("spec.parameters.0.feasibleSpace.min", "3"), "feasibleSpace.min", id="an impossible search space"
        ),
        pytest.param(
            changed("spec.algorithm.algorithmName", "randm"), "did you mean random", id="an unknown algorithm"
        ),
        pytest.param(
            changed("spec.algorithm.algorithmSettings.0.name", "seed"), "random_state", id="an unknown setting"
        ),
        pytest.param(changed("spec.objective", ...), "spec.objective", id="no objective"),
        pytest.param(changed("metadata.name", "Under_score"), "Under_score", id="a name that Kubernetes refuses"),
        pytest.param(changed("spec.trialTemplate.primaryContainerName", "main"), "main", id="no such container"),
        pytest.param({"kind": "Experiment"}, "apiVersion is missing", id="no apiVersion"),
    ],
)  # fmt: skip
def test_bad_experiments_are_one_line_and_nothing_is_created(tmp_path, write, body, words):
    done = katib("run", write(body), "--state", "s", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("katib-kfp: error: ")
    assert done.stderr.count("\n") == 1
    assert words in done.stderr
    if (tmp_path / "s").exists():
        assert "no Experiments" in katib("list", "-A", "--state", "s", cwd=tmp_path).stdout


def test_a_config_map_beside_the_experiment_is_applied_first_and_taken_back_when_that_is_refused(tmp_path):
    source = {"configMapName": "t", "configMapNamespace": "default", "templatePath": "job"}
    body = changed("spec.trialTemplate.configMap", source)
    job = json.dumps(body["spec"]["trialTemplate"].pop("trialSpec"))
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "t"}, "data": {"job": job}}
    (tmp_path / "e.yaml").write_text(yaml.safe_dump_all([config_map, body]), encoding="utf-8")
    assert katib("run", "e.yaml", "--state", "s", cwd=tmp_path).returncode == 0

    body["spec"]["algorithm"]["algorithmName"] = "none"
    config_map["metadata"]["name"] = "other"
    body["metadata"]["name"] = "other"
    (tmp_path / "e.yaml").write_text(yaml.safe_dump_all([config_map, body]), encoding="utf-8")
    refused = katib("run", "e.yaml", "--state", "s", cwd=tmp_path)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    with reading(tmp_path / "s") as client:
        assert [item["metadata"]["name"] for item in client.list(CONFIG_MAPS, "default")["items"]] == ["t"]


KUBECONFIG = {
    "apiVersion": "v1", "kind": "Config", "current-context": "here",
    "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}],
    "users": [{"name": "u", "user": {"token": "t"}}],
    "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["run", "nowhere.yaml"], "nowhere.yaml: cannot be read", id="a missing file"),
        pytest.param(["run", "broken.yaml"], "broken.yaml:2:1: not YAML", id="malformed YAML"),
        pytest.param(["run", "e.yaml", "--kubeconfig", "none"], "kubeconfig none", id="a missing kubeconfig"),
        pytest.param(["run", "e.yaml", "--kubeconfig", "kc"], "127.0.0.1:9 cannot be reached", id="no cluster there"),
        pytest.param(["list", "--kubeconfig", "kc", "--context", "x"], "no context 'x'", id="an unknown context"),
        pytest.param(["list", "--kubeconfig", "kc", "--state", "s"], "give one of the two", id="here and there"),
        pytest.param(["list", "--state", "nothing"], "no state directory nothing", id="a state directory nobody made"),
        pytest.param(["run", "e.yaml", "--state", "e.yaml"], "e.yaml", id="a file for a state directory"),
    ],
)
def test_errors_are_one_line_without_a_traceback(tmp_path, write, arguments, words):
    write(QUADRATIC, "e.yaml")
    write(KUBECONFIG, "kc")
    (tmp_path / "broken.yaml").write_text("a: [1,\n", encoding="utf-8")
    done = katib(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("katib-kfp: error: ")
    assert done.stderr.count("\n") == 1
    assert words in done.stderr
    assert "Traceback" in katib("--debug", *arguments, cwd=tmp_path).stderr


def start_up(cwd: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start `katib-kfp up`; what it prints goes to the file `out`, complete once its last line is there."""
    command = [sys.executable, "-m", "katib_kfp.cli", "up", *arguments]
    with (cwd / "out").open("w") as out:
        process = subprocess.Popen(command, cwd=cwd, stdout=out, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 30
    while "Ctrl-C" not in (cwd / "out").read_text(encoding="utf-8"):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < until, "not up within 30 s"
        time.sleep(0.02)
    return process


def test_up_serves_until_sigterm_and_others_use_it_or_are_told(tmp_path, write):
    write(QUADRATIC)
    process = start_up(tmp_path, "--state", "s")
    try:
        kubeconfig = tmp_path / "s" / "kubeconfig"
        assert stat.S_IMODE(kubeconfig.stat().st_mode) == 0o600
        port = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]["server"].rpartition(":")[2]

        taken = katib("up", "--state", "other", "--port", port, cwd=tmp_path)
        assert (taken.returncode, "in use" in taken.stderr, taken.stderr.count("\n")) == (1, True, 1), taken.stderr
        second = katib("up", "--state", "s", cwd=tmp_path)
        assert (second.returncode, "in use" in second.stderr, second.stderr.count("\n")) == (1, True, 1), second.stderr

        config = yaml.safe_load(kubeconfig.read_text())
        config["users"][0]["user"]["token"] = "expired"
        denied = katib("list", "--kubeconfig", write(config, "old"), cwd=tmp_path)
        assert (denied.returncode, "kubeconfig old" in denied.stderr) == (1, True), denied.stderr

        through = katib("run", "experiment.yaml", "--state", "s", "-o", "json", cwd=tmp_path)
        assert json.loads(through.stdout)["status"] == "Succeeded", through.stderr
        assert "quadratic" in katib("list", cwd=tmp_path, KUBECONFIG=str(kubeconfig)).stdout
    finally:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    out = (tmp_path / "out").read_text(encoding="utf-8")
    assert out.startswith("katib-kfp is up at https://127.0.0.1:")
    assert f"export KUBECONFIG={kubeconfig}" in out


def test_ctrl_c_stops_the_trials_and_says_how_to_go_on(tmp_path, write):
    body = changed("spec.trialTemplate.trialSpec.spec.template.spec.containers.0.args", [
        ": ${trialParameters.x} ${trialParameters.n}; echo $$ >> pids; exec sleep 30",
    ])  # fmt: skip
    write(body)
    command = [sys.executable, "-m", "katib_kfp.cli", "run", "experiment.yaml", "--state", "s"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 20
    while len(_pids(tmp_path)) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "run the same command to go on" in err
    assert [pid for pid in _pids(tmp_path) if Path(f"/proc/{pid}").exists()] == []


def _pids(directory: Path) -> list[str]:
    path = directory / "pids"
    return path.read_text(encoding="utf-8").split() if path.exists() else []


def test_version_and_help():
    assert katib("--version", cwd=Path.cwd()).stdout.startswith("katib-kfp, version ")
    commands = katib("--help", cwd=Path.cwd()).stdout
    assert all(word in commands for word in ("run", "up", "list", "show", "logs", "delete", "demo"))
