"""Prepare -> baseline -> tune -> retrain -> compare: a whole pipeline, run on this machine or compiled for a cluster.

python pipelines/train_then_tune.py                       # here; interrupted and started again, it goes on
python pipelines/train_then_tune.py --compile demo.yaml   # IR YAML for a KFP cluster
"""

import argparse
import warnings
from functools import partial
from pathlib import Path
from typing import NamedTuple

from kfp import compiler, dsl, local
from kfp.dsl import HTML, Dataset, Input, Markdown, Output

from katib_kfp import Categorical, Discrete, Double, Int, maximize, tune

IMAGE = "python:3.11"
component = partial(dsl.component, base_image=IMAGE, packages_to_install=["scikit-learn"], install_kfp_package=False)


@component
def prepare(train_set: Output[Dataset], test_set: Output[Dataset]):
    """Split the handwritten digits that scikit-learn ships: 60 % to train and tune on, 40 % to compare on."""
    import numpy
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.4, random_state=0, stratify=y)
    for data, inputs, labels in ((train_set, x_train, y_train), (test_set, x_test, y_test)):
        with open(data.path, "wb") as file:
            numpy.savez(file, x=inputs, y=labels)


@component
def train(train_set: Input[Dataset], lr: float, hidden: int, activation: str, batch_size: int) -> float:
    """One trial: the accuracy of a small neural network in cross-validation."""
    import warnings

    import numpy
    from sklearn.model_selection import cross_val_score
    from sklearn.neural_network import MLPClassifier

    warnings.simplefilter("ignore")  # 100 epochs are the budget, converged or not
    data = numpy.load(train_set.path)
    model = MLPClassifier(
        (hidden,), activation, learning_rate_init=lr, batch_size=batch_size, max_iter=100, random_state=0
    )
    return float(cross_val_score(model, data["x"], data["y"], cv=3).mean())


@component
def retrain(
    train_set: Input[Dataset], test_set: Input[Dataset], lr: float, hidden: int, activation: str, batch_size: int
) -> float:
    """Train on the whole training set; return the accuracy on data that tuning has never seen."""
    import warnings

    import numpy
    from sklearn.neural_network import MLPClassifier

    warnings.simplefilter("ignore")
    train, test = numpy.load(train_set.path), numpy.load(test_set.path)
    model = MLPClassifier(
        (hidden,), activation, learning_rate_init=lr, batch_size=batch_size, max_iter=100, random_state=0
    )
    return float(model.fit(train["x"], train["y"]).score(test["x"], test["y"]))


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def compare(baseline: float, tuned: float, best: str, summary: Output[Markdown]):
    """Write baseline against tuned."""
    with open(summary.path, "w") as file:
        file.write(f"| | accuracy |\n|---|---|\n| baseline | {baseline:.4f} |\n| tuned, {best} | {tuned:.4f} |\n")


DEFAULTS = {"lr": 0.001, "hidden": 100, "activation": "relu", "batch_size": 200}  # scikit-learn's own

tune_train = tune(
    train,
    space={
        "lr": Double(min=1e-4, max=0.1, log=True),
        "hidden": Int(min=16, max=256),
        "activation": Categorical(choices=["relu", "tanh", "logistic"]),
        "batch_size": Discrete(choices=[16, 32, 64, 128, 256]),
    },
    objective=maximize("accuracy"),
    max_trial_count=24,
    parallel_trial_count=4,
    algorithm_settings={"random_state": 1},
    env={"OMP_NUM_THREADS": 1},  # four trials at a time share the cores
)


class Outcome(NamedTuple):
    """What the pipeline gives."""

    baseline: float
    tuned: float
    best: str
    experiment: str
    report: HTML


@dsl.pipeline(name="train-then-tune")
def train_then_tune(max_trials: int = 24, run_id: str = "", state_dir: str = "", on_cancel: str = "delete") -> Outcome:
    """Tune between preparing the data and training for real."""
    data = prepare()
    sets = {"train_set": data.outputs["train_set"], "test_set": data.outputs["test_set"]}
    baseline = retrain(**sets, **DEFAULTS).set_display_name("baseline")
    best = tune_train(
        train_set=sets["train_set"], max_trial_count=max_trials, run_id=run_id, state_dir=state_dir, on_cancel=on_cancel
    )
    tuned = retrain(**sets, **{name: best.outputs[name] for name in DEFAULTS}).set_display_name("retrain")
    chosen = best.outputs["best_hyperparameters_json"]
    compare(baseline=baseline.output, tuned=tuned.output, best=chosen)
    return Outcome(baseline.output, tuned.output, chosen, best.outputs["experiment_name"], best.outputs["report"])


def main() -> None:
    """Run the pipeline here, or compile it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--max-trials", type=int, default=24, help="how many points to try")
    parser.add_argument("--state", default=".katib-kfp", help="where everything is kept (default: %(default)s)")
    parser.add_argument("--compile", metavar="FILE", help="write the IR YAML and do not run")
    asked = parser.parse_args()
    if asked.compile:
        compiler.Compiler().compile(train_then_tune, asked.compile)
        return print(f"wrote {asked.compile}: upload it to a KFP cluster")
    warnings.filterwarnings("ignore", category=UserWarning, module="kfp")
    local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(Path(asked.state) / "pipelines"))
    run = train_then_tune(max_trials=asked.max_trials, run_id="demo", state_dir=asked.state, on_cancel="keep")
    found = run.outputs
    print(f"\nbaseline accuracy {found['baseline']:.4f}\ntuned accuracy    {found['tuned']:.4f}  with {found['best']}")
    print(f"report            {found['report'].path}\n\nWhat to try next:")
    print(f"  katib-kfp show {found['experiment']} --state {asked.state}   # every trial")
    print("  python pipelines/train_then_tune.py --compile demo.yaml   # the same pipeline for a cluster")


if __name__ == "__main__":
    main()
