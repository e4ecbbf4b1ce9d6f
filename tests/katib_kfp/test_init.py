"""``import katib_kfp`` is cheap, and what runs inside a component imports nothing that kfp refuses there."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

import katib_kfp

HEAVY = ("optuna", "grpc", "kubernetes", "kfp", "pydantic", "yaml", "numpy", "sqlalchemy")


def imported(code: str, **environ: str) -> set[str]:
    """Return the top-level packages that the code loads, and kfp's parts."""
    text = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=True, env={**os.environ, **environ}
    )
    return set(json.loads(done.stdout))


def test_importing_the_package_loads_nothing_heavy() -> None:
    found = imported("import katib_kfp; assert katib_kfp.__version__")
    assert not [name for name in HEAVY if name in found]


def test_the_search_space_and_metrics_load_nothing_heavy_either() -> None:
    found = imported("from katib_kfp import Double, metrics; Double(min=0, max=1)")
    assert not [name for name in HEAVY if name in found]


def test_an_experiment_needs_neither_kfp_nor_optuna() -> None:
    found = imported("from katib_kfp import Experiment, maximize, KatibClient; maximize('a')")
    assert not [name for name in ("kfp", "optuna", "kubernetes", "grpc") if name in found]


def test_the_runtime_can_be_imported_inside_a_component() -> None:
    found = imported("import katib_kfp.runtime", _KFP_RUNTIME="true")
    assert not [name for name in ("kfp", "katib_kfp.components", "optuna", "grpc", "kubernetes") if name in found]


@pytest.mark.parametrize("name", katib_kfp.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(katib_kfp, name) is not None
    assert name in dir(katib_kfp)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = katib_kfp.nothing


def test_the_version_is_that_of_the_package() -> None:
    from importlib.metadata import version

    assert katib_kfp.__version__ == version("katib-kfp")
