"""The shell of gRPC services: address, health, large messages, an orderly end."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from katib_control.pb import health_pb2, health_pb2_grpc
from katib_control.runtime.grpc_server import CHANNEL_OPTIONS, CannotListen, GrpcServer, default_host

SERVING = health_pb2.HealthCheckResponse.SERVING


class Echo:
    """Gives back what it gets; ``Wait`` waits until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()

    def add_to(self, server: grpc.Server) -> None:
        def hold(request: bytes, context: grpc.ServicerContext) -> bytes:
            self.begun.set()
            self.go.wait(20)
            return request

        handlers = {
            "Now": grpc.unary_unary_rpc_method_handler(lambda request, context: request),
            "Wait": grpc.unary_unary_rpc_method_handler(hold),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", handlers),))


def check(channel: grpc.Channel, name: str) -> int:
    request = health_pb2.HealthCheckRequest(service=name)
    status: int = health_pb2_grpc.HealthStub(channel).Check(request, timeout=20).status
    return status


HOSTS = [
    pytest.param({}, "127.0.0.1", id="this machine alone"),
    pytest.param({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "0.0.0.0", id="everywhere in a pod"),
    pytest.param({"KUBERNETES_SERVICE_HOST": ""}, "127.0.0.1", id="an empty variable is none"),
]


@pytest.mark.parametrize(("environment", "host"), HOSTS)
def test_where_it_listens_when_nobody_says(environment: dict[str, str], host: str) -> None:
    assert default_host(environment) == host


def test_health_is_told_by_name() -> None:
    server = GrpcServer(Echo(), ["test.Echo", "manager.test.Echo"], host="127.0.0.1", port=0)
    server.start()
    with grpc.insecure_channel(server.address) as channel:
        assert [check(channel, name) for name in ("", "test.Echo", "manager.test.Echo")] == [SERVING] * 3
        with pytest.raises(grpc.RpcError, match=r"no service test\.Other here") as caught:
            check(channel, "test.Other")
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    server.stop()


def test_a_message_of_ten_megabytes_gets_through() -> None:
    server = GrpcServer(Echo(), [], host="127.0.0.1", port=0)
    server.start()
    with grpc.insecure_channel(server.address, options=CHANNEL_OPTIONS) as channel:
        assert len(channel.unary_unary("/test.Echo/Now")(bytes(10_000_000), timeout=20)) == 10_000_000
    server.stop()


def test_a_port_that_is_taken_is_an_error() -> None:
    first = GrpcServer(Echo(), [], host="127.0.0.1", port=0)
    first.start()
    with pytest.raises(CannotListen, match=f"cannot listen on {first.address}: another process has the port"):
        GrpcServer(Echo(), [], host="127.0.0.1", port=first.port)
    first.stop()


def test_calls_under_way_are_finished_and_health_says_that_it_goes() -> None:
    echo, closed = Echo(), threading.Event()
    server = GrpcServer(echo, [], host="127.0.0.1", port=0, close=closed.set)
    server.start()
    with grpc.insecure_channel(server.address) as channel, ThreadPoolExecutor(1) as pool:
        call = channel.unary_unary("/test.Echo/Wait").future(b"x", timeout=20)
        assert echo.begun.wait(20)
        stopping = pool.submit(server.stop, 20)
        assert closed.wait(20)
        echo.go.set()
        assert call.result() == b"x"
        stopping.result(20)
        with pytest.raises(grpc.RpcError):
            check(channel, "")


def test_a_process_may_have_the_common_health_stubs_too() -> None:
    common = pytest.importorskip("grpc_health.v1.health_pb2")
    server = GrpcServer(Echo(), [], host="127.0.0.1", port=0)
    server.start()
    with grpc.insecure_channel(server.address) as channel:
        ask = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=common.HealthCheckRequest.SerializeToString,
            response_deserializer=common.HealthCheckResponse.FromString,
        )
        assert ask(common.HealthCheckRequest(), timeout=20).status == SERVING
    server.stop()
