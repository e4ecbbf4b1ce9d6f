"""The services as processes: ``python -m katib_control suggestion`` and ``python -m katib_control earlystopping``."""

from __future__ import annotations

import argparse
import gc
import importlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence

from katib_control.api.errors import KatibError
from katib_control.runtime.grpc_server import GrpcServer, default_host

logger = logging.getLogger("katib_control")

_SWITCH_INTERVAL = 0.0005
"""Seconds after which a computing thread lets others run, so that a model being fitted does not delay other answers."""

_GARBAGE = (10_000, 10, 100)
"""When garbage is looked for: a history of 20,000 Trials is half a million objects, none of it garbage. Measured: half
the time of reading it, and no pause above 50 ms."""

_SLOW_IMPORTS = ("optuna", "scipy.stats", "cmaes")
"""Libraries of several algorithms that take a second to load: the first question shall not wait for them."""

_LEVELS = ("debug", "info", "warning", "error")


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; 0 after an orderly end, 1 when it cannot be served, 2 for a wrong command line."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        level=options.log_level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        server, told = options.make(options)
    except KatibError as error:
        sys.stderr.write(f"katib_control {options.service}: {error}\n")
        return 1
    _serve(server, f"katib_control {options.service}: listening on {server.address} ({told})")
    return 0


def _serve(server: GrpcServer, told: str) -> None:
    stopping = threading.Event()

    def stop(number: int, _: object) -> None:
        stopping.set()
        signal.signal(number, signal.SIG_DFL)  # a second one ends the process at once

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    sys.setswitchinterval(_SWITCH_INTERVAL)
    gc.freeze()
    gc.set_threshold(*_GARBAGE)
    server.start()
    sys.stdout.write(f"{told}\n")
    sys.stdout.flush()
    stopping.wait()
    logger.info("stopping")
    server.stop()


def _suggestion(options: argparse.Namespace) -> tuple[GrpcServer, str]:
    from katib_control.suggestion.registry import ALGORITHMS
    from katib_control.suggestion.server import NAMES, SuggestionService

    names = options.algorithm or sorted(ALGORITHMS)
    threading.Thread(target=_preload, name="preload", daemon=True).start()
    service = SuggestionService({name: ALGORITHMS[name] for name in names}, trials=options.cache_trials)
    server = GrpcServer(service, NAMES, host=options.host, port=options.port, close=service.close)
    return server, f"algorithms: {', '.join(names)}"


def _preload() -> None:
    for name in _SLOW_IMPORTS:
        importlib.import_module(name)


def _earlystopping(options: argparse.Namespace) -> tuple[GrpcServer, str]:
    from katib_control.earlystopping.registry import RULES
    from katib_control.earlystopping.server import EarlyStoppingService
    from katib_control.earlystopping.trial_status import NAMESPACE_VARIABLE, TrialStatusWriter
    from katib_control.kube.client import Client
    from katib_control.kube.cluster import connect

    cluster = connect(options.kubeconfig, options.context)
    stopped: Callable[[str, str], None] | None = None
    if cluster is None:
        logger.warning("no cluster is named: Trials cannot be told that they were stopped (SetTrialStatus)")
    else:
        namespace = os.environ.get(NAMESPACE_VARIABLE) or cluster.namespace
        stopped = TrialStatusWriter(Client(cluster), namespace=namespace).stopped
    names = ("api.v1.beta1.EarlyStopping", "manager.v1beta1.EarlyStopping")
    service = EarlyStoppingService(stopped=stopped)
    server = GrpcServer(service, names, host=options.host, port=options.port, close=service.close)
    return server, f"rules: {', '.join(sorted(RULES))}"


def _algorithm(name: str) -> str:
    from katib_control.suggestion.registry import ALGORITHMS

    if name not in ALGORITHMS:
        raise argparse.ArgumentTypeError(f"there is no algorithm {name!r}; there is {', '.join(sorted(ALGORITHMS))}")
    return name


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: a whole number from 0 to 65535")
    return int(text)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 on")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    from katib_control.suggestion.sessions import MOST_TRIALS

    parser = argparse.ArgumentParser(
        prog="python -m katib_control",
        description="Katib's services as processes. Each says one line on standard output when it listens, "
        "and ends in order on SIGTERM and SIGINT.",
    )
    services = parser.add_subparsers(dest="service", required=True, metavar="SERVICE")
    search = _service(
        services, "suggestion", 6789, _suggestion,
        "search algorithms for any number of Experiments (gRPC api.v1.beta1.Suggestion)",
    )  # fmt: skip
    search.add_argument(
        "--algorithm", nargs="+", action="extend", type=_algorithm, metavar="NAME",
        help="serve these algorithms only (default: all there are); may be given several times",
    )  # fmt: skip
    search.add_argument(
        "--cache-trials", type=_count, default=MOST_TRIALS, metavar="N",
        help="keep so many Trials in memory, about 7 kB each; what is not kept is read again (default: %(default)s)",
    )  # fmt: skip
    stopping = _service(
        services, "earlystopping", 6788, _earlystopping, "early stopping rules (gRPC api.v1.beta1.EarlyStopping)"
    )  # fmt: skip
    stopping.add_argument(
        "--kubeconfig", metavar="FILE", help="the cluster whose Trials are told that they were stopped"
    )
    stopping.add_argument("--context", metavar="NAME", help="context of the kubeconfig")
    return parser


def _service(
    services: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    port: int,
    make: Callable[[argparse.Namespace], tuple[GrpcServer, str]],
    told: str,
) -> argparse.ArgumentParser:
    parser = services.add_parser(name, help=told, description=f"Serve {told}.")
    parser.set_defaults(make=make)
    parser.add_argument("--port", type=_port, default=port, help="port; 0 takes a free one (default: %(default)s)")
    parser.add_argument(
        "--host", default=default_host(), metavar="ADDRESS",
        help="address to listen on (default: 0.0.0.0 in a Kubernetes pod, 127.0.0.1 elsewhere)",
    )  # fmt: skip
    parser.add_argument(
        "--log-level", choices=_LEVELS, default="info", help="what goes to standard error (default: info)"
    )
    return parser


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    sys.stdout.flush()
    # No sys.exit: a model that is still being fitted can neither be waited for nor be unwound from C++.
    os._exit(code)
