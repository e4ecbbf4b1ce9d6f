"""The population of population-based training, as its trials tell it: who has ended, who goes on from whom.

A member is a line of trials, one per generation. Its next trial is decided as soon as nothing that is still running can
change it: a member that is better than enough of those that have ended is not among the worst, so it goes on at once;
the worst learn whom to copy when the whole generation has ended. So it does not matter in which order trials end.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from katib_control.api.names import GENERATION_LABEL, MEMBER_LABEL, PARENT_LABEL
from katib_control.suggestion.distinct import next_point
from katib_control.suggestion.history import Record
from katib_control.suggestion.schedules.exploring import explore
from katib_control.suggestion.space import Point, SearchSpace

ATTEMPTS = 2
"""How often a member's trial is made in a generation before the member counts as failed."""

_DIGITS = 12

Key = tuple[int, int]
"""Generation and member."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What never changes in an Experiment. ``share``: the worst part, which copies the best part of the same size."""

    space: SearchSpace
    seed: str
    size: int
    share: float
    resample: float | None
    initial: tuple[Point, ...] = ()

    @property
    def losers(self) -> int:
        """How many copy; at least one stays to be copied."""
        count = math.floor(self.size * self.share + 1e-9)
        return min(max(count, 1 if self.share else 0), self.size - 1)

    def rng(self, generation: int, member: int, purpose: str) -> random.Random:
        """Return the random numbers of one member of one generation."""
        return random.Random(f"{self.seed}/pbt/{generation}/{member}/{purpose}")


@dataclass
class Seat:
    """A member's place in a generation. ``point`` is None until it is asked for: then one near ``around`` is found."""

    parent: str = ""
    point: Point | None = None
    around: Point | None = None


@dataclass
class Generation:
    """``undrawn`` are the seats that have no point yet, ``taken`` the points of the others, the latest last.

    ``ended`` has (loss, member) from the best to the worst, those that failed at the end with an infinite loss;
    ``ranked`` are the members that are or were in it.
    """

    seats: dict[int, Seat] = field(default_factory=dict)
    undrawn: deque[int] = field(default_factory=deque)
    taken: dict[Point, None] = field(default_factory=dict)
    ended: list[tuple[float, int]] = field(default_factory=list)
    ranked: set[int] = field(default_factory=set)
    winners: list[int] = field(default_factory=list)


