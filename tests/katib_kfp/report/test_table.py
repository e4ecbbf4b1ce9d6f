import csv
import io

import pytest

from builders import experiment, trial
from katib_kfp.report import trials_csv
from studies import growing

NAMES = ["name", "status", "lr", "layers", "optimizer", "batch", "accuracy", "loss", "start", "completion", "seconds"]


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_one_typed_row_per_trial() -> None:
    builder = experiment("x").double("lr", 0, 1).int("n", 1, 5).categorical("opt", "a,b").discrete("bs", 16, 32)
    owner = builder.objective("loss", additional=["acc"]).build()
    trials = [
        trial("x-2").of(owner).index(1).assign(lr="1e-05", n="3", opt="a,b", bs="32").failed().build(),
        trial("x-1").of(owner).index(0).assign(lr="2", n="3", opt='"', bs="16").succeeded(loss="0.10", acc=1).build(),
        trial("x-3").of(owner).index(2).assign(lr="0.5", n="1", opt="a,b", bs="16").pending().build(),
    ]
    assert trials_csv(owner, trials) == (
        "name,status,lr,n,opt,bs,loss,acc,start,completion,seconds\n"
        'x-1,Succeeded,2.0,3,"""",16,0.1,1.0,2026-01-31T12:00:00Z,2026-01-31T12:00:10Z,10.0\n'
        'x-2,Failed,1e-05,3,"a,b",32,,,2026-01-31T12:00:00Z,2026-01-31T12:00:10Z,10.0\n'
        'x-3,Pending,0.5,1,"a,b",16,,,,,\n'
    )


def test_trials_are_numbered_by_their_index_not_by_their_name() -> None:
    owner, trials = growing(12)
    assert [row[0] for row in rows(trials_csv(owner, trials[::-1]))[1:]] == [item.metadata.name for item in trials]


def test_an_experiment_without_trials_has_a_heading() -> None:
    owner, _ = growing(1)
    assert rows(trials_csv(owner, [])) == [NAMES]


@pytest.mark.parametrize(
    ("parameter", "metric", "headings"),
    [
        pytest.param("status", "loss", ["parameter.status", "loss"], id="a parameter that is called like a column"),
        pytest.param("loss", "loss", ["parameter.loss", "metric.loss"], id="a parameter that is called like a metric"),
        pytest.param("lr", "seconds", ["lr", "metric.seconds"], id="a metric that is called like a column"),
    ],
)
def test_every_heading_is_there_once(parameter: str, metric: str, headings: list[str]) -> None:
    owner = experiment("x").double(parameter, 0, 1).objective(metric).build()
    assert rows(trials_csv(owner, []))[0] == ["name", "status", *headings, "start", "completion", "seconds"]


def test_parameters_that_the_search_space_does_not_name_have_columns_too() -> None:
    owner = experiment("x").build()
    found = rows(trials_csv(owner, [trial().of(owner).assign(lr=0.1, architecture="[[1]]").succeeded(loss=1).build()]))
    assert found[0][2:5] == ["lr", "architecture", "loss"]
    assert found[1][2:5] == ["0.1", "[[1]]", "1.0"]


def test_every_float_reads_back_as_it_was() -> None:
    owner, trials = growing(50)
    found = [float(row[2]) for row in rows(trials_csv(owner, trials))[1:]]
    assert found == [float(item.spec.assignments["lr"]) for item in trials]
