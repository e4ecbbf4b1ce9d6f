"""Reading without running: the state of an embedded control plane is looked at, and nothing in it is set going."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from katib_kfp.runtime.errors import PlaceError
from katib_kfp.runtime.place import Connection, Where, connect, decide, in_use, inside_cluster, served


@contextmanager
def look(where: Where) -> Iterator[Connection]:
    """Yield a connection for reading; nothing starts or ends because of it. Raise PlaceError where nothing is.

    A state directory that another process has is asked over HTTP where that one listens, and copied where it does not.
    """
    place = decide(where, os.environ, inside_cluster(os.environ))
    if place.state is None or (in_use(place.state) and served(place.state)):
        with connect(where, timeout=0) as connection:
            yield connection
        return
    from katib_control.embedded import reading  # heavy: only where it runs

    if not place.state.is_dir():
        raise PlaceError(f"no state directory {place.state}; name the one that was used with --state DIR")
    with reading(place.state) as client:
        yield Connection(client, "default", place)
