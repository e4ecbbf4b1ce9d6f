"""What the service remembers of the Experiments it is asked about: a cache, and nothing but a cache.

A session belongs to one search and one line of history. It is found by the Experiment's identity, by what is searched,
and by the Trials themselves: all that had ended when it was last asked must be in the request, word for word. So two
clients that use one name for different things have a session each.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping

from katib_control.api.experiment import Experiment
from katib_control.api.suggestion import Answer, Question
from katib_control.runtime.lanes import Lane
from katib_control.suggestion.algorithm import Algorithm
from katib_control.suggestion.asked import Asked
from katib_control.suggestion.engine import Engine
from katib_control.suggestion.received import Received

MOST_SESSIONS = 256
MOST_TRIALS = 50_000
"""Trials that all sessions keep together; each takes about 7 kB. The session in use is kept whatever its size."""


class Session:
    """One search. Only its lane's jobs may call ``ask``; the rest may be called by anyone at any time."""

    def __init__(self, algorithms: Mapping[str, Algorithm]) -> None:
        self.lane = Lane()
        self._algorithms = algorithms
        self._engine = Engine(algorithms, capacity=1)
        self._received = Received()
        self._named: tuple[Experiment, str, Experiment] | None = None

    @property
    def size(self) -> int:
        """How many Trials it keeps."""
        return len(self._received.entries)

    def fits(self, asked: Asked) -> bool:
        """Whether every Trial that had ended is still there, unchanged."""
        return self._received.fits(asked)

    def ask(self, asked: Asked) -> Answer:
        """Take in what is new and put the question to the algorithm; raise InvalidObject for what cannot be asked."""
        if not self._received.update(asked):
            # Rather than trust that every model unlearns rightly, begin anew.
            self._engine = Engine(self._algorithms, capacity=1)
        names = {entry.name for entry in self._received.entries} if asked.pending else set()
        question = Question(
            experiment=self._experiment(asked.experiment),
            trials=self._received.trials,
            pending=[item for item in asked.pending if not item.name or item.name not in names],
            index=asked.index,
            count=asked.count,
        )
        return self._engine.ask(question)

    def _experiment(self, asked: Experiment) -> Experiment:
        """Return the Experiment with the metric's name: some clients say it with each Trial only."""
        objective = asked.spec.objective
        if objective is None or objective.objective_metric_name:
            return asked
        said = (trial.spec.objective.objective_metric_name for trial in self._received.trials if trial.spec.objective)
        name = next(filter(None, said), "")
        if self._named is None or self._named[0] is not asked or self._named[1] != name:
            found = asked.but(spec=asked.spec.but(objective=objective.but(objective_metric_name=name)))
            self._named = asked, name, found
        return self._named[2]


class Sessions:
    """All sessions, the least recently asked going first where there are too many."""

    def __init__(
        self, algorithms: Mapping[str, Algorithm], *, sessions: int = MOST_SESSIONS, trials: int = MOST_TRIALS
    ) -> None:
        self._algorithms = algorithms
        self._most_sessions, self._most_trials = sessions, trials
        self._sessions: OrderedDict[Session, str] = OrderedDict()
        self._by_key: dict[str, list[Session]] = {}
        self._lock = threading.Lock()

    def find(self, asked: Asked) -> Session:
        """Return the session that knows most of this history, or a new one."""
        with self._lock:
            candidates = list(self._by_key.get(asked.key, ()))
        found = max(filter(lambda session: session.fits(asked), candidates), key=lambda item: item.size, default=None)
        session = found or Session(self._algorithms)
        with self._lock:
            if session not in self._sessions:
                self._by_key.setdefault(asked.key, []).append(session)
            self._sessions[session] = asked.key
            self._sessions.move_to_end(session)
            self._evict()
        return session

    def _evict(self) -> None:
        total = sum(session.size for session in self._sessions)
        while len(self._sessions) > 1 and (len(self._sessions) > self._most_sessions or total > self._most_trials):
            session, key = self._sessions.popitem(last=False)
            total -= session.size
            self._by_key[key].remove(session)
            if not self._by_key[key]:
                del self._by_key[key]
