"""Tune any KFP component: its search space in, a typed component out.

    tune_train = tune(train, space={"lr": Double(min=1e-4, max=0.1, log=True)}, objective=maximize("accuracy"))

    @dsl.pipeline
    def pipeline():
        best = tune_train(data=prepare().output)
        retrain(lr=best.outputs["lr"])

The component's own function runs in every trial. What is not tuned stays an input of the new component, artifacts
too; each tuned parameter becomes an output with its own type. The new component is an ordinary lightweight one: its
source is made here, so it compiles to YAML and runs from it.
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

from katib_kfp import program
from katib_kfp.experiment import Experiment
from katib_kfp.objective import Objective
from katib_kfp.runtime.codec import encode
from katib_kfp.space import Space, to_specs

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from katib_kfp.experiment import Options

RESULT_OUTPUTS = {
    "best_hyperparameters": "dict",
    "best_hyperparameters_json": "str",
    "best_arguments": "list",
    "best_objective_value": "float",
    "best_trial_name": "str",
    "status": "str",
    "experiment_name": "str",
    "experiment_namespace": "str",
}
ARTIFACTS = {"trials": "Dataset", "metrics": "Metrics", "report": "HTML"}
CONTROLS: dict[str, tuple[str, Any]] = {
    "experiment_name": ("str", ""),
    "experiment_namespace": ("str", ""),
    "experiment_timeout_minutes": ("int", 1440),
    "delete_finished_experiment": ("bool", False),
    "max_trial_count": ("int", -1),
    "parallel_trial_count": ("int", -1),
    "run_id": ("str", ""),
    "if_exists": ("str", "adopt"),
    "on_cancel": ("str", "delete"),
    "state_dir": ("str", ""),
    "kubeconfig": ("str", ""),
    "context": ("str", ""),
}
_PYTHON = {"String": "str", "Integer": "int", "Float": "float", "Boolean": "bool", "List": "list", "Dict": "dict"}
_ARTIFACTS = ("Artifact", "Dataset", "Model", "HTML", "Markdown")
_METRICS = ("Metrics", "ClassificationMetrics", "SlicedClassificationMetrics")


class TunerError(ValueError):
    """A component that cannot be tuned as asked; the message says what to change."""


class _Input(NamedTuple):
    annotation: str
    default: str | None
    is_artifact: bool


def tune(
    component: Any,
    *,
    space: Space,
    objective: Objective | Sequence[Objective],
    pip: bool = False,
    **options: Unpack[Options],
) -> Any:
    """Return a KFP component that tunes ``component``, a lightweight Python component or a plain function.

    Its inputs are those of the component that are not in ``space``, and the controls of ``components.tune``
    (``max_trial_count``, ``run_id``, ...). Its outputs are one for each tuned parameter, then those of
    ``components.tune``. ``options`` are those of ``Experiment.from_function``; trials run in the component's own
    image unless ``image`` is given. ``pip`` installs this package in the tuning step. Raises TunerError,
    SpaceError, ProgramError and ExperimentError.
    """
    lightweight = _component(component)
    spec = lightweight.component_spec
    source = _source(spec)
    outputs = {name: _annotation(parameter) for name, parameter in space.items()}
    inputs = {name: _input(name, item) for name, item in (spec.inputs or {}).items() if name not in space}
    _refuse_taken(source.name, space, inputs)
    # Inputs are handed over when the step runs; here only their names count.
    settings: Any = {"image": spec.implementation.container.image, **options}
    made = Experiment.from_source(
        source, space=space, objective=objective, arguments=dict.fromkeys(inputs, 0), options=settings
    )
    text = _component_source(f"tune_{source.name}", made, inputs, outputs)
    return _define(f"tune_{source.name}", text, pip=pip)


def unpack_parameters(space: Space, *, name: str = "best_parameters") -> Any:
    """Return a KFP component that turns best hyperparameters into one typed output for each parameter of the space.

    It takes ``best_hyperparameters`` (the dict, whose numbers KFP may have changed: ints are ints again) or
    ``best_hyperparameters_json``. Its outputs are named like the parameters, other signs than letters and digits as
    ``_``.
    """
    to_specs(space)
    outputs = {_identifier(key): _annotation(parameter) for key, parameter in space.items()}
    if len(outputs) < len(space):
        raise TunerError("unpack_parameters: two parameter names are the same as Python identifiers; rename one")
    returned = ", ".join(_convert(f"values[{key!r}]", _annotation(parameter)) for key, parameter in space.items())
    text = f"""\
