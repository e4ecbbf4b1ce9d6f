"""Experiments, questions and answers on the wire of Katib's gRPC API (``pb``), and back. Trials: ``trial_wire``.

Where the wire cannot say what the API can, the API's word for "nothing was said" is taken: an enumeration's 0, a goal
and counts of 0, empty text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from katib_control.api.experiment import (
    AdditionalObjective,
    AlgorithmSpec,
    Experiment,
    ExperimentSpec,
    FeasibleSpace,
    GraphConfig,
    InitialPoint,
    NasConfig,
    ObjectiveSpec,
    Operation,
    ParameterSpec,
)
from katib_control.api.model import NameValue, ObjectMeta
from katib_control.api.suggestion import Answer, TrialAssignment
from katib_control.pb import api_pb2 as pb

PARAMETER_TYPES = {0: "unknown", 1: "double", 2: "int", 3: "discrete", 4: "categorical"}
DISTRIBUTIONS = {0: "", 1: "uniform", 2: "logUniform", 3: "normal", 4: "logNormal"}
OBJECTIVE_TYPES = {0: "", 1: "minimize", 2: "maximize"}

# Any: the stubs want their own kind of int.
_NUMBERS_OF_TYPES: dict[str, Any] = {word: number for number, word in PARAMETER_TYPES.items()}
_NUMBERS_OF_DISTRIBUTIONS: dict[str, Any] = {word: number for number, word in DISTRIBUTIONS.items()}
_NUMBERS_OF_OBJECTIVES: dict[str, Any] = {word: number for number, word in OBJECTIVE_TYPES.items()}


def read_experiment(message: pb.Experiment, namespace: str = "", uid: str = "") -> Experiment:
    """Return the Experiment; ``namespace`` and ``uid`` are used where the message does not say them itself."""
    spec = message.spec
    meta = ObjectMeta(name=message.name, namespace=message.namespace or namespace, uid=message.uid or uid)
    return Experiment(
        metadata=meta,
        spec=ExperimentSpec(
            parameters=_read_parameters(spec.parameter_specs.parameters),
            objective=_read_objective(spec.objective) if spec.HasField("objective") else None,
            algorithm=_read_algorithm(spec.algorithm) if spec.HasField("algorithm") else None,
            early_stopping=_read_algorithm(spec.early_stopping) if spec.HasField("early_stopping") else None,
            parallel_trial_count=spec.parallel_trial_count or None,
            max_trial_count=spec.max_trial_count or None,
            nas_config=_read_nas(spec.nas_config) if spec.HasField("nas_config") else None,
            constraints=list(spec.constraints),
            initial_points=[
                InitialPoint(parameter_assignments=_read_pairs(point.assignments)) for point in spec.initial_points
            ],
        ),
    )


def _read_parameters(parameters: Iterable[pb.ParameterSpec]) -> list[ParameterSpec]:
    return [
        ParameterSpec(
            name=item.name,
            parameter_type=PARAMETER_TYPES.get(item.parameter_type, str(item.parameter_type)),
            feasible_space=FeasibleSpace(
                max=item.feasible_space.max or None,
                min=item.feasible_space.min or None,
                choices=list(item.feasible_space.list),
                step=item.feasible_space.step or None,
                distribution=DISTRIBUTIONS.get(
                    item.feasible_space.distribution, str(item.feasible_space.distribution)
                ),
            ),
        )
        for item in parameters
    ]  # fmt: skip


def _read_objective(message: pb.ObjectiveSpec) -> ObjectiveSpec:
    return ObjectiveSpec(
        type=OBJECTIVE_TYPES.get(message.type, str(message.type)),
        goal=message.goal or None,
        objective_metric_name=message.objective_metric_name,
        additional_metric_names=list(message.additional_metric_names),
        additional_objectives=[
            AdditionalObjective(
                type=OBJECTIVE_TYPES.get(item.type, str(item.type)), objective_metric_name=item.objective_metric_name
            )
            for item in message.additional_objectives
        ],
    )


def _read_algorithm(message: pb.AlgorithmSpec | pb.EarlyStoppingSpec) -> AlgorithmSpec:
    return AlgorithmSpec(
        algorithm_name=message.algorithm_name, algorithm_settings=_read_pairs(message.algorithm_settings)
    )


def _read_nas(message: pb.NasConfig) -> NasConfig:
    graph = message.graph_config
    return NasConfig(
        graph_config=GraphConfig(
            num_layers=graph.num_layers or None,
            input_sizes=list(graph.input_sizes),
            output_sizes=list(graph.output_sizes),
        ),
        operations=[
            Operation(operation_type=item.operation_type, parameters=_read_parameters(item.parameter_specs.parameters))
            for item in message.operations.operation
        ],
    )


def _read_pairs(messages: Iterable[Any]) -> list[NameValue]:
    return [NameValue(name=item.name, value=item.value) for item in messages]


def read_assignment(message: pb.GetSuggestionsReply.ParameterAssignments) -> TrialAssignment:
    """Return one suggested point."""
    return TrialAssignment(
        name=message.trial_name,
        parameter_assignments=_read_pairs(message.assignments),
        labels=dict(message.labels),
    )


def read_answer(message: pb.GetSuggestionsReply) -> Answer:
    """Return the answer that a service has given."""
    return Answer(
        assignments=[read_assignment(item) for item in message.parameter_assignments],
        exhausted=message.exhausted,
        settings={item.name: item.value for item in message.algorithm.algorithm_settings},
    )


def write_experiment(experiment: Experiment) -> pb.Experiment:
    """Return the message, with namespace and uid in fields that Katib's services pass over."""
    spec, meta = experiment.spec, experiment.metadata
    message = pb.ExperimentSpec(
        parameter_specs=pb.ExperimentSpec.ParameterSpecs(parameters=_write_parameters(spec.parameters)),
        parallel_trial_count=spec.parallel_trial_count or 0,
        max_trial_count=spec.max_trial_count or 0,
        constraints=spec.constraints,
        initial_points=[
            pb.InitialPoint(assignments=_write_pairs(point.parameter_assignments)) for point in spec.initial_points
        ],
    )
    if spec.objective:
        message.objective.CopyFrom(write_objective(spec.objective))
    if spec.algorithm:
        message.algorithm.CopyFrom(_write_algorithm(spec.algorithm.algorithm_name, spec.algorithm.algorithm_settings))
    if spec.early_stopping:
        stopping = spec.early_stopping
        message.early_stopping.algorithm_name = stopping.algorithm_name
        message.early_stopping.algorithm_settings.extend(
            pb.EarlyStoppingSetting(name=item.name, value=item.value) for item in stopping.algorithm_settings
        )
    if spec.nas_config:
        message.nas_config.CopyFrom(_write_nas(spec.nas_config))
    return pb.Experiment(name=meta.name, spec=message, namespace=meta.namespace, uid=meta.uid)


