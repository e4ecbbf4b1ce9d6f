"""From a Python function, or the source of a lightweight component, to what a trial's container runs. Pure.

The function is taken by its source, as KFP does it: it stands alone, with its imports inside. The container's
command is ``python -u -c <source>``; its arguments are a JSON object with the fixed values and
``name=${trialParameters.name}`` for each tuned one, which the source casts to the type that the search space gives
it.
"""

from __future__ import annotations

import ast
import builtins
import dataclasses
import dis
import inspect
import json
import re
import textwrap
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import Any

from katib_kfp.space import Space

RUNNER = Path(__file__).with_name("runtime") / "runner.py"
_PROLOGUE = {"import kfp", "from kfp import dsl", "from kfp.dsl import *", "from typing import *"}
_KFP_NAMES = frozenset(
    [
        "kfp",
        "dsl",
        "Artifact",
        "Dataset",
        "Model",
        "Metrics",
        "ClassificationMetrics",
        "SlicedClassificationMetrics",
        "HTML",
        "Markdown",
    ]
)


class ProgramError(ValueError):
    """A function that cannot run by itself in a trial; the message says what to change."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A function that stands alone: its name, its text, and what it takes and gives."""

    name: str
    text: str
    parameters: tuple[str, ...]
    required: frozenset[str]
    returns: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    needs_kfp: bool = False
    any_keyword: bool = field(default=False)


def from_function(function: Callable[..., Any]) -> Source:
    """Return the source of a function; raise ProgramError for one that uses names from outside itself."""
    name = getattr(function, "__name__", repr(function))
    try:
        text = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError) as error:
        raise ProgramError(
            f"{name}: its source cannot be read ({error}); define it with `def` in a file or notebook"
        ) from None
    _refuse_outside_names(function, name)
    node = _definition(text, name)
    lines = text.splitlines()[node.lineno - 1 : node.end_lineno]  # without decorators
    return _source("\n".join(lines) + "\n", node)


def from_component_source(text: str, name: str, *, outputs: Mapping[str, str], packages: Sequence[str] = ()) -> Source:
    """Return the source of a lightweight component; ``outputs``: its outputs' KFP types (``system.Model@0.0.1``)."""
    body = "\n".join(line for line in text.splitlines() if line.strip() not in _PROLOGUE)
    node = _definition(body, name)
    source = _source(body.strip() + "\n", node)
    given = {argument.arg for argument in _arguments(node)}
    by_path = {item.arg for item in _arguments(node) if _is_path(item)}
    artifacts = tuple(item for item, kind in outputs.items() if item in given - by_path and "@" in kind)
    paths = tuple(item for item in outputs if item in given and item not in artifacts)
    fields = source.__dict__ | {
        "parameters": tuple(item for item in source.parameters if item not in outputs),
        "required": source.required - set(outputs),
        "returns": tuple(item for item in outputs if item not in given),
        "artifacts": artifacts,
        "paths": paths,
        "files": tuple(sorted(by_path - set(outputs))),
        "packages": tuple(packages),
        "needs_kfp": _uses_kfp(node),
    }
    return Source(**fields)


def with_packages(source: Source, packages: Sequence[str]) -> Source:
    """Return the source with packages to install before it runs; those that are there already cost nothing."""
    return dataclasses.replace(source, packages=(*source.packages, *packages))


def check(source: Source, space: Space, fixed: Mapping[str, Any]) -> None:
    """Raise ProgramError unless the function takes every tuned and fixed argument, none twice, and misses none."""
    both = sorted(set(space) & set(fixed))
    if both:
        raise ProgramError(f"{source.name}: {both[0]!r} is both tuned and fixed; remove it from one of the two")
    given = [*space, *fixed]
    unknown = [item for item in given if item not in source.parameters and not source.any_keyword]
    if unknown:
        raise ProgramError(
            f"{source.name} has no parameter {unknown[0]!r}; it takes {', '.join(source.parameters) or 'none'}"
        )
    missing = sorted(source.required - set(given))
    if missing:
        raise ProgramError(f"{source.name} needs {missing[0]!r}: tune it (space) or fix it (arguments)")


