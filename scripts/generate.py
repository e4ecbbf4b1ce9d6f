"""Write what is made from code; ``--check`` compares and writes nothing.

``components/<name>/``, the CRD manifests, and the marked parts of README.md and docs/ (``generate_docs.py``).

Deterministic, and independent of the patch version of kfp.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import inspect
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import generate_docs
import yaml

ROOT = Path(__file__).resolve().parents[1]
SDK = "kfp-2.17.0"
LAST_VERIFIED = "2026-11-22T00:00:00Z"
NAMES = ("tune", "create_experiment", "wait_for_experiment", "get_best_hyperparameters", "delete_experiment")
TYPES = {
    "STRING": "str", "NUMBER_INTEGER": "int", "NUMBER_DOUBLE": "float", "BOOLEAN": "bool", "LIST": "list",
    "STRUCT": "dict",
}  # fmt: skip
EXAMPLES = {
    "tune": """\
best = tune(experiment_spec=Experiment.from_function(train, space=space, objective=objective).for_kfp())
retrain(parameters=best.outputs["best_hyperparameters"])
""",
    "create_experiment": """\
made = create_experiment(experiment_spec=spec, run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER)
""",
    "wait_for_experiment": """\
made = create_experiment(experiment_spec=spec)
best = wait_for_experiment(experiment_name=made.outputs["experiment_name"])
""",
    "get_best_hyperparameters": """\
best = get_best_hyperparameters(experiment_name="train-0123abcd")
retrain(parameters=best.outputs["best_hyperparameters"])
""",
    "delete_experiment": """\
clean_up = delete_experiment(run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER, only_unfinished=True)
with dsl.ExitHandler(clean_up):
    tune(experiment_spec=spec, run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER)
""",
}


def generated() -> Iterator[tuple[str, str]]:
    """Yield path and text of every file."""
    definitions = {}
    for name in NAMES:
        folder = f"components/{name}"
        text = component_yaml(name)
        definition = definitions[name] = yaml.safe_load(text)
        yield f"{folder}/component.yaml", text
        yield f"{folder}/metadata.yaml", metadata_yaml(name)
        yield f"{folder}/README.md", readme(name, definition)
    yield from crd_manifests()
    yield from generate_docs.pages(ROOT, definitions)


def component_yaml(name: str) -> str:
    """Return the component's IR YAML."""
    from kfp import compiler

    component = getattr(importlib.import_module("katib_kfp.components"), name)
    with tempfile.TemporaryDirectory() as directory, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(directory) / "component.yaml"
        compiler.Compiler().compile(component, str(path))
        text = path.read_text(encoding="utf-8")
    return re.sub(r"^sdkVersion: .*$", f"sdkVersion: {SDK}", text, flags=re.MULTILINE)


def metadata_yaml(name: str) -> str:
    """Return the metadata that kubeflow/pipelines-components asks for."""
    body = {
        "name": name,
        "stability": "alpha",
        "dependencies": {
            "kubeflow": [{"name": "Pipelines", "version": ">=2.17"}, {"name": "Katib", "version": "v1beta1"}]
        },
        "tags": ["training", "hyperparameter-tuning", "katib"],
        "lastVerified": LAST_VERIFIED,
        "ci": {"compile_check": True, "skip_dependency_probe": False},
    }
    return str(yaml.safe_dump(body, sort_keys=False))


def readme(name: str, definition: dict[str, Any]) -> str:
    """Return the README: what it does, what it takes, what it gives, how it is used."""
    doc = inspect.getdoc(getattr(importlib.import_module("katib_kfp.components"), name).python_func) or ""
    executors = definition["deploymentSpec"]["executors"]
    parts = [
        f"# {name}",
        doc.split("\n\nArgs:")[0].strip(),
        "## Inputs",
        "\n".join(_input_rows(definition["root"].get("inputDefinitions", {}).get("parameters", {}), doc)),
        "## Outputs",
        "\n".join(_output_rows(definition["components"][f"comp-{name.replace('_', '-')}"]["outputDefinitions"], doc)),
        "## Usage",
        f"```python\nfrom katib_kfp.components import {name}\n\n{EXAMPLES[name].rstrip()}\n```",
        f'The same from this file: `kfp.components.load_component_from_file("components/{name}/component.yaml")`.',
        f"Image: `{next(iter(executors.values()))['container']['image']}`",
    ]
    return "\n\n".join(parts) + "\n"