def _write_parameters(parameters: Sequence[ParameterSpec]) -> list[pb.ParameterSpec]:
    return [
        pb.ParameterSpec(
            name=item.name,
            parameter_type=_NUMBERS_OF_TYPES.get(item.parameter_type, 0),
            feasible_space=pb.FeasibleSpace(
                max=item.feasible_space.max,
                min=item.feasible_space.min,
                list=item.feasible_space.choices,
                step=item.feasible_space.step,
                distribution=_NUMBERS_OF_DISTRIBUTIONS.get(item.feasible_space.distribution, 0),
            ),
        )
        for item in parameters
    ]


def write_objective(objective: ObjectiveSpec) -> pb.ObjectiveSpec:
    """Return the message; strategies have no place in it, since a service gets one value for each metric."""
    return pb.ObjectiveSpec(
        type=_NUMBERS_OF_OBJECTIVES.get(objective.type, 0),
        goal=objective.goal or 0.0,
        objective_metric_name=objective.objective_metric_name,
        additional_metric_names=objective.additional_metric_names,
        additional_objectives=[
            pb.AdditionalObjective(
                type=_NUMBERS_OF_OBJECTIVES.get(item.type, 0), objective_metric_name=item.objective_metric_name
            )
            for item in objective.additional_objectives
        ],
    )


def _write_nas(config: NasConfig) -> pb.NasConfig:
    graph = config.graph_config
    operations = [
        pb.Operation(
            operation_type=item.operation_type,
            parameter_specs=pb.Operation.ParameterSpecs(parameters=_write_parameters(item.parameters)),
        )
        for item in config.operations
    ]
    return pb.NasConfig(
        graph_config=pb.GraphConfig(
            num_layers=graph.num_layers or 0, input_sizes=graph.input_sizes, output_sizes=graph.output_sizes
        ),
        operations=pb.NasConfig.Operations(operation=operations),
    )


def _write_algorithm(name: str, settings: Iterable[NameValue]) -> pb.AlgorithmSpec:
    return pb.AlgorithmSpec(
        algorithm_name=name,
        algorithm_settings=[pb.AlgorithmSetting(name=item.name, value=item.value) for item in settings],
    )


def _write_pairs(pairs: Iterable[NameValue]) -> list[pb.ParameterAssignment]:
    return [pb.ParameterAssignment(name=item.name, value=item.value) for item in pairs]


def write_assignment(assignment: TrialAssignment) -> pb.GetSuggestionsReply.ParameterAssignments:
    """Return the message; where the name is empty the asking side names the Trial."""
    return pb.GetSuggestionsReply.ParameterAssignments(
        assignments=_write_pairs(assignment.parameter_assignments), trial_name=assignment.name, labels=assignment.labels
    )


def write_answer(answer: Answer, algorithm: str, note: str = "") -> pb.GetSuggestionsReply:
    """Return the reply; the algorithm's settings are there only where it has something to write back."""
    reply = pb.GetSuggestionsReply(
        parameter_assignments=[write_assignment(item) for item in answer.assignments],
        exhausted=answer.exhausted,
        note=note,
    )
    if answer.settings:
        reply.algorithm.CopyFrom(_write_algorithm(algorithm, _named(answer.settings)))
    return reply


def _named(settings: Mapping[str, str]) -> list[NameValue]:
    return [NameValue(name=name, value=value) for name, value in settings.items()]
