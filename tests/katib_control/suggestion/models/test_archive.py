"""The archive is a function of the history, however it came to be; what it shows is spread as it says."""

from __future__ import annotations

import random
from collections.abc import Mapping

from builders import experiment, trial
from katib_control.api.experiment import Experiment
from katib_control.api.trial import Trial
from katib_control.suggestion.history import History
from katib_control.suggestion.models.archive import Archive, Generations, Losses
from katib_control.suggestion.space import search_space


def owner(*further: str) -> Experiment:
    several = [{"objectiveMetricName": name, "type": "minimize"} for name in further]
    built = experiment().int("x", 0, 10_000)
    return built.spec(objective={
        "type": "minimize", "objectiveMetricName": "loss", "additionalObjectives": several,
    }).build()  # fmt: skip


def history(of: Experiment) -> History:
    assert of.spec.objective
    return History(search_space(of.spec.parameters), of.spec.objective)


def ended(place: int, **metrics: float) -> Trial:
    return trial(f"t-{place}").assign(x=place).succeeded(**metrics).build()


def begun(place: int) -> Trial:
    return trial(f"t-{place}").assign(x=place).running().build()


def smallest(losses: Mapping[int, Losses], count: int) -> list[int]:
    return sorted(sorted(losses, key=lambda place: losses[place])[:count])


def seen(archive: Archive) -> object:
    places = archive.best(3), archive.latest(3), archive.sample(5), archive.order, sorted(archive.running)
    return *places, archive.level


def test_an_archive_kept_up_to_date_is_that_of_the_whole_history() -> None:
    rng, records, kept, elites = random.Random(1), history(owner()), Archive(), Generations(4, smallest)
    trials: list[Trial] = []
    for _ in range(60):
        trials += [begun(len(trials) + offset) for offset in range(rng.randrange(4))]
        for place, item in enumerate(trials):
            if "Running" in str(item.status.conditions[-1].type) and rng.random() < 0.4:
                trials[place] = ended(place, loss=rng.random())
        if len(trials) > 20 and rng.random() < 0.1:
            del trials[rng.randrange(len(trials)) :]
        records.update(list(trials), ())
        kept.update(records)
        fresh = Archive()
        fresh.update(records)
        assert seen(kept) == seen(fresh)
        # Not asked every time: what changed in between must not be forgotten.
        if rng.random() < 0.7:
            assert elites.update(kept) == Generations(4, smallest).update(fresh)


def test_the_best_of_all_generations_are_the_best_of_all() -> None:
    rng, records, archive = random.Random(2), history(owner()), Archive()
    records.update([ended(place, loss=rng.random()) for place in range(103)], ())
    archive.update(records)
    assert Generations(10, smallest).update(archive) == sorted(archive.best(10))


def test_a_new_trial_costs_one_choice_and_a_late_one_repeats_only_those_since() -> None:
    calls: list[int] = []

    def counted(losses: Mapping[int, Losses], count: int) -> list[int]:
        calls.append(len(losses))
        return smallest(losses, count)

    records, archive, elites = history(owner()), Archive(), Generations(10, counted)
    trials = [ended(place, loss=place) for place in range(95)]
    trials[72] = begun(72)
    for late, expected in ((None, 10), (None, 1), (72, 3)):
        if late is None:
            trials.append(ended(len(trials), loss=0.0))
        else:
            trials[late] = ended(late, loss=0.0)
        records.update(list(trials), ())
        archive.update(records)
        calls.clear()
        elites.update(archive)
        assert len(calls) == expected


def test_a_trial_without_one_of_several_objectives_counts_as_failed() -> None:
    records, archive = history(owner("size")), Archive(2)
    records.update([ended(0, loss=1.0, size=2.0), ended(1, loss=0.5)], ())
    archive.update(records)
    assert archive.order == [0]
    assert archive.losses(0) == (1.0, 2.0)


def test_the_sample_is_spread_evenly_and_changes_little() -> None:
    records, archive = history(owner()), Archive()
    trials = [ended(place, loss=place % 7) for place in range(2000)]
    records.update(trials, ())
    archive.update(records)
    before = archive.sample(100)
    tenths = [sum(place * 10 // 2000 == tenth for place in before) for tenth in range(10)]
    assert min(tenths) >= 8
    records.update([*trials, ended(2000, loss=0.0)], ())
    archive.update(records)
    assert len({*before} & {*archive.sample(100)}) >= 99


def test_trials_that_are_all_alike_are_level() -> None:
    records, archive = history(owner("size")), Archive(2)
    trials = [ended(place, loss=1.0, size=3.0) for place in range(3)]
    records.update(trials, ())
    archive.update(records)
    assert archive.level
    records.update([*trials, ended(3, loss=1.0, size=2.0)], ())
    archive.update(records)
    assert not archive.level
