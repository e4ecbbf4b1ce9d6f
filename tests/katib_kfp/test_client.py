"""KatibClient over a control plane in this process: a function is tuned, and what it found has its types."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest_kfp import experiment
from katib_control.kube.errors import AlreadyExists, BadRequest, Invalid, NotFound
from katib_kfp import Categorical, Discrete, Double, Experiment, Int, KatibClient, local, maximize, minimize
from katib_kfp.client import ExperimentFailed


def train(lr: float, layers: int, batch: int, opt: str, epochs: int = 1) -> dict[str, float]:
    assert (type(lr), type(layers), type(batch), type(opt)) == (float, int, int, str)
    return {"loss": lr / layers, "epochs": epochs}


SPACE = {
    "lr": Double(min=0.001, max=1, log=True),
    "layers": Int(min=1, max=4),
    "batch": Discrete(choices=[16, 32]),
    "opt": Categorical(choices=["sgd", 'it\'s "adam" $HOME']),
}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[KatibClient]:
    with local.control_plane(tmp_path / "state") as client:
        yield client


def test_a_function_is_tuned(client: KatibClient, capsys: pytest.CaptureFixture[str]) -> None:
    made = Experiment.from_function(
        train, space=SPACE, objective=minimize("loss", also=["epochs"]), arguments={"epochs": 2},
        max_trial_count=5, algorithm="random", name="fn",
    )  # fmt: skip
    assert client.create(made) == "fn"
    client.wait("fn", timeout=60)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("5/5 trials done, best loss=")
    best, trials = client.best("fn"), client.trials("fn")
    assert best is not None
    assert [trial.state for trial in trials] == ["Succeeded"] * 5
    assert best.value == min(trial.value for trial in trials if trial.value is not None)
    assert best.value == pytest.approx(best.parameters["lr"] / best.parameters["layers"])
    assert best.metrics["epochs"] == 2
    for trial in trials:
        assert [type(value) for value in trial.parameters.values()] == [float, int, int, str]
    assert list(client.logs(best.name)) == [f"loss={best.value!r}", "epochs=2.0"]
    assert [item.metadata.name for item in client.list()] == ["fn"]
    assert client.delete("fn")
    assert not client.delete("never-was")


def test_a_failed_experiment_raises_with_the_reason(client: KatibClient) -> None:
    made = Experiment.from_command(
        ["python", "-c", "raise SystemExit(${trialParameters.layers})"],
        space={"layers": SPACE["layers"]}, objective=maximize("acc"), max_failed_trial_count=0, name="bad",
    )  # fmt: skip
    client.create(made)
    with pytest.raises(ExperimentFailed, match="Experiment default/bad failed") as caught:
        client.wait("bad", timeout=60, on_change=lambda _: None)
    assert caught.value.experiment.status.trials_failed >= 1
    assert client.best("bad") is None


def test_the_servers_errors_come_through(client: KatibClient) -> None:
    client.create(experiment(name="twice"))
    with pytest.raises(AlreadyExists):
        client.create(experiment(name="twice"))
    with pytest.raises(NotFound):
        client.get("never-was")
    with pytest.raises(Invalid) as caught:
        client.create(experiment(name="odd", algorithm="nonsense", max_failed_trial_count=9))
    assert "maxFailedTrialCount" in str(caught.value)
    assert "nonsense" in str(caught.value)
    with pytest.raises(BadRequest, match=r'unknown field "spec.maxTrials"'):
        client.create({"metadata": {"name": "typo"}, "spec": {**experiment().spec, "maxTrials": 3}})


def test_a_wait_that_is_too_short_says_so(client: KatibClient) -> None:
    slow = experiment(name="slow").to_yaml().replace("print('accuracy", "__import__('time').sleep(60); print('accuracy")
    client.create(slow)
    with pytest.raises(TimeoutError, match="slow did not finish in 1 s"):
        client.wait("slow", timeout=1, on_change=lambda _: None)


def test_connect_opens_and_closes_what_it_needs(tmp_path: Path) -> None:
    with KatibClient.connect(state=tmp_path / "state") as first:
        first.create(experiment(name="kept"))
        first.wait("kept", on_change=lambda _: None, timeout=60)
    with KatibClient.connect(state=tmp_path / "state") as second:
        assert len(second.trials("kept")) == 4