def _input_rows(inputs: dict[str, Any], doc: str) -> Iterator[str]:
    yield from ("| Parameter | Type | Default | Description |", "|---|---|---|---|")
    for key, item in sorted(inputs.items(), key=lambda pair: (pair[1].get("isOptional", False), pair[0])):
        default = f"`{_default(item)}`" if item.get("isOptional") else ""
        yield f"| `{key}` | {TYPES[item['parameterType']]} | {default} | {_said(key, doc)} |"


def _output_rows(outputs: dict[str, Any], doc: str) -> Iterator[str]:
    yield from ("| Name | Type | Description |", "|---|---|---|")
    for key, item in outputs.get("parameters", {}).items():
        yield f"| `{key}` | {TYPES[item['parameterType']]} | {_said(key, doc.split('Returns:')[-1])} |"
    for key, item in outputs.get("artifacts", {}).items():
        yield f"| `{key}` | {item['artifactType']['schemaTitle'].removeprefix('system.')} | {_said(key, doc)} |"


def _said(name: str, doc: str) -> str:
    """Return what a Google docstring says of a name; all of it where it says only one thing."""
    found = re.search(rf"^ +{name}: (.*(?:\n {{8,}}.*)*)", doc, flags=re.MULTILINE)
    return " ".join((found[1] if found else doc if name == "Output" else "").split())


def _default(item: dict[str, Any]) -> Any:
    value = item.get("defaultValue")
    if item["parameterType"] == "NUMBER_INTEGER" and isinstance(value, float):
        return int(value)
    return repr(value) if isinstance(value, str) else value


def crd_manifests() -> Iterator[tuple[str, str]]:
    """Yield one manifest for each CustomResourceDefinition, and their kustomization."""
    from katib_control.api.crd import crds

    folder, files = "controller/manifests/crd", []
    for crd in sorted(crds(), key=lambda item: str(item["metadata"]["name"])):
        files.append(f"{crd['metadata']['name'].replace('.', '_')}.yaml")
        yield f"{folder}/{files[-1]}", yaml.safe_dump(crd, sort_keys=False, width=120)
    kustomization = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": files}
    yield f"{folder}/kustomization.yaml", yaml.safe_dump(kustomization, sort_keys=False)


def difference(path: str, text: str) -> list[str]:
    """Return a short summary of how the file differs from the text; empty when it does not."""
    file = ROOT / path
    if not file.exists():
        return [f"{path}: is missing"]
    old = file.read_text(encoding="utf-8")
    if old == text:
        return []
    changes = [
        line for line in difflib.unified_diff(old.splitlines(), text.splitlines(), lineterm="", n=0)
        if line[:1] in "+-" and line[:3] not in ("+++", "---")
    ]  # fmt: skip
    return [f"{path}: {len(changes)} lines differ", *(f"    {line[:110]}" for line in changes[:6])]


def main() -> int:
    """Write, or compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with what is there; exit 1 on a difference")
    check = parser.parse_args().check
    found = []
    for path, text in generated():
        if differs := difference(path, text):
            found += differs if check else [f"wrote {path}"]
        if not check:
            write(path, text)
    print("\n".join(found) or "generated files: up to date")
    if check and found:
        print("run scripts/generate.py to bring them up to date")
    return int(check and bool(found))


def write(path: str, text: str) -> None:
    """Write the file."""
    file = ROOT / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
