"""Why a step ends early.

SystemExit
└── StepFailed           the step fails with this one line, without a traceback
KatibError
├── ExperimentGone       deleted while somebody waits for it
├── StillThere           deleted, and some finalizer does not let it go
├── NotAdoptable         an Experiment of this name is there, and it is not this step's
└── PlaceError           where to run cannot be decided or reached
BaseException
└── Cancelled            SIGTERM or SIGINT came
    └── Abandoned        whoever started this process is gone
"""

from __future__ import annotations

from katib_control.api.errors import KatibError


class StepFailed(SystemExit):
    """Ends the process with code 1 and one line on stderr."""


class ExperimentGone(KatibError):
    """The Experiment was deleted."""


class StillThere(KatibError):
    """The Experiment was deleted and is not gone."""


class NotAdoptable(KatibError):
    """The name is taken by an Experiment that this step must not touch."""


class PlaceError(KatibError):
    """No API server can be found or reached."""


class Cancelled(BaseException):
    """A signal asked this process to end. No ``Exception``, so that nothing swallows it."""


class Abandoned(Cancelled):
    """Nobody reads what this process writes. Not asked to end, so whatever it has made is kept."""
