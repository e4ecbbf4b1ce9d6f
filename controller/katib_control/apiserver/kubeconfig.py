"""The kubeconfig of this server: how kubectl and every client of Kubernetes find it, and the token they need."""

from __future__ import annotations

import base64
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True, kw_only=True)
class Access:
    """Where a server is and how to get in: URL, bearer token, and the authority (PEM) that signed its certificate."""

    url: str
    token: str
    authority: str = ""
    namespace: str = "default"


def kubeconfig_text(access: Access, name: str = "katib-kfp") -> str:
    """Return a kubeconfig with one cluster, one user and one context."""
    cluster: dict[str, Any] = {"server": access.url}
    if access.authority:
        cluster["certificate-authority-data"] = base64.b64encode(access.authority.encode()).decode()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {"token": access.token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": access.namespace}}],
        "current-context": name,
    }
    return yaml.safe_dump(config, sort_keys=False)


def write_kubeconfig(path: Path, access: Access) -> Path:
    """Write the kubeconfig, readable by its owner only, all at once or not at all; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file, temporary = tempfile.mkstemp(prefix=".kubeconfig-", dir=path.parent)  # mode 0600 from the start
    try:
        with os.fdopen(file, "w", encoding="utf-8") as stream:
            stream.write(kubeconfig_text(access))
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return path
