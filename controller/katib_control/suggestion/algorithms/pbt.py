"""Population-based training (Jaderberg et al., 2017): trials go on from each other's checkpoints.

A population of members trains generation after generation. After each one the worst members copy the parameters *and*
the checkpoint of one of the best (exploit) and change the parameters a little (explore); all others go on from their
own checkpoint with their own parameters. So what is found is a schedule of parameters, and one trained model.

Whose checkpoint a trial begins with stands in its label ``parent``; the control plane hands it over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from katib_control.api import checkpoints
from katib_control.api.errors import FieldError
from katib_control.api.experiment import AlgorithmSpec, ExperimentSpec
from katib_control.api.settings import RANDOM_STATE, Setting, Settings
from katib_control.suggestion.algorithm import ONE_OBJECTIVE, Feature, Found, Request, Suggested
from katib_control.suggestion.schedules.population import Key, Population, Rules
from katib_control.suggestion.space import SearchSpace


class PopulationBased:
    """See the module."""

    settings: ClassVar[tuple[Setting, ...]] = (
        Setting(
            name="suggestion_trial_dir", type="text", required=True,
            help="where the training code keeps its checkpoint: a directory of the primary container, or a URI",
        ),
        Setting(
            name="n_population", type="int", low=5, required=True,
            help="how many members train side by side; each generation has as many trials",
        ),
        Setting(
            name="truncation_threshold", type="float", low=0, high=1, required=True,
            help="share of the members, the worst ones, that copy one of as many best ones (above 0.5: of all others)",
        ),
        Setting(
            name="resample_probability", type="float", low=0, high=1,
            help="chance of each copied parameter to be drawn anew; without it all are multiplied by 0.8 or 1.2",
        ),
        RANDOM_STATE,
    )  # fmt: skip
    supports: ClassVar[frozenset[Feature]] = ONE_OBJECTIVE | {"ownStart"}

    def check(self, space: SearchSpace, settings: Settings, spec: ExperimentSpec) -> Sequence[FieldError]:
        """Refuse a place that no checkpoint can be kept in, and more points to begin with than there are members."""
        errors = []
        rule = checkpoints.broken_rule(settings["suggestion_trial_dir"])
        if rule:
            given = (spec.algorithm or AlgorithmSpec()).algorithm_settings
            place = max(index for index, item in enumerate(given) if item.name == checkpoints.TRIAL_DIR)
            path = f"spec.algorithm.algorithmSettings[{place}].value"
            errors.append(FieldError(path, f"{checkpoints.TRIAL_DIR} {rule}", given[place].value))
        many, members = len(spec.initial_points), settings["n_population"]
        if many > members:
            told = f"algorithm pbt begins with n_population = {members} points: give no more, or raise n_population"
            errors.append(FieldError("spec.initialPoints", told, many))
        run = spec.trial_template.trial_spec if spec.trial_template else None
        if run and not rule and (why := checkpoints.no_way(spec, run)):
            errors.append(FieldError("spec.trialTemplate.trialSpec", f"algorithm pbt: {why}"))
        return errors

    def ask(self, request: Request) -> Found:
        """Hand out the trials that are certain by now; the others follow when running ones have ended."""
        population = _population(request)
        busy: set[Key] = set()
        for record in request.history().pending:
            key = population.key_of(record, busy)
            if key is not None:
                busy.add(key)
        points: list[Suggested] = []
        for key in population.ready:
            if len(points) == request.count:
                break
            if key not in busy:
                points.append(Suggested(population.point(key), population.labels(key)))
        return Found(points)


def _population(request: Request) -> Population:
    """Return the population, brought up to date with what has changed since the last request."""
    history = request.history()
    known: tuple[Population | None, int] = request.memo.get("population", (None, 0))
    population, cursor = known
    changes, now = history.changes(cursor)
    if population is None or not population.take(changes):
        population = Population(
            Rules(
                space=request.space,
                seed=request.seed,
                size=request.settings["n_population"],
                share=request.settings["truncation_threshold"],
                resample=request.settings["resample_probability"],
                initial=tuple(request.initial),
            )
        )
        changes, now = history.changes(0)
        population.take(changes)
    request.memo["population"] = (population, now)
    return population
