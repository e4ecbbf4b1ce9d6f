"""What setup.cfg promises is what the tree holds."""

from __future__ import annotations

import configparser
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CONFIG = configparser.ConfigParser()
CONFIG.read(ROOT / "setup.cfg", encoding="utf-8")
HEAVY = {"optuna", "grpc", "kubernetes", "kfp.compiler", "skopt", "sklearn", "sqlalchemy"}


def packages_in_tree() -> set[str]:
    roots = {"katib_kfp": ROOT, "katib_control": ROOT / "controller"}
    return {
        ".".join(path.parent.relative_to(parent).parts)
        for name, parent in roots.items()
        for path in (parent / name).rglob("__init__.py")
    }


def test_every_package_is_listed_and_every_listed_one_exists():
    assert set(CONFIG["options"]["packages"].split()) == packages_in_tree()


@pytest.mark.parametrize("folder", ["proto", "components", "pipelines", "controller", "tests"])
def test_top_level_folders_are_no_packages(folder):
    assert not (ROOT / folder / "__init__.py").exists()


@pytest.mark.parametrize("package", ["katib_kfp", "controller/katib_control"])
def test_types_are_shipped(package):
    assert (ROOT / package / "py.typed").exists()


def test_package_data_patterns_match_files():
    for package, patterns in CONFIG["options.package_data"].items():
        folder = ROOT / ("controller" if package.startswith("katib_control") else ".") / package.replace(".", "/")
        for pattern in patterns.split():
            assert list(folder.glob(pattern)), f"{package}: {pattern} matches nothing"


def test_every_requirement_has_a_reason_and_a_lower_bound():
    blocks = [CONFIG["options"]["install_requires"], *CONFIG["options.extras_require"].values()]
    raw = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    for line in "\n".join(blocks).split():
        if "[" not in line:
            assert ">=" in line, line
    required = raw.split("install_requires =\n")[1].split("\n\n")[0].splitlines()
    assert required[0].lstrip().startswith("#")


def test_importing_the_package_pulls_in_nothing_heavy():
    code = "import katib_kfp, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not HEAVY & set(loaded)
