"""What can go wrong when metrics are collected.

KatibError
└── FilterError     a filter of the Experiment cannot be used: it does not compile, has too few groups, or never ends
"""

from __future__ import annotations

from katib_control.api.errors import KatibError


class FilterError(KatibError):
    """The message names the filter and the cause."""
