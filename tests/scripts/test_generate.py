"""What is generated is in the tree, complete, the same every time, and free of the kfp patch version."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import yaml

pytestmark = pytest.mark.xdist_group("kfp")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def generate() -> Iterator[ModuleType]:
    sys.path.insert(0, str(ROOT / "scripts"))  # as when it is run as a script
    spec = importlib.util.spec_from_file_location("generate", ROOT / "scripts" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(ROOT / "scripts"))


def test_every_file_is_up_to_date(generate: ModuleType) -> None:
    assert [line for path, text in generate.generated() for line in generate.difference(path, text)] == []


def test_every_component_has_its_files_and_no_other_has_any(generate: ModuleType) -> None:
    from katib_kfp import components

    made = {Path(path).parent.name for path, _ in generate.generated() if path.startswith("components/")}
    assert made == {path.name for path in (ROOT / "components").iterdir()}
    assert made == {name for name in components.__all__ if name not in ("IMAGE", "build")}


def test_the_sdk_version_is_the_same_whatever_kfp_is_installed(
    generate: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    import kfp

    plain = generate.component_yaml("delete_experiment")
    monkeypatch.setattr(kfp, "__version__", "2.17.99")
    assert generate.component_yaml("delete_experiment") == plain
    assert yaml.safe_load(plain)["sdkVersion"] == generate.SDK


def test_every_input_and_output_is_described(generate: ModuleType) -> None:
    pages = [text for path, text in generate.generated() if path.startswith("components/") and path.endswith(".md")]
    rows = [line for text in pages for line in text.splitlines() if line.startswith("| `")]
    assert rows
    assert [row for row in rows if row.rstrip("| ").endswith("|") or "|  |" in row.split("|", 3)[-1]] == []


def test_a_difference_is_told_in_a_few_lines(generate: ModuleType) -> None:
    assert generate.difference("no/such/file", "") == ["no/such/file: is missing"]
    told = generate.difference("components/tune/metadata.yaml", "name: other\n")
    assert told[0].startswith("components/tune/metadata.yaml: ")
    assert 1 < len(told) < 9
