"""The service's memory: whose it is, and that it is bounded."""

from __future__ import annotations

from katib_control.pb import api_pb2 as pb
from katib_control.suggestion.asked import Asked, Reader
from katib_control.suggestion.registry import ALGORITHMS
from katib_control.suggestion.sessions import Session, Sessions
from serving import experiment_message, trial_message


def asked(name: str = "x", trials: int = 0, shift: int = 0, **settings: str) -> Asked:
    message = experiment_message(name=name, settings=settings)
    made = [trial_message(f"{shift}-{n}", {"x": str(n / 1000)}, "1", start=n) for n in range(trials)]
    request = pb.GetSuggestionsRequest(experiment=message, trials=made, current_request_number=1)
    return Reader(ALGORITHMS).read(request.SerializeToString(), {})


def use(sessions: Sessions, question: Asked) -> Session:
    session = sessions.find(question)
    session.ask(question)
    return session


def test_a_history_that_goes_on_finds_its_session() -> None:
    sessions = Sessions(ALGORITHMS)
    first = use(sessions, asked())
    assert all(use(sessions, asked(trials=count)) is first for count in range(1, 9))


def test_another_history_another_spec_and_another_name_have_sessions_of_their_own() -> None:
    sessions = Sessions(ALGORITHMS)
    questions = [asked(trials=5), asked(trials=5, shift=1), asked(trials=5, random_state="1"), asked("y", trials=5)]
    found = [use(sessions, question) for question in questions]
    assert len(set(found)) == 4
    assert [use(sessions, question) for question in questions] == found


def test_the_session_that_knows_most_is_taken() -> None:
    sessions = Sessions(ALGORITHMS)
    long = use(sessions, asked(trials=5))
    short = use(sessions, asked())
    assert short is not long
    assert use(sessions, asked(trials=6)) is long


def test_the_least_recently_asked_is_dropped_when_there_are_too_many() -> None:
    sessions = Sessions(ALGORITHMS, sessions=2)
    first, second = use(sessions, asked("a")), use(sessions, asked("b"))
    assert use(sessions, asked("a")) is first
    use(sessions, asked("c"))
    assert use(sessions, asked("a")) is first
    assert use(sessions, asked("b")) is not second


def test_the_number_of_trials_is_bounded_but_the_one_in_use_is_kept() -> None:
    sessions = Sessions(ALGORITHMS, trials=100)
    first = use(sessions, asked("a", trials=60))
    second = use(sessions, asked("b", trials=60))
    assert use(sessions, asked("b", trials=61)) is second
    assert use(sessions, asked("a", trials=60)) is not first
    large = use(sessions, asked("c", trials=500))
    assert use(sessions, asked("c", trials=501)) is large
