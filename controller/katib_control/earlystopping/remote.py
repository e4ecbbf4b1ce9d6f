"""Reading observation logs through Katib's DBManager service, from any number of addresses."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence

import grpc

from katib_control.api.errors import KatibError
from katib_control.api.observation import MetricLog
from katib_control.earlystopping.wire import logs_of
from katib_control.pb import api_pb2, api_pb2_grpc
from katib_control.runtime.clock import monotonic
from katib_control.runtime.grpc_server import CHANNEL_OPTIONS

AT_ONCE = 32
"""Logs that are asked for at the same time."""


class LogsUnreachable(KatibError):
    """The observation log cannot be read now; the message names its address and the cause."""


class DbManagers:
    """One channel per address, kept for the next time; the least recently used goes when there are too many."""

    def __init__(self, *, channels: int = 16) -> None:
        self._limit = channels
        self._channels: OrderedDict[str, grpc.Channel] = OrderedDict()
        self._lock = threading.Lock()

    def read(
        self, address: str, trials: Sequence[str], metric: str, seconds: float
    ) -> Iterator[tuple[str, Sequence[MetricLog]]]:
        """Yield trials and their reports of the metric until the time is up: then the rest is left out.

        Raises LogsUnreachable.
        """
        end = monotonic() + seconds
        channel = self._channel(address)
        stub = api_pb2_grpc.DBManagerStub(channel)  # type: ignore[no-untyped-call]  # generated without types
        for start in range(0, len(trials), AT_ONCE):
            left = end - monotonic()
            if left <= 0:
                return
            some = trials[start : start + AT_ONCE]
            requests = [api_pb2.GetObservationLogRequest(trial_name=name, metric_name=metric) for name in some]
            calls = [stub.GetObservationLog.future(request, timeout=left) for request in requests]
            for name, call in zip(some, calls, strict=True):
                try:
                    reply = call.result()
                except grpc.RpcError as error:
                    if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
                        return
                    if error.code() == grpc.StatusCode.NOT_FOUND:
                        continue
                    told = f"the observation log at {address} cannot be read: {error.details()}"
                    raise LogsUnreachable(told) from error
                yield name, tuple(logs_of(reply.observation_log, metric))

    def close(self) -> None:
        """Close every channel."""
        with self._lock:
            channels = list(self._channels.values())
            self._channels.clear()
        for channel in channels:
            channel.close()

    def _channel(self, address: str) -> grpc.Channel:
        with self._lock:
            channel = self._channels.pop(address, None)
            if channel is None:
                channel = grpc.insecure_channel(address, CHANNEL_OPTIONS)
            self._channels[address] = channel
            oldest = self._channels.popitem(last=False)[1] if len(self._channels) > self._limit else None
        if oldest is not None:
            oldest.close()
        return channel
