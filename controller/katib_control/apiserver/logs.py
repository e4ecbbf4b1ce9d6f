"""GET of a Pod's ``log``: which container, how much of it; the node does the reading."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from katib_control.api.errors import FieldError
from katib_control.api.times import from_wire
from katib_control.apiserver.calls import Call
from katib_control.apiserver.core import Core, loads
from katib_control.apiserver.ports import LogQuery
from katib_control.apiserver.problems import invalid_as, not_found
from katib_control.apiserver.sidecar_logs import SIDECAR, stand_in
from katib_control.kube.errors import BadRequest
from katib_control.kube.http import Response, Stream

Object = dict[str, Any]
_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
_HEADERS = {"content-type": "text/plain; charset=utf-8"}


def log(core: Core, call: Call) -> Response:
    """Return the log of one container of a Pod, followed if asked."""
    stored = core.store.get(call.key)
    if stored is None:
        raise not_found(call.served, call.name)
    query = _query(core, call, loads(stored.text))
    if core.logs is None:
        raise BadRequest(f'no node runs here that has the log of pod "{call.name}"')
    if not query.follow:
        body = core.logs(query)
        return Response(200, body if isinstance(body, bytes) else b"".join(body), _HEADERS)
    done = core.open_stream()
    try:
        body = core.logs(query)
    except BaseException:
        done()
        raise
    if isinstance(body, bytes):
        done()
        return Response(200, body, _HEADERS)
    return Response(200, _Counted(body, done), _HEADERS)


class _Counted:
    """A stream that tells when it is over."""

    def __init__(self, stream: Stream, done: Any) -> None:
        self._stream = stream
        self._done = done

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._stream
        finally:
            self.close()

    def close(self) -> None:
        """End the stream; any thread, any number of times."""
        self._stream.close()
        self._done()


def _query(core: Core, call: Call, pod: Object) -> LogQuery:
    if call.flag("previous"):
        raise BadRequest(f'previous terminated container of pod "{call.name}" not found: only the current log is kept')
    return LogQuery(
        pod=pod,
        container=_container(core, call, pod),
        follow=call.flag("follow"),
        tail_lines=call.number("tailLines"),
        since_time=_since(core, call),
        timestamps=call.flag("timestamps"),
        limit_bytes=_limit(call),
    )


def _container(core: Core, call: Call, pod: Object) -> str:
    spec = pod.get("spec") or {}
    names = [item["name"] for item in spec.get("containers") or ()]
    initial = [item["name"] for item in spec.get("initContainers") or ()]
    asked = call.option("container")
    if asked == SIDECAR and asked not in names + initial:
        asked = stand_in(core, pod) or asked
    if asked:
        if asked not in names + initial:
            raise BadRequest(f"container {asked} is not valid for pod {call.name}")
        return asked
    preferred = (pod["metadata"].get("annotations") or {}).get(_DEFAULT_CONTAINER)
    if preferred in names:
        return str(preferred)
    if len(names) == 1:
        return str(names[0])
    choose = f"choose one of: [{' '.join(names)}]" + (
        f" or one of the init containers: [{' '.join(initial)}]" if initial else ""
    )
    raise BadRequest(f"a container name must be specified for pod {call.name}, {choose}")


def _since(core: Core, call: Call) -> datetime | None:
    seconds, text = call.number("sinceSeconds"), call.option("sinceTime")
    if seconds is not None and text:
        raise BadRequest("at most one of `sinceTime` or `sinceSeconds` may be specified")
    if seconds is not None:
        return core.clock() - timedelta(seconds=seconds)
    if not text:
        return None
    try:
        return from_wire(text)
    except ValueError:
        raise BadRequest(f'sinceTime: Invalid value: "{text}": must be an RFC 3339 time') from None


def _limit(call: Call) -> int | None:
    limit = call.number("limitBytes")
    if limit is not None and limit < 1:
        error = FieldError("limitBytes", f"Invalid value: {limit}: must be greater than 0")
        raise invalid_as('PodLogOptions "" ', [error], {"kind": "PodLogOptions"})
    return limit
