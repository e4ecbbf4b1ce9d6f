"""The kubeconfig file: whole, private, replaced at once."""

from __future__ import annotations

import base64
import os
import stat

import pytest
import yaml

from katib_control.apiserver.kubeconfig import Access, write_kubeconfig

ACCESS = Access(url="https://127.0.0.1:1234", token="secret", authority="PEM", namespace="mine")


def test_it_says_where_the_server_is_and_how_to_get_in(tmp_path):
    config = yaml.safe_load(write_kubeconfig(tmp_path / "kubeconfig", ACCESS).read_text())
    cluster = config["clusters"][0]["cluster"]
    assert cluster["server"] == "https://127.0.0.1:1234"
    assert base64.b64decode(cluster["certificate-authority-data"]) == b"PEM"
    assert config["users"][0]["user"] == {"token": "secret"}
    assert config["contexts"][0]["context"]["namespace"] == "mine"
    assert config["current-context"] == config["contexts"][0]["name"]


def test_nobody_else_can_read_it_even_when_the_old_one_was_open(tmp_path):
    path = tmp_path / "kubeconfig"
    path.write_text("old")
    path.chmod(0o644)
    write_kubeconfig(path, ACCESS)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["kubeconfig"]


def test_a_write_that_fails_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "kubeconfig"
    path.write_text("old")

    def refuse(*_):
        raise OSError("no")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="no"):
        write_kubeconfig(path, ACCESS)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["kubeconfig"]
