"""What follows from a write."""

from __future__ import annotations

import json
from typing import Any

from katib_control.apiserver.changes import Key
from katib_control.apiserver.server import ApiServer
from katib_control.apiserver.store import Store
from katib_control.kube.http import Request
from katib_control.kube.resources import CONFIG_MAPS


def test_a_listener_is_told_what_is_stored_now_though_the_news_be_old() -> None:
    server = ApiServer(Store())
    told: list[tuple[str, Any]] = []
    server.core.written["configmaps"] = lambda name, obj: told.append((name, obj and obj["data"]))
    body = json.dumps({"metadata": {"name": "a"}, "data": {"k": "v"}}).encode()
    assert server.handle(Request("POST", CONFIG_MAPS.path("default"), body=body)).status == 201
    server.core.note(Key("configmaps", "default", "a"))
    server.core.note(Key("configmaps", "default", "gone"))
    assert told == [("a", {"k": "v"}), ("a", {"k": "v"}), ("gone", None)]
    server.close()