def {name}(best_hyperparameters: dict = {{}}, best_hyperparameters_json: str = "") -> {_named_tuple(outputs)}:
    \"\"\"Hand out each hyperparameter with its own type.

    Args:
        best_hyperparameters: The dict that a tuning step has given.
        best_hyperparameters_json: The same as JSON text; exact where ints are beyond 2**53.
    \"\"\"
    import json

    values = json.loads(best_hyperparameters_json) if best_hyperparameters_json else best_hyperparameters
    return ({returned},)
"""
    return _define(name, text)


def _component(component: Any) -> Any:
    from kfp import dsl

    if hasattr(component, "component_spec"):
        return component
    if not callable(component):
        raise TunerError(f"tune: the first argument must be a KFP component or a function (got {component!r})")
    program.from_function(component)  # its errors are clearer than kfp's
    from katib_kfp.experiment import DEFAULT_IMAGE

    return dsl.component(component, base_image=DEFAULT_IMAGE, install_kfp_package=False)


def _source(spec: Any) -> program.Source:
    container = getattr(spec.implementation, "container", None)
    command = list(getattr(container, "command", None) or ())
    arguments = list(getattr(container, "args", None) or ())
    if not any("kfp.dsl.executor_main" in str(word) for word in command) or "--function_to_execute" not in arguments:
        raise TunerError(
            f"{spec.name}: only lightweight Python components can be tuned; for a container use Experiment.from_command"
        )
    name = arguments[arguments.index("--function_to_execute") + 1]
    outputs = {key: str(item.type) for key, item in (spec.outputs or {}).items()}
    return program.from_component_source(str(command[-1]), name, outputs=outputs, packages=_packages(command))


def _packages(command: list[Any]) -> list[str]:
    """Return what the component's pip line installs, kfp itself apart, after the indexes that it names."""
    lines = [part for word in command[:-1] for part in str(word).split("&&") if "pip install" in part]
    own = [line for line in lines if "--no-deps" not in line]
    found = [item for line in own for item in re.findall(r"'([^']+)'", line) if not item.startswith(("kfp=", "--"))]
    indexes = re.findall(r"(--(?:extra-)?index-url|--trusted-host) (\S+)", " ".join(own)) if found else []
    return [*(f"{option}={value}" for option, value in indexes), *found]


def _input(name: str, item: Any) -> _Input:
    kind = str(item.type)
    if "@" in kind:
        if getattr(item, "is_artifact_list", False):
            raise TunerError(f"{name}: a list of artifacts cannot be handed to trials")
        owner, _, schema = kind.split("@")[0].rpartition(".")
        known = (
            schema if owner == "system" and schema in (*_ARTIFACTS, *_METRICS) else "Artifact"
        )  # which takes any other
        return _Input(f"Input[{known}]", "None" if item.optional else None, True)
    python = _PYTHON.get(kind.removeprefix("typing.").partition("[")[0], "")  # "typing.List[int]" is a list
    if not python:
        raise TunerError(f"{name}: inputs of type {kind} cannot be handed to trials")
    if item.default is None:
        return _Input(f"Optional[{python}]", "None", False) if item.optional else _Input(python, None, False)
    default = int(item.default) if python == "int" else item.default  # YAML gives 3.0 for 3
    return _Input(python, _literal(default), False)


