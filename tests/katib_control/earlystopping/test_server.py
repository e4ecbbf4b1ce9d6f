"""The EarlyStopping service as Katib's controller and metrics collectors meet it, through the generated stubs."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import grpc
import pytest

from builders import trial
from katib_control.api.crd import crds
from katib_control.apiserver.server import ApiServer
from katib_control.apiserver.store import Store
from katib_control.earlystopping.server import EarlyStoppingService
from katib_control.earlystopping.trial_status import TrialStatusWriter
from katib_control.kube.client import Client
from katib_control.kube.errors import Conflict
from katib_control.kube.http import Request, Response
from katib_control.kube.resources import CRDS, NAMESPACES, TRIALS
from katib_control.pb import api_pb2 as pb
from katib_control.pb import api_pb2_grpc

STATES = pb.TrialStatus
Stub = api_pb2_grpc.EarlyStoppingStub


class DbManager(api_pb2_grpc.DBManagerServicer):
    """An observation log with these curves."""

    def __init__(self) -> None:
        self.curves: dict[str, Sequence[object]] = {}
        self.asked: Counter[str] = Counter()
        self.slow = threading.Event()
        self.slow.set()
        self.error: grpc.StatusCode | None = None

    def GetObservationLog(
        self, request: pb.GetObservationLogRequest, context: grpc.ServicerContext
    ) -> pb.GetObservationLogReply:
        self.asked[request.trial_name] += 1
        self.slow.wait(20)
        if self.error is not None:
            context.abort(self.error, "it is not well")
        reply = pb.GetObservationLogReply()
        for second, value in enumerate(self.curves.get(request.trial_name, ())):
            metric = {"name": request.metric_name, "value": str(value)}
            reply.observation_log.metric_logs.add(time_stamp=f"2026-01-31T12:00:{second:02d}Z", metric=metric)
        return reply


@contextmanager
def listening(add: Any) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(16))
    add(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


@pytest.fixture
def log() -> Iterator[DbManager]:
    made = DbManager()
    yield made
    made.slow.set()


@pytest.fixture
def address(log: DbManager) -> Iterator[str]:
    with listening(lambda server: api_pb2_grpc.add_DBManagerServicer_to_server(log, server)) as found:
        yield found


@contextmanager
def serving(service: EarlyStoppingService) -> Iterator[Stub]:
    with listening(service.add_to) as address, grpc.insecure_channel(address) as channel:
        yield Stub(channel)
    service.close()


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving(EarlyStoppingService()) as found:
        yield found


def wanted(rule: str = "medianstop", **settings: object) -> pb.EarlyStoppingSpec:
    pairs = [{"name": name, "value": str(value)} for name, value in settings.items()]
    return pb.EarlyStoppingSpec(algorithm_name=rule, algorithm_settings=pairs)


def request_of(
    address: str, trials: Sequence[pb.Trial], stopping: pb.EarlyStoppingSpec | None = None, kind: int = pb.MAXIMIZE,
    name: str = "x",
) -> pb.GetEarlyStoppingRulesRequest:  # fmt: skip
    objective = {"type": kind, "objective_metric_name": "accuracy"}
    spec = pb.ExperimentSpec(objective=objective, early_stopping=stopping or wanted(start_step=2))
    experiment = pb.Experiment(name=name, spec=spec)
    return pb.GetEarlyStoppingRulesRequest(experiment=experiment, trials=trials, db_manager_address=address)


def of(*names: str, state: int = STATES.SUCCEEDED) -> list[pb.Trial]:
    return [pb.Trial(name=name, status={"condition": state, "start_time": "2026-01-31T12:00:00Z"}) for name in names]


def rules(stub: Stub, request: pb.GetEarlyStoppingRulesRequest, timeout: float = 20) -> list[tuple[Any, ...]]:
    reply = stub.GetEarlyStoppingRules(request, timeout=timeout)
    return [(item.name, item.value, item.comparison, item.start_step) for item in reply.early_stopping_rules]


def test_an_experiment_that_asks_for_no_rule_gets_none(stub: Stub) -> None:
    request = pb.GetEarlyStoppingRulesRequest(experiment={"name": "x"}, trials=of("a", "b"), db_manager_address="a:1")
    assert rules(stub, request) == []


def refusal(call: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code(), caught.value.details()


@pytest.mark.parametrize(
    ("kind", "comparison"), [pytest.param(pb.MAXIMIZE, pb.LESS), pytest.param(pb.MINIMIZE, pb.GREATER)]
)
def test_one_rule_with_the_median_of_the_averages_at_start_step(
    stub: Stub, log: DbManager, address: str, kind: int, comparison: int
) -> None:
    """Katib answers the mean of the averages."""
    log.curves = {"a": [0.1, 0.3, 9], "b": [0.4, 0.6, 9], "c": [70, 30, 9]}
    assert rules(stub, request_of(address, of("a", "b", "c"), kind=kind)) == [("accuracy", "0.5", comparison, 2)]


@pytest.mark.parametrize(
    ("stopping", "expected"),
    [
        pytest.param(wanted("percentile", percentile=25, start_step=2, min_trials_required=1), ("4.0", 2)),
        pytest.param(wanted("percentile", percentile=75, start_step=2, min_trials_required=1), ("2.0", 2)),
        pytest.param(wanted("asha", eta=2, start_step=2), ("4.0", 2), id="asha keeps two of five"),
        pytest.param(wanted("medianstop", start_step=1), ("3.0", 1), id="medianstop from the first step on"),
    ],
)
def test_every_rule_is_served(
    stub: Stub, log: DbManager, address: str, stopping: pb.EarlyStoppingSpec, expected: tuple[str, int]
) -> None:
    log.curves = {str(value): [value] * 3 for value in (1, 2, 3, 4, 5)}
    assert [item[1::2] for item in rules(stub, request_of(address, of(*log.curves), stopping))] == [expected]


def test_there_is_no_rule_until_enough_trials_have_ended(stub: Stub, log: DbManager, address: str) -> None:
    log.curves = {"a": [1, 1], "b": [2, 2], "c": [3, 3]}
    assert rules(stub, request_of("", [])) == []
    assert rules(stub, request_of(address, of("a", "b"))) == []
    assert len(rules(stub, request_of(address, of("a", "b", "c")))) == 1


@pytest.mark.parametrize("curve", [[], ["unavailable"], ["unavailable", "unavailable"], [0.9], ["nan", "inf"]])
def test_curves_that_say_nothing_at_the_step_are_passed_over(
    stub: Stub, log: DbManager, address: str, curve: list[object]
) -> None:
    """Katib's service ends with a division by zero or a value error."""
    log.curves = {"a": [1, 1], "b": [2, 2], "odd": curve}
    assert rules(stub, request_of(address, of("a", "odd", "b"))) == []
    log.curves["c"] = [3, 3]
    assert rules(stub, request_of(address, of("a", "odd", "b", "c")))[0][1] == "2.0"


