"""Where to run is decided in one order, and a state directory belongs to one process at a time."""

from __future__ import annotations

import fcntl
from pathlib import Path

import pytest

from katib_kfp.runtime.errors import PlaceError
from katib_kfp.runtime.place import Place, Where, connect, decide, in_use, inside_cluster

KUBECONFIG = {"KUBECONFIG": "/k"}


@pytest.mark.parametrize(
    ("where", "environ", "in_cluster", "place"),
    [
        pytest.param(Where(state_dir="/s"), KUBECONFIG, True, Place(kind="embedded", state=Path("/s")),
                     id="a state directory that is named wins over everything"),
        pytest.param(Where(kubeconfig="/a", context="c"), KUBECONFIG, True,
                     Place(kind="cluster", kubeconfig="/a", context="c"), id="a kubeconfig that is named"),
        pytest.param(Where(context="c"), {}, True, Place(kind="cluster", context="c"), id="a context that is named"),
        pytest.param(Where(), KUBECONFIG, True, Place(kind="in-cluster"), id="the cluster around us before KUBECONFIG"),
        pytest.param(Where(), KUBECONFIG, False, Place(kind="cluster"), id="KUBECONFIG"),
        pytest.param(Where(), {"KUBECONFIG": ""}, False, Place(kind="embedded", state=Path(".katib-kfp")),
                     id="else this machine"),
    ],
)  # fmt: skip
def test_the_order(where: Where, environ: dict[str, str], in_cluster: bool, place: Place) -> None:
    assert decide(where, environ, in_cluster) == place


def test_a_contradiction_is_refused() -> None:
    with pytest.raises(PlaceError, match="give one of the two"):
        decide(Where(state_dir="/s", context="c"), {}, False)


def test_a_pod_has_a_token(tmp_path: Path) -> None:
    token = tmp_path / "token"
    assert not inside_cluster({"KUBERNETES_SERVICE_HOST": "h"}, token)
    token.touch()
    assert inside_cluster({"KUBERNETES_SERVICE_HOST": "h"}, token)
    assert not inside_cluster({}, token)


def test_a_directory_in_use_is_waited_for_no_longer_than_asked(tmp_path: Path) -> None:
    assert not in_use(tmp_path)
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert in_use(tmp_path)
        with pytest.raises(PlaceError, match="is in use by process unknown, which does not listen"):
            connect(Where(state_dir=str(tmp_path)), timeout=0).__enter__()
    assert not in_use(tmp_path)


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (Place(kind="embedded", state=Path("s")), "this machine, state in s"),
        (Place(kind="in-cluster"), "the cluster this process runs in"),
        (Place(kind="cluster", kubeconfig="/k", context="c"), "the cluster of /k, context c"),
        (Place(kind="cluster"), "the cluster of the default kubeconfig"),
    ],
)
def test_a_place_tells_what_it_is(place: Place, text: str) -> None:
    assert str(place) == text
