"""Prepare -> baseline -> tune -> retrain -> compare: a whole pipeline, run on this machine or compiled for a cluster.

python pipelines/train_then_tune.py                       # here; interrupted and started again, it goes on
python pipelines/train_then_tune.py --compile demo.yaml   # IR YAML for a KFP cluster
"""

import argparse
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import NamedTuple

from kfp import compiler, dsl, local
from kfp.dsl import HTML, Dataset, Input, Markdown, Output

from katib_kfp import Categorical, Discrete, Double, Int, maximize, tune
from katib_kfp.local import readable_logs

component = partial(dsl.component, base_image="python:3.11", packages_to_install=["scikit-learn"])


@component
def prepare(data: Output[Dataset], test: Output[Dataset]):
    """Split the handwritten digits that scikit-learn ships: 60 % to train and tune on, 40 % to compare on."""
    import numpy
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.4, random_state=0, stratify=y)
    for part, inputs, labels in ((data, x_train, y_train), (test, x_test, y_test)):
        with open(part.path, "wb") as file:
            numpy.savez(file, x=inputs, y=labels)


@component
def train(data: Input[Dataset], lr: float, hidden: int, activation: str, batch_size: int) -> float:
    """One trial: the accuracy of a small neural network in cross-validation."""
    import numpy
    from sklearn.model_selection import cross_val_score
    from sklearn.neural_network import MLPClassifier

    rows = numpy.load(data.path)
    model = MLPClassifier((hidden,), activation, learning_rate_init=lr, batch_size=batch_size, random_state=0)
    return float(cross_val_score(model, rows["x"], rows["y"], cv=3).mean())


@component
def retrain(
    data: Input[Dataset], test: Input[Dataset], lr: float, hidden: int, activation: str, batch_size: int
) -> float:
    """Train on the whole training set; return the accuracy on data that tuning has never seen."""
    import numpy
    from sklearn.neural_network import MLPClassifier

    rows, unseen = numpy.load(data.path), numpy.load(test.path)
    model = MLPClassifier((hidden,), activation, learning_rate_init=lr, batch_size=batch_size, random_state=0)
    return float(model.fit(rows["x"], rows["y"]).score(unseen["x"], unseen["y"]))


@component
def compare(baseline: float, tuned: float, best: str, summary: Output[Markdown]):
    """Write baseline against tuned."""
    with open(summary.path, "w") as file:
        file.write(f"baseline accuracy {baseline:.4f}\ntuned accuracy    {tuned:.4f} with {best}\n")


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
    parallel_trial_count=4,
    algorithm_settings={"random_state": 1},
    env={"OMP_NUM_THREADS": 1},  # four trials at a time share the cores
)
Outcome = NamedTuple("Outcome", [("summary", Markdown), ("report", HTML), ("experiment", str)])  # noqa: UP014  short


@dsl.pipeline(name="train-then-tune")
def train_then_tune(max_trials: int = 24, run_id: str = "", state_dir: str = "", on_cancel: str = "delete") -> Outcome:
    """Tune between preparing the data and training for real."""
    sets = prepare().outputs
    where = {"run_id": run_id, "state_dir": state_dir, "on_cancel": on_cancel}
    baseline = retrain(**sets, **DEFAULTS)
    best = tune_train(data=sets["data"], max_trial_count=max_trials, **where).after(baseline)
    tuned = retrain(**sets, **{name: best.outputs[name] for name in DEFAULTS})
    told = compare(baseline=baseline.output, tuned=tuned.output, best=best.outputs["best_hyperparameters_json"])
    return Outcome(told.outputs["summary"], best.outputs["report"], best.outputs["experiment_name"])


def main() -> None:
    """Run the pipeline here, or compile it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--max-trials", type=int, default=24, dest="trials", help="how many points to try")
    parser.add_argument("--state", default=".katib-kfp", help="where all is kept (default: %(default)s)")
    parser.add_argument("--compile", metavar="FILE", help="write the IR YAML and do not run")
    asked = parser.parse_args()
    if asked.compile:
        return compiler.Compiler().compile(train_then_tune, asked.compile)
    local.init(local.SubprocessRunner(use_venv=False), pipeline_root=f"{asked.state}/pipelines")
    with readable_logs():  # the same run_id again: it goes on where it was
        found = train_then_tune(max_trials=asked.trials, state_dir=asked.state, run_id="demo", on_cancel="keep").outputs
    report = shutil.copy(found["report"].path, f"{asked.state}/report.html")
    print(f"\n{Path(found['summary'].path).read_text()}HTML report       {report}\n\nWhat to try next:")
    tool = "katib-kfp" if shutil.which("katib-kfp") else Path(sys.executable).with_name("katib-kfp")
    print(f"  {tool} show {found['experiment']} --state {asked.state}")
    print(f"  {tool} demo --compile demo.yaml    # what to upload to a KFP cluster")


if __name__ == "__main__":
    main()