@pytest.mark.parametrize(
    ("state", "counts"),
    [
        pytest.param(STATES.SUCCEEDED, True, id="succeeded"),
        pytest.param(STATES.EARLYSTOPPED, True, id="stopped early: as far as it got"),
        pytest.param(STATES.FAILED, False, id="failed"),
        pytest.param(STATES.KILLED, False, id="killed"),
        pytest.param(STATES.METRICSUNAVAILABLE, False, id="without metrics"),
        pytest.param(STATES.RUNNING, False, id="running"),
        pytest.param(STATES.CREATED, False, id="created"),
        pytest.param(STATES.UNKNOWN, False, id="unknown"),
    ],
)
def test_which_trials_count(stub: Stub, log: DbManager, address: str, state: int, counts: bool) -> None:
    log.curves = {"a": [1, 1], "b": [2, 2], "other": [3, 3]}
    trials = [*of("a", "b"), *of("other", state=state)]
    assert bool(rules(stub, request_of(address, trials))) == counts
    assert bool(log.asked["other"]) == counts


def test_curves_are_read_once_and_settings_every_time(stub: Stub, log: DbManager, address: str) -> None:
    log.curves = {"a": [1, 4], "b": [2, 5], "c": [3, 6]}
    trials = of("a", "b", "c")
    assert rules(stub, request_of(address, trials))[0][1] == "3.5"
    assert rules(stub, request_of(address, trials, wanted(start_step=1)))[0][1] == "2.0"
    assert rules(stub, request_of(address, trials, wanted(min_trials_required=4))) == []
    assert set(log.asked.values()) == {1}


def test_a_trial_run_again_under_its_name_is_read_again(stub: Stub, log: DbManager, address: str) -> None:
    log.curves = {"a": [1, 1], "b": [2, 2], "c": [3, 3]}
    trials = of("a", "b", "c")
    assert rules(stub, request_of(address, trials))[0][1] == "2.0"
    log.curves["b"] = [1, 1]
    trials[1].status.start_time = "2026-01-31T13:00:00Z"
    assert rules(stub, request_of(address, trials))[0][1] == "1.0"


def test_logs_at_other_addresses_are_other_logs(stub: Stub, log: DbManager, address: str) -> None:
    log.curves = dict.fromkeys("abc", (1, 1))
    other = DbManager()
    other.curves = dict.fromkeys("abc", (7, 7))
    with listening(lambda server: api_pb2_grpc.add_DBManagerServicer_to_server(other, server)) as elsewhere:
        assert rules(stub, request_of(address, of(*"abc")))[0][1] == "1.0"
        assert rules(stub, request_of(elsewhere, of(*"abc")))[0][1] == "7.0"


