"""The components under kfp.local: as objects, from file, from URL, and with all that a pipeline does around them.

No postponed annotations here: kfp reads the signatures of the components below.
"""

import csv
import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from kfp import components as kfp_components
from kfp import dsl

from katib_kfp import components

pytestmark = [pytest.mark.xdist_group("kfp"), pytest.mark.slow]
ROOT = Path(components.__file__).parents[2]


@pytest.fixture
def served() -> Iterator[str]:
    """The repository's component files over HTTP."""
    handler = partial(Quiet, directory=str(ROOT / "components"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Say nothing."""


def from_object(name: str, url: str) -> Any:
    return getattr(components, name)


def from_file(name: str, url: str) -> Any:
    return kfp_components.load_component_from_file(str(ROOT / "components" / name / "component.yaml"))


def from_url(name: str, url: str) -> Any:
    return kfp_components.load_component_from_url(f"{url}/{name}/component.yaml")


@pytest.mark.parametrize("load", [from_object, from_file, from_url])
def test_every_component_runs(
    load: Callable[[str, str], Any], served: str, run_here: Path, spec: dict[str, Any]
) -> None:
    state = {"state_dir": str(run_here)}
    tuned = load("tune", served)(experiment_spec=spec, experiment_name="one", **state).outputs
    parameters = tuned["best_hyperparameters"]
    exact = json.loads(tuned["best_hyperparameters_json"])
    assert tuned["status"] == "Succeeded"
    assert tuned["best_objective_value"] == pytest.approx(exact["lr"] * exact["layers"])
    assert parameters == exact
    assert isinstance(exact["layers"], int)
    assert tuned["best_arguments"] == [f"--lr={exact['lr']!r}", f"--layers={exact['layers']}"]
    with open(tuned["trials"].path) as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    assert len({row["lr"] for row in rows}) == 4
    assert "<html" in Path(tuned["report"].path).read_text().lower()
    assert tuned["metrics"].metadata["trials_succeeded"] == 4
    assert tuned["metrics"].metadata["best_accuracy"] == tuned["best_objective_value"]

    made = load("create_experiment", served)(experiment_spec=spec, experiment_name="two", max_trial_count=2, **state)
    name = made.outputs["experiment_name"]
    waited = load("wait_for_experiment", served)(experiment_name=name, **state).outputs
    read = load("get_best_hyperparameters", served)(experiment_name=name, **state).outputs
    assert (name, waited["status"], waited["metrics"].metadata["trials"]) == ("two", "Succeeded", 2)
    assert {key: read[key] for key in read} == {key: waited[key] for key in read}
    assert load("delete_experiment", served)(experiment_name=name, **state).output == ["two"]
    assert load("delete_experiment", served)(experiment_name=name, **state).output == []


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def value_of(best: dict, arguments: list, status: str) -> str:
    return f"{status} {int(best['layers'])} {len(arguments)}"


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def say(text: str) -> str:
    return text


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def fail_once(marker: str) -> str:
    import os

    if not os.path.exists(marker):
        open(marker, "w").close()
        raise RuntimeError("the first attempt fails")
    return "done"


def test_conditions_and_loops_take_the_outputs(run_here: Path, spec: dict[str, Any]) -> None:
    @dsl.pipeline
    def judge(status: str) -> str:  # a named output in an If needs a pipeline around it; floats cannot be compared
        with dsl.If(status == "Succeeded"):
            yes = say(text="good")
        with dsl.Else():
            no = say(text="bad")
        return dsl.OneOf(yes.output, no.output)

    @dsl.pipeline
    def pipeline(spec: dict, state: str) -> str:
        with dsl.ParallelFor([2, 3], parallelism=1) as trials:
            tuned = components.tune(
                experiment_spec=spec, max_trial_count=trials, run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER, state_dir=state
            )
            value_of(
                best=tuned.outputs["best_hyperparameters"],
                arguments=tuned.outputs["best_arguments"],
                status=tuned.outputs["status"],
            )
        last = components.tune(experiment_spec=spec, max_trial_count=1, state_dir=state).after(tuned)
        return judge(status=last.outputs["status"]).output

    assert pipeline(spec=spec, state=str(run_here)).output == "good"
    assert len(experiments(run_here)) == 3, "each iteration has an Experiment of its own"


def test_a_retried_step_goes_on_with_its_own_experiment(run_here: Path, spec: dict[str, Any]) -> None:
    @dsl.component(base_image="python:3.11", install_kfp_package=False)
    def create_then_fail_once(spec: dict, state: str, marker: str) -> str:
        import os

        from katib_kfp import runtime

        made = runtime.create_experiment(runtime.Request(spec=spec), runtime.Where(state_dir=state))
        if not os.path.exists(marker):
            open(marker, "w").close()
            raise RuntimeError("evicted right after creating")
        return made.name

    @dsl.pipeline
    def pipeline(spec: dict, state: str, marker: str) -> str:
        made = create_then_fail_once(spec=spec, state=state, marker=marker)
        made.set_retry(2, backoff_duration="0s")
        return made.output

    name = pipeline(spec=spec, state=str(run_here), marker=str(run_here.parent / "marker")).output
    assert experiments(run_here) == [name]


def test_an_exit_handler_deletes_what_the_run_has_left_unfinished(run_here: Path, spec: dict[str, Any]) -> None:
    @dsl.component(base_image="python:3.11", install_kfp_package=False)
    def break_down(name: str) -> str:
        raise RuntimeError("the pipeline fails")

    @dsl.pipeline
    def pipeline(spec: dict, state: str):
        clean_up = components.delete_experiment(
            run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER, only_unfinished=True, state_dir=state
        )
        with dsl.ExitHandler(clean_up):
            made = components.create_experiment(
                experiment_spec=spec, run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER, state_dir=state
            )
            break_down(name=made.outputs["experiment_name"])

    sleeping = dict(spec)
    sleeping["$json"] = sleeping["$json"].replace("print('accuracy", "__import__('time').sleep(60); print('accuracy")
    with pytest.raises(RuntimeError):
        pipeline(spec=sleeping, state=str(run_here))
    assert experiments(run_here) == []


def test_a_failed_experiment_writes_its_outputs_and_then_fails_the_step(run_here: Path, capfd: Any) -> None:
    from conftest_kfp import experiment

    broken = experiment(name="broken", max_failed_trial_count=0)
    text = broken.to_yaml().replace("print('accuracy", "raise SystemExit('out of luck') or print('accuracy")
    spec = type(broken).from_spec(text).for_kfp()
    with pytest.raises(RuntimeError, match="FAILURE"):
        components.tune(experiment_spec=spec, state_dir=str(run_here))
    said = capfd.readouterr().out
    assert "Experiment default/broken-" in said
    assert "Traceback" not in said
    (folder,) = (run_here.parent / "out").glob("*/tune")
    values = json.loads((folder / "executor_output.json").read_text())["parameterValues"]
    assert (values["status"], values["best_trial_name"], values["best_objective_value"]) == ("Failed", "", 0.0)
    assert "Failed" in (folder / "trials").read_text()
    assert "out of luck" in (folder / "report").read_text()

    kept = components.tune(experiment_spec=spec, state_dir=str(run_here), on_failure="continue").outputs
    assert (kept["status"], kept["best_hyperparameters"]) == ("Failed", {})


TRAPS = 'python3 {{x}} $$HOME $(HOME) ${trialParameters.lr} "quoted" \\ ünï'


@pytest.mark.parametrize("encoded", [True, False], ids=["encoded", "as a plain dict"])
def test_a_spec_arrives_as_it_was_sent(encoded: bool, run_here: Path) -> None:
    from conftest_kfp import experiment
    from katib_kfp import Experiment, local

    traps = TRAPS + " {{$.x}}" if encoded else TRAPS  # which no plain value of kfp.local may hold
    made = experiment(env={"TRAPS": traps, "PADDING": "x" * 80_000}).to_dict()
    made["spec"]["trialTemplate"]["trialSpec"]["spec"]["parallelism"] = 1
    sent = Experiment.from_spec(made).for_kfp() if encoded else made
    components.create_experiment(experiment_spec=sent, experiment_name="sent", state_dir=str(run_here))
    with local.control_plane(run_here) as client:
        template = client.get("sent").to_dict()["spec"]["trialTemplate"]
    assert template["trialSpec"] == made["spec"]["trialTemplate"]["trialSpec"]
    assert type(template["trialSpec"]["spec"]["parallelism"]) is int


def test_the_old_launchers_inputs_are_taken_by_name(run_here: Path, spec: dict[str, Any]) -> None:
    body = json.loads(spec["$json"])

    @dsl.pipeline
    def pipeline(state: str, trials: int = 3, goal: float = 99.5) -> dsl.Metrics:
        old = {**body["spec"], "maxTrialCount": trials, "objective": {**body["spec"]["objective"], "goal": goal}}
        done = components.tune(
            experiment_name="old", experiment_namespace="anonymous", experiment_spec=old,
            experiment_timeout_minutes=5, delete_finished_experiment=True, state_dir=state,
        )  # fmt: skip
        return done.outputs["metrics"]

    assert pipeline(state=str(run_here)).output.metadata["trials_succeeded"] == 3
    assert experiments(run_here, "anonymous") == []


@pytest.mark.parametrize("name", [name for name in components.__all__ if name not in ("IMAGE", "build")])
def test_optional_inputs_have_sentinels_and_no_null(name: str) -> None:
    inputs = getattr(components, name).component_spec.inputs
    assert [key for key, item in inputs.items() if item.optional and item.default is None] == []


def experiments(state: Path, namespace: str = "default") -> list[str]:
    from katib_kfp import local

    with local.control_plane(state) as client:
        return [item.metadata.name for item in client.list(namespace=namespace)]
