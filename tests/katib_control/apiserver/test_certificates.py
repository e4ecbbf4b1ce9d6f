"""Certificates: who they are for, and that OpenSSL in its strictest mood takes them."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import datetime, timezone

import pytest

from katib_control.apiserver.certificates import make_certificate


@pytest.mark.parametrize(
    ("made_for", "asked"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "localhost"),
        ("::1", "::1"),
        ("0.0.0.0", "127.0.0.1"),
        ("host.example.com", "host.example.com"),
        ("192.0.2.7", "192.0.2.7"),
    ],
)
def test_a_client_that_trusts_the_authority_trusts_the_server(made_for, asked):
    certificate = make_certificate(made_for, datetime.now(timezone.utc))
    ours, theirs = socket.socketpair()
    served = []

    def serve():
        with certificate.context().wrap_socket(ours, server_side=True) as connection:
            served.append(connection.recv(2))

    thread = threading.Thread(target=serve)
    thread.start()
    context = ssl.create_default_context(cadata=certificate.authority)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with context.wrap_socket(theirs, server_hostname=asked) as connection:
        connection.send(b"hi")
        thread.join(5)
    assert served == [b"hi"]


def test_each_has_a_key_of_its_own():
    now = datetime.now(timezone.utc)
    assert make_certificate("localhost", now).key != make_certificate("localhost", now).key
