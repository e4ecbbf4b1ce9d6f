"""One request to a resource, understood: which kind and object, and the options in its query."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from katib_control.api.errors import FieldError
from katib_control.apiserver.changes import Key
from katib_control.apiserver.problems import invalid_as, qualified
from katib_control.apiserver.types import ServedType
from katib_control.kube.errors import BadRequest
from katib_control.kube.http import Request
from katib_control.runtime.clock import Clock, system_clock

_VALIDATIONS = ("Ignore", "Warn", "Strict")


@dataclass(frozen=True)
class Call:
    """A request, the kind it is about, and namespace, name and subresource from its path ("" where absent)."""

    request: Request
    served: ServedType
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    clock: Clock = system_clock

    @cached_property
    def resource(self) -> str:
        """``plural.group``: the resource as the store names it."""
        return self.served.alias.resource if self.served.alias else qualified(self.served)

    @property
    def key(self) -> Key:
        """Where the object is."""
        return Key(self.resource, self.namespace, self.name)

    def option(self, name: str) -> str:
        """Return a query parameter, "" when absent."""
        return self.request.query.get(name, "")

    @property
    def fields(self) -> str:
        """The field selector, in the words of what is stored."""
        found = self.option("fieldSelector")
        for here, there in self.served.alias.fields if self.served.alias else ():
            found = found.replace(here, there)
        return found

    def flag(self, name: str) -> bool:
        """Return a query parameter that is true or false."""
        return self.option(name) in ("true", "1", "True")

    def number(self, name: str) -> int | None:
        """Return a query parameter that is a whole number, None when absent; raise BadRequest."""
        text = self.option(name)
        if not text:
            return None
        try:
            found = int(text)
        except ValueError:
            raise BadRequest(f'{name}: Invalid value: "{text}": must be a whole number') from None
        if found < 0:
            raise BadRequest(f"{name}: Invalid value: {text}: must be greater than or equal to 0")
        return found

    @property
    def dry_run(self) -> bool:
        """Whether nothing is to be stored; raise Invalid for anything but ``All``."""
        return check_dry_run(self.option("dryRun"))

    @property
    def field_validation(self) -> str:
        """What is to be done about unknown fields; raise Invalid."""
        asked = self.option("fieldValidation") or "Warn"
        if asked not in _VALIDATIONS:
            raise _bad_option("fieldValidation", asked, _VALIDATIONS)
        return asked


def check_dry_run(asked: str) -> bool:
    """Return whether a dry run is asked for; raise Invalid for anything but ``All``."""
    if asked not in ("", "All"):
        raise _bad_option("dryRun", asked, ("All",))
    return asked == "All"


def _bad_option(name: str, asked: str, supported: tuple[str, ...]) -> Exception:
    shown = ", ".join(f'"{value}"' for value in sorted(supported))
    error = FieldError(
        name, f'Unsupported value: "{asked}": supported values: {shown}', reason="FieldValueNotSupported"
    )
    return invalid_as('Options.meta.k8s.io ""', [error], {"group": "meta.k8s.io", "kind": "Options"})