def program(source: Source, space: Space, metric: str) -> str:
    """Return the text for ``python -c``."""
    plan = {
        "types": {name: parameter.python_type.__name__ for name, parameter in space.items()},
        "metric": metric,
        "returns": list(source.returns),
        "artifacts": list(source.artifacts),
        "paths": list(source.paths),
        "files": list(source.files),
    }
    runner = RUNNER.read_text(encoding="utf-8").replace("from __future__ import annotations\n", "")
    parts = [
        "from __future__ import annotations",
        runner,
        f"ensure_installed({list(source.packages)!r})" if source.packages else "",
        "from typing import *",
        _kfp_imports() if source.needs_kfp else "",
        source.text,
        f"run_trial({source.name}, {plan!r}, sys.argv[1:])",
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def arguments(space: Space, fixed: Mapping[str, Any]) -> list[str]:
    """Return the container's arguments; ``fixed`` must be JSON."""
    return [fixed_argument(fixed), *(f"{name}=${{trialParameters.{name}}}" for name in space)]


def fixed_argument(fixed: Mapping[str, Any]) -> str:
    """Return the first argument: JSON in which no ``$`` is left for Kubernetes or the trial template to expand."""
    try:
        return json.dumps(dict(fixed), allow_nan=False).replace("$", "\\u0024")
    except (TypeError, ValueError) as error:
        raise ProgramError(f"fixed arguments must be JSON values: {error}") from None


def command(text: str) -> list[str]:
    """Return the container's command; ``$`` is doubled where Kubernetes would expand it."""
    return ["python", "-u", "-c", re.sub(r"\$(?=[$(])", "$$", text)]


def _definition(text: str, name: str) -> ast.FunctionDef:
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise ProgramError(f"{name}: its source does not stand alone ({error.msg}); define it with `def`") from None
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node
    raise ProgramError(f"{name}: only a plain `def` can run as a trial, not a lambda, a class or an async function")


def _arguments(node: ast.FunctionDef) -> list[ast.arg]:
    return [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]


def _is_path(argument: ast.arg) -> bool:
    """Tell whether the function is handed a path, as ``InputPath`` and ``OutputPath`` say."""
    called = argument.annotation.func if isinstance(argument.annotation, ast.Call) else None
    return ast.unparse(called).split(".")[-1] in ("InputPath", "OutputPath") if called else False


def _source(text: str, node: ast.FunctionDef) -> Source:
    if node.args.posonlyargs or node.args.vararg:
        raise ProgramError(f"{node.name}: positional-only parameters and *args cannot be tuned; name every parameter")
    positional = node.args.args
    optional = {item.arg for item in positional[len(positional) - len(node.args.defaults) :]} | {
        item.arg for item, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if value is not None
    }
    names = tuple(item.arg for item in _arguments(node))
    return Source(
        name=node.name,
        text=text,
        parameters=names,
        required=frozenset(names) - optional,
        any_keyword=node.args.kwarg is not None,
    )


def _refuse_outside_names(function: Callable[..., Any], name: str) -> None:
    code = getattr(function, "__code__", None)
    used = {*code.co_freevars, *_globals(code)} if code else set()
    outside = {item for item in used if item.isidentifier()} - {name, *typing.__all__, *dir(builtins)}
    if outside:
        raise ProgramError(
            f"{name} uses {', '.join(sorted(outside))} from outside itself, which is not there in a trial; "
            "import it inside the function, or pass it as an argument"
        )


def _globals(code: CodeType) -> Iterator[str]:
    """Yield the global names that the code, or a function inside it, reads."""
    for step in dis.get_instructions(code):
        if step.opname == "LOAD_GLOBAL":
            yield str(step.argval)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _globals(inner)


def _uses_kfp(node: ast.FunctionDef) -> bool:
    names = {item.id for part in node.body for item in ast.walk(part) if isinstance(item, ast.Name)}
    return bool(names & _KFP_NAMES)


def _kfp_imports() -> str:
    lines = ["os.environ['_KFP_RUNTIME'] = 'true'  # the light import", "from kfp import dsl", "from kfp.dsl import *"]
    return "\n".join(lines)
