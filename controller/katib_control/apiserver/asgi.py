"""The ASGI side of the HTTP shell: a request in, the function called in a worker thread, its answer or stream out.

Watches are driven by the event loop (``poll``, ``on_ready``) and cost no thread; any other stream has one of its own.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.types import Receive, Scope, Send

from katib_control.apiserver.answers import failure
from katib_control.kube.errors import ApiError, TooLarge, TooManyRequests, Unauthorized
from katib_control.kube.http import Request, Response, Stream, Transport

logger = logging.getLogger(__name__)

_OPEN = frozenset({"/healthz", "/livez", "/readyz"})
_WORKERS = 16


@dataclass(frozen=True, kw_only=True)
class HttpLimits:
    """``body_bytes`` of one request, ``streams`` open over HTTP at one time."""

    body_bytes: int = 3 * 1024 * 1024
    streams: int = 200


@runtime_checkable
class Pollable(Protocol):
    """A stream that an event loop can serve without a thread."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""

    def on_ready(self, call: Callable[[], None]) -> None:
        """Have ``call`` called, in any thread, when there may be something to poll."""

    def pause(self) -> float:
        """Return after how many seconds to poll at the latest."""

    def poll(self, timeout: float = 0.0) -> bytes:
        """Return what is there."""

    def close(self) -> None:
        """End the stream."""


class Gateway:
    """An ASGI application around a Transport."""

    def __init__(self, handle: Transport, limits: HttpLimits, is_allowed: Callable[[str], bool]) -> None:
        self._handle = handle
        self._limits = limits
        self._is_allowed = is_allowed
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="apiserver-request")
        self._streams: set[Stream | Pollable] = set()
        self._closing = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        http = HttpRequest(scope, receive)
        try:
            self._check_token(http)
            request = await self._read(http)
            response = await asyncio.get_running_loop().run_in_executor(self._workers, self._handle, request)
            if not isinstance(response.body, bytes):
                self._check_streams(response.body)
        except ApiError as error:
            response = failure(error)
        except ClientDisconnect:
            return
        await self._answer(response, receive, send)

    def close(self) -> None:
        """End every stream; open no more. Any thread."""
        self._closing = True
        for stream in tuple(self._streams):
            stream.close()
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _check_token(self, http: HttpRequest) -> None:
        if not self._is_allowed(http.headers.get("authorization", "")) and http.url.path not in _OPEN:
            raise Unauthorized("Unauthorized: the bearer token is missing or wrong; use the kubeconfig of this server")

    def _check_streams(self, stream: Stream) -> None:
        if len(self._streams) < self._limits.streams and not self._closing:
            self._streams.add(stream)
            return
        stream.close()
        raise TooManyRequests(
            f"{len(self._streams)} watches and followed logs are open over HTTP, which is the limit: close some",
            details={"retryAfterSeconds": 1},
        )

    async def _read(self, http: HttpRequest) -> Request:
        limit = self._limits.body_bytes
        announced = http.headers.get("content-length", "0")
        chunks, size = [], int(announced) if announced.isdigit() else 0
        if size <= limit:
            size = 0
            async for chunk in http.stream():
                chunks.append(chunk)
                size += len(chunk)
                if size > limit:
                    break
        if size > limit:
            raise TooLarge(f"Request entity too large: limit is {limit}")
        return Request(http.method, http.scope["path"], dict(http.query_params), dict(http.headers), b"".join(chunks))

    async def _answer(self, response: Response, receive: Receive, send: Send) -> None:
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
        if isinstance(response.body, bytes):
            headers.append((b"content-length", str(len(response.body)).encode()))
            await send({"type": "http.response.start", "status": response.status, "headers": headers})
            await send({"type": "http.response.body", "body": response.body})
            return
        try:
            await send({"type": "http.response.start", "status": response.status, "headers": headers})
            await _until_gone(_send_all(response.body, send), receive)
        finally:
            response.body.close()
            self._streams.discard(response.body)


async def _send_all(stream: Stream, send: Send) -> None:
    chunks = _polled(stream) if isinstance(stream, Pollable) else _pumped(stream)
    # The head goes out at once: a client waits for it before it reads.
    await send({"type": "http.response.body", "body": b"", "more_body": True})
    async with aclosing(chunks) as body:  # type: ignore[type-var]  # both are generators, which can be closed
        async for chunk in body:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _until_gone(sending: Awaitable[None], receive: Receive) -> None:
    """Send until it is all sent or the client has left, even when there is nothing to send."""
    work = asyncio.ensure_future(sending)
    leaving = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait({work, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            with suppress(OSError):
                work.result()
    finally:
        for task in (work, leaving):
            task.cancel()
        await asyncio.gather(work, leaving, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _polled(stream: Pollable) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    stream.on_ready(lambda: _wake(loop, ready))
    while not stream.ended:
        ready.clear()
        if chunk := stream.poll():
            yield chunk
            continue
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(ready.wait(), min(stream.pause(), 3600.0))


def _wake(loop: asyncio.AbstractEventLoop, ready: asyncio.Event) -> None:
    with suppress(RuntimeError):  # the loop is closed: nobody is waiting any more
        loop.call_soon_threadsafe(ready.set)


async def _pumped(stream: Stream) -> AsyncIterator[bytes]:
    """Read a stream in a thread, at most a few chunks ahead of the client."""
    loop = asyncio.get_running_loop()
    chunks: asyncio.Queue[bytes | None] = asyncio.Queue(8)
    left = threading.Event()

    def put(chunk: bytes | None) -> None:
        asyncio.run_coroutine_threadsafe(chunks.put(chunk), loop).result()

    def read() -> None:
        try:
            for chunk in stream:
                if left.is_set():
                    return
                put(chunk)
        except Exception:
            logger.exception("a stream has ended early")
        finally:
            if not left.is_set():
                put(None)

    threading.Thread(target=read, name="apiserver-stream", daemon=True).start()
    try:
        while (chunk := await chunks.get()) is not None:
            yield chunk
    finally:
        left.set()
        stream.close()
        while not chunks.empty():  # lets go of a reader that waits for room
            chunks.get_nowait()