class Population:
    """Fed with records; ``ready`` lists the seats that need a trial, in the order in which they are handed out."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._generations = [Generation()]
        self._keys: dict[int, Key] = {}
        self._attempts: dict[Key, dict[int, Record]] = {}
        self._due: deque[Key] = deque()
        self.ready: list[Key] = []
        self._fill(0)
        self._settle_all()

    def take(self, changes: Iterable[tuple[int, Record | None]]) -> bool:
        """Take in what has changed; return False where the past is another one now, so that this is of no more use."""
        for position, record in changes:
            key = self._keys.get(position)
            if record is None:
                if key is not None:
                    return False
                continue
            key = key or self.key_of(record)
            if key is None:
                continue
            attempts = self._attempts.setdefault(key, {})
            if position in attempts and not _goes_on(attempts[position], record):
                return False
            self._keys[position] = key
            attempts[position] = record
            self._due.append(key)
            self._settle_all()
        return True

    def key_of(self, record: Record, busy: Collection[Key] = ()) -> Key | None:
        """Return the seat that a record says it has; one that says none has the first that waits for its point."""
        labels = record.labels or {}
        said = [labels.get(GENERATION_LABEL, ""), labels.get(MEMBER_LABEL, "")]
        if all(text.isdecimal() and len(text) < _DIGITS for text in said):
            return int(said[0]), int(said[1])
        return next((key for key in self.ready if key not in busy and self.point(key) == record.point), None)

    def point(self, key: Key) -> Point:
        """Return the point of a seat, drawn after those of the seats before it: they must differ."""
        generation = self._generations[key[0]]
        while (point := generation.seats[key[1]].point) is None:
            self._draw(key[0], generation.undrawn.popleft())
        return point

    def labels(self, key: Key) -> dict[str, str]:
        """Return what is written on the Trial: generation, member and parent."""
        number, member = key
        parent = self._generations[number].seats[member].parent
        labels = {GENERATION_LABEL: str(number), MEMBER_LABEL: str(member)}
        return labels | {PARENT_LABEL: parent} if parent else labels

    def _draw(self, number: int, member: int) -> None:
        rules, generation = self._rules, self._generations[number]
        seat = generation.seats[member]
        known = next(iter(self._attempts.get((number, member), {}).values()), None)
        if known is not None:
            seat.point = known.point
        elif seat.around is not None:
            rng = rules.rng(number, member, "explore")
            seat.point = explore(rules.space, seat.around, rng, generation.taken, rules.resample)
        elif member < len(rules.initial):
            seat.point = rules.initial[member]
        else:
            # Where the population has more members than the space has points, each is repeated after all others.
            latest = list(generation.taken)[1:] if rules.space.size is not None else ()
            seat.point = next_point(rules.space, rules.rng(number, member, "draw"), generation.taken, latest)
        generation.taken.pop(seat.point, None)
        generation.taken[seat.point] = None

    def _settle_all(self) -> None:
        while self._due:
            number, member = self._due.popleft()
            if number < len(self._generations) and member in self._generations[number].seats:
                self._settle(number, member)

    def _settle(self, number: int, member: int) -> None:
        """See what has become of a seat, and what follows from that."""
        records = self._records(number, member)
        done = next((record for record in records if record.state == "finished"), None)
        failed = all(record.state == "failed" for record in records)
        lost = failed and len(records) >= ATTEMPTS
        self._mark((number, member), ready=failed and not lost)
        if done is not None and done.loss is not None:
            self._rank(number, (done.loss, member))
        elif lost:
            self._rank(number, (math.inf, member))

    def _records(self, number: int, member: int) -> list[Record]:
        return [record for _, record in sorted(self._attempts.get((number, member), {}).items())]

    def _mark(self, key: Key, *, ready: bool) -> None:
        place = bisect_left(self.ready, key)
        there = place < len(self.ready) and self.ready[place] == key
        if ready and not there:
            self.ready.insert(place, key)
        elif there and not ready:
            del self.ready[place]

    def _rank(self, number: int, entry: tuple[float, int]) -> None:
        """Count a member as ended. With it one more is certain not to be among the worst: itself, or the next above."""
        generation, rules = self._generations[number], self._rules
        if entry[1] in generation.ranked:
            return
        generation.ranked.add(entry[1])
        insort(generation.ended, entry)
        certain = len(generation.ended) - rules.losers
        if certain > 0:
            loss, member = min(entry, generation.ended[certain - 1])
            if math.isfinite(loss):
                self._go_on(number, member)
        if len(generation.ended) == rules.size:
            self._close(number)

    def _go_on(self, number: int, member: int) -> None:
        """Let a member go on from its own checkpoint with its own parameters."""
        done = self._done(number, member)
        following = self._generation(number + 1)
        following.taken[done.point] = None
        self._seat(number + 1, member, Seat(parent=done.name, point=done.point))

    def _close(self, number: int) -> None:
        """Let those that do not go on copy one that does; where nobody does, fill the generation once more."""
        generation, following = self._generations[number], self._generation(number + 1)
        going = [member for _, member in generation.ended if member in following.seats]
        generation.winners = going[: max(1, self._rules.losers)]
        if not going:
            generation.ended.clear()
            self._fill(number)
        for member in sorted(member for _, member in generation.ended if member not in following.seats):
            self._copy(number + 1, member)

    def _fill(self, number: int) -> None:
        generation = self._generations[number]
        first = max(generation.seats, default=-1) + 1
        for member in range(first, first + self._rules.size):
            if number:
                self._copy(number, member)
            else:
                generation.undrawn.append(member)
                self._seat(number, member, Seat())

    def _copy(self, number: int, member: int) -> None:
        """Let a member go on from the checkpoint of a random winner, with parameters near the winner's."""
        before = self._generations[number - 1]
        winner = self._rules.rng(number, member, "exploit").choice(before.winners)
        done = self._done(number - 1, winner)
        self._generations[number].undrawn.append(member)
        self._seat(number, member, Seat(parent=done.name, around=done.point))

    def _seat(self, number: int, member: int, seat: Seat) -> None:
        self._generations[number].seats[member] = seat
        self._due.append((number, member))

    def _generation(self, number: int) -> Generation:
        if number == len(self._generations):
            self._generations.append(Generation())
        return self._generations[number]

    def _done(self, number: int, member: int) -> Record:
        return next(record for record in self._records(number, member) if record.state == "finished")


def _goes_on(old: Record, new: Record) -> bool:
    """Whether the second can be what became of the first."""
    if (old.name, old.point) != (new.name, new.point):
        return False
    return old.state == "running" or (old.state, old.loss) == (new.state, new.loss)