def test_memory_is_bounded(log: DbManager, address: str) -> None:
    log.curves = {str(number): [number] * 10 for number in range(9)}
    with serving(EarlyStoppingService(capacity=30)) as stub:
        for _ in range(2):
            assert rules(stub, request_of(address, of(*log.curves)))[0][1] == "4.0"
    assert sum(log.asked.values()) == 9 + 6, "three curves are kept"


@pytest.mark.parametrize("address", ["", "nohost", ":6789", "host:", "host:port", "host:0", "host:70000"])
def test_an_address_must_be_host_and_port(stub: Stub, address: str) -> None:
    code, told = refusal(lambda: rules(stub, request_of(address, of("a"))))
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert "db_manager_address: must be host:port" in told


def test_the_objective_must_be_named(stub: Stub, address: str) -> None:
    request = request_of(address, of("a"))
    request.experiment.spec.objective.objective_metric_name = ""
    code, told = refusal(lambda: stub.GetEarlyStoppingRules(request))
    assert (code, "spec.objective.objectiveMetricName" in told) == (grpc.StatusCode.INVALID_ARGUMENT, True)


def test_a_log_that_cannot_be_read_is_told_with_its_address(stub: Stub, log: DbManager, address: str) -> None:
    log.error = grpc.StatusCode.INTERNAL
    code, told = refusal(lambda: rules(stub, request_of(address, of("a"))))
    assert code == grpc.StatusCode.UNAVAILABLE
    assert told == f"the observation log at {address} cannot be read: it is not well"


def test_a_trial_that_the_log_does_not_know_is_passed_over(stub: Stub, log: DbManager, address: str) -> None:
    log.error = grpc.StatusCode.NOT_FOUND
    assert rules(stub, request_of(address, of("a"))) == []


def test_an_answer_comes_before_the_deadline_from_what_could_be_read(stub: Stub, log: DbManager, address: str) -> None:
    log.curves = {"a": [1, 1], "b": [2, 2], "c": [3, 3], "d": [4, 4]}
    assert len(rules(stub, request_of(address, of("a", "b", "c")))) == 1
    log.slow.clear()
    assert rules(stub, request_of(address, of("a", "b", "c", "d")), timeout=1)[0][1] == "2.0"


def test_one_experiments_slow_log_delays_no_other(stub: Stub, log: DbManager, address: str) -> None:
    log.slow.clear()
    waiting = stub.GetEarlyStoppingRules.future(request_of(address, of("a")), timeout=20)
    quick = DbManager()
    quick.curves = dict.fromkeys("abc", (1, 1))
    with listening(lambda server: api_pb2_grpc.add_DBManagerServicer_to_server(quick, server)) as elsewhere:
        assert rules(stub, request_of(elsewhere, of(*"abc"), name="y"), timeout=10)[0][1] == "1.0"
    assert not waiting.done()
    log.slow.set()
    assert list(waiting.result().early_stopping_rules) == []


@pytest.mark.parametrize(
    ("stopping", "told"),
    [
        pytest.param(wanted(min_trials_required=0), "min_trials_required must be a whole number, greater than 0"),
        pytest.param(wanted(start_step=0), "start_step must be a whole number, at least 1"),
        pytest.param(wanted(min_trials_required="many"), "algorithmSettings[0].value: min_trials_required"),
        pytest.param(wanted(unknown=1), "algorithmSettings[0].name: algorithm medianstop has no such setting"),
        pytest.param(wanted("median"), "spec.earlyStopping.algorithmName: no such early stopping rule"),
        pytest.param(wanted(""), "spec.earlyStopping.algorithmName: must not be empty"),
    ],
)
def test_wrong_settings_are_refused_by_name(
    stub: Stub, address: str, stopping: pb.EarlyStoppingSpec, told: str
) -> None:
    request = pb.ValidateEarlyStoppingSettingsRequest(early_stopping=stopping)
    for call in (
        lambda: stub.ValidateEarlyStoppingSettings(request),
        lambda: rules(stub, request_of(address, of("a"), stopping)),
    ):
        code, said = refusal(call)
        assert (code, told in said) == (grpc.StatusCode.INVALID_ARGUMENT, True), said


def test_right_settings_are_answered_with_nothing(stub: Stub) -> None:
    request = pb.ValidateEarlyStoppingSettingsRequest(early_stopping=wanted(min_trials_required=1, start_step=1))
    assert stub.ValidateEarlyStoppingSettings(request) == pb.ValidateEarlyStoppingSettingsReply()


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    server = ApiServer(Store(tmp_path))
    made = Client(server.handle)
    for crd in crds():
        made.create(CRDS, crd)
    made.create(NAMESPACES, {"metadata": {"name": "elsewhere"}})
    yield made
    server.close()