def _literal(value: Any) -> str:
    """Return the value as source in which neither kfp.local nor a cluster finds anything to replace."""
    return repr(value).replace("python3", "python\\x33").replace("{{", "{\\x7b").replace("$", "\\x24")


def _annotation(parameter: Any) -> str:
    return str(parameter.python_type.__name__)


def _refuse_taken(component: str, space: Space, inputs: Mapping[str, Any]) -> None:
    for name in space:
        if name in RESULT_OUTPUTS or name in ARTIFACTS:
            raise TunerError(
                f"{component}: parameter {name!r} has the name of an output of every tuning step; rename it"
            )
    for name in inputs:
        if name in CONTROLS or name in ARTIFACTS:
            raise TunerError(f"{component}: input {name!r} has the name of an input of every tuning step; rename it")


def _component_source(name: str, made: Experiment, inputs: Mapping[str, _Input], outputs: Mapping[str, str]) -> str:
    artifacts = [f"{key}: Output[{kind}]" for key, kind in ARTIFACTS.items()]
    required = [f"{key}: {item.annotation}" for key, item in inputs.items() if item.default is None]
    optional = [
        f"{key}: {item.annotation} = {item.default}" for key, item in inputs.items() if item.default is not None
    ]
    controls = [f"{key}: {kind} = {default!r}" for key, (kind, default) in CONTROLS.items()]
    signature = ", ".join([*artifacts, *required, *optional, *controls])
    given = ", ".join(
        f"{key!r}: " + (f"runtime.artifact_argument({key})" if item.is_artifact else key)
        for key, item in inputs.items()
    )
    spec = encode(made.to_dict())
    return f'''\
def {name}({signature}) -> {_named_tuple({**outputs, **RESULT_OUTPUTS})}:
    """Tune {name.removeprefix("tune_")}: run it with many values of {", ".join(outputs)}, hand out the best of them."""
    from katib_kfp import runtime

    results = runtime.tune(
        runtime.Request(
            spec={spec!r},
            arguments={{{given}}},
            name=experiment_name,
            namespace=experiment_namespace,
            max_trial_count=max_trial_count,
            parallel_trial_count=parallel_trial_count,
            run_id=run_id,
            if_exists=if_exists,
        ),
        runtime.Waiting(
            timeout_minutes=experiment_timeout_minutes,
            on_cancel=on_cancel,
            delete_finished=delete_finished_experiment,
        ),
        runtime.Where(state_dir=state_dir, kubeconfig=kubeconfig, context=context),
        runtime.Artifacts(trials=trials, metrics=metrics, report=report),
    )
    return runtime.typed(results, {list(outputs)!r}) + runtime.values(results)
'''


def _named_tuple(fields: Mapping[str, str]) -> str:
    return "NamedTuple('Outputs', [" + ", ".join(f"({key!r}, {kind})" for key, kind in fields.items()) + "])"


def _convert(value: str, kind: str) -> str:
    return (
        f"int(float({value})) if isinstance({value}, (str, float)) else {value}"
        if kind == "int"
        else f"{kind}({value})"
    )


def _identifier(name: str) -> str:
    return re.sub(r"\W", "_", name)


def _define(name: str, text: str, *, pip: bool = False) -> Any:
    """Return the component of a function whose source is made here; kfp reads it back through ``linecache``."""
    from kfp import dsl

    from katib_kfp.components._build import build

    file = f"<katib-kfp {name} {abs(hash(text)):x}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    namespace: dict[str, Any] = {"NamedTuple": NamedTuple, "Optional": Optional}
    namespace |= {kind: getattr(dsl, kind) for kind in ("Input", "Output", *_ARTIFACTS, *_METRICS)}
    exec(compile(text, file, "exec", dont_inherit=True), namespace)
    function: Callable[..., Any] = namespace[name]
    function.__module__ = __name__
    return build(function, pip=pip)
