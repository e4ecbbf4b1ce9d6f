"""What can go wrong with the observation log.

KatibError
└── ObservationStoreError   cannot be opened, read or written; or an entry that cannot be kept
"""

from __future__ import annotations

from katib_control.api.errors import KatibError


class ObservationStoreError(KatibError):
    """The message names the file or server and the cause."""
