"""What an API server answers when it does not do what it was asked (meta/v1 Status).

    KatibError
    └── ApiError                any answer with code >= 400; ``status`` is the whole Status object
        ├── BadRequest 400      ├── Unauthorized 401    ├── Forbidden 403
        ├── NotFound 404        ├── MethodNotAllowed 405
        ├── Conflict 409        (stale resourceVersion)
        │   └── AlreadyExists   (reason AlreadyExists)
        ├── Gone 410            (resourceVersion too old, continue token expired)
        ├── TooLarge 413        ├── UnsupportedMediaType 415
        ├── Invalid 422         ├── TooManyRequests 429
        ├── ServerError 5xx
        └── Unreachable         no answer at all; try again

Whether to try again is ``retryable``, a property of the type.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from katib_control.api.errors import KatibError


class ApiError(KatibError):
    """An answer with a code of 400 or more."""

    code: ClassVar[int] = 500
    reason: ClassVar[str] = "InternalError"
    retryable: ClassVar[bool] = False

    def __init__(
        self, message: str, *, details: dict[str, Any] | None = None, causes: Sequence[dict[str, str]] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = dict(details or {})
        if causes:
            self.details["causes"] = list(causes)

    @property
    def status(self) -> dict[str, Any]:
        """The Status object of the wire."""
        status = {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        }  # fmt: skip
        return status | ({"details": self.details} if self.details else {})


class BadRequest(ApiError):
    """The request itself is malformed."""

    code, reason = 400, "BadRequest"


class Unauthorized(ApiError):
    """No token, or one that is not valid (any more)."""

    code, reason = 401, "Unauthorized"


class Forbidden(ApiError):
    """Known, but not allowed."""

    code, reason = 403, "Forbidden"


class NotFound(ApiError):
    """No such object, or no such kind."""

    code, reason = 404, "NotFound"


class MethodNotAllowed(ApiError):
    """The resource does not do that."""

    code, reason = 405, "MethodNotAllowed"


class NotAcceptable(ApiError):
    """None of the media types asked for is spoken."""

    code, reason = 406, "NotAcceptable"


class Conflict(ApiError):
    """Somebody else has written in between: read again."""

    code, reason, retryable = 409, "Conflict", True


class AlreadyExists(Conflict):
    """An object of that name is there."""

    reason, retryable = "AlreadyExists", False


class Gone(ApiError):
    """The resourceVersion or the continue token is too old: list again."""

    code, reason = 410, "Expired"


class TooLarge(ApiError):
    """The body is larger than the server takes."""

    code, reason = 413, "RequestEntityTooLarge"


class UnsupportedMediaType(ApiError):
    """The body's content type is not spoken here."""

    code, reason = 415, "UnsupportedMediaType"


class Invalid(ApiError):
    """The object breaks rules; ``details.causes`` has one entry for each."""

    code, reason = 422, "Invalid"


class TooManyRequests(ApiError):
    """Later, please."""

    code, reason, retryable = 429, "TooManyRequests", True


class ServerError(ApiError):
    """The server's own trouble."""

    retryable = True


class Unreachable(ServerError):
    """No answer at all."""

    code, reason = 503, "ServiceUnavailable"


_BY_CODE = {
    kind.code: kind
    for kind in (BadRequest, Unauthorized, Forbidden, NotFound, MethodNotAllowed, NotAcceptable, Conflict, Gone,
                 TooLarge, UnsupportedMediaType, Invalid, TooManyRequests)
}  # fmt: skip


def from_status(code: int, status: dict[str, Any]) -> ApiError:
    """Return the error that a server's answer means."""
    kind = AlreadyExists if status.get("reason") == "AlreadyExists" else _BY_CODE.get(code, ServerError)
    error = kind(status.get("message") or f"the server answered {code}", details=status.get("details"))
    return error