NOON = datetime(2026, 1, 31, 13, tzinfo=timezone(timedelta(hours=1)))


def stored(client: Client, namespace: str = "default", **conditions: str) -> None:
    built = trial("t").namespace(namespace).running()
    for kind, reason in conditions.items():
        built = built.condition(kind, reason)
    body = built.to_dict()
    body["metadata"].pop("uid")
    made = client.create(TRIALS, body)
    made["status"] = body["status"]
    client.patch(TRIALS, "t", {"status": body["status"]}, namespace, subresource="status")


def conditions(client: Client, namespace: str = "default") -> list[dict[str, str]]:
    found: list[dict[str, str]] = client.get(TRIALS, "t", namespace)["status"]["conditions"]
    return found


def test_set_trial_status_says_it_on_the_trial_in_utc_and_once(client: Client) -> None:
    stored(client)
    with serving(EarlyStoppingService(stopped=TrialStatusWriter(client, lambda: NOON).stopped)) as stub:
        stub.SetTrialStatus(pb.SetTrialStatusRequest(trial_name="t"))
        last = conditions(client)[-1]
        assert {"type": "EarlyStopped", "status": "True", "reason": "TrialEarlyStopped"}.items() <= last.items()
        assert last["lastTransitionTime"] == last["lastUpdateTime"] == "2026-01-31T12:00:00Z"
        version = client.get(TRIALS, "t", "default")["metadata"]["resourceVersion"]
        stub.SetTrialStatus(pb.SetTrialStatusRequest(trial_name="t"))
    assert client.get(TRIALS, "t", "default")["metadata"]["resourceVersion"] == version
    assert [item["type"] for item in conditions(client)] == ["Created", "Running", "EarlyStopped"]


def test_a_trial_that_has_ended_keeps_its_end(client: Client) -> None:
    stored(client, Succeeded="TrialSucceeded")
    with serving(EarlyStoppingService(stopped=TrialStatusWriter(client).stopped)) as stub:
        stub.SetTrialStatus(pb.SetTrialStatusRequest(trial_name="t"))
    assert conditions(client)[-1]["type"] == "Succeeded"


def test_the_namespace_comes_with_the_call_or_is_the_writers_own(client: Client) -> None:
    for namespace in ("default", "elsewhere"):
        stored(client, namespace)
    writer = TrialStatusWriter(client, namespace="elsewhere")
    with serving(EarlyStoppingService(stopped=writer.stopped)) as stub:
        stub.SetTrialStatus(pb.SetTrialStatusRequest(trial_name="t"))
        assert [conditions(client, item)[-1]["type"] for item in ("default", "elsewhere")] == [
            "Running",
            "EarlyStopped",
        ]
        stub.SetTrialStatus(pb.SetTrialStatusRequest(trial_name="t"), metadata=[("namespace", "default")])
        assert conditions(client)[-1]["type"] == "EarlyStopped"


@pytest.mark.parametrize(("conflicts", "code"), [(3, None), (100, grpc.StatusCode.UNAVAILABLE)])
def test_writes_of_others_in_between_are_no_error_as_long_as_they_end(
    client: Client, conflicts: int, code: grpc.StatusCode | None
) -> None:
    stored(client)
    left = conflicts

    def meddled(request: Request) -> Response:
        nonlocal left
        if request.method == "PATCH" and left:
            left -= 1
            raise Conflict("the object has been modified")
        return client._transport(request)

    with serving(EarlyStoppingService(stopped=TrialStatusWriter(Client(meddled)).stopped)) as stub:
        if code is None:
            stub.SetTrialStatus(pb.SetTrialStatusRequest(trial_name="t"))
            assert conditions(client)[-1]["type"] == "EarlyStopped"
        else:
            assert refusal(lambda: stub.SetTrialStatus(pb.SetTrialStatusRequest(trial_name="t")))[0] == code


def test_a_trial_that_is_not_there_is_told(client: Client) -> None:
    with serving(EarlyStoppingService(stopped=TrialStatusWriter(client).stopped)) as stub:
        assert refusal(lambda: stub.SetTrialStatus(pb.SetTrialStatusRequest(trial_name="t"))) == (
            grpc.StatusCode.NOT_FOUND, 'trials.kubeflow.org "t" not found',
        )  # fmt: skip
        code, told = refusal(lambda: stub.SetTrialStatus(pb.SetTrialStatusRequest()))
        assert (code, told) == (grpc.StatusCode.INVALID_ARGUMENT, "trial_name: must not be empty")


def test_without_a_cluster_no_trial_can_be_told(stub: Stub) -> None:
    code, told = refusal(lambda: stub.SetTrialStatus(pb.SetTrialStatusRequest(trial_name="t")))
    assert (code, "kubeconfig" in told) == (grpc.StatusCode.FAILED_PRECONDITION, True)
