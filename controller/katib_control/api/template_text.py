"""Trial templates kept as text (YAML or JSON in a ConfigMap): parsed *before* placeholders are filled in.

So a value can never change the shape of the template, whatever quotes or line breaks it has. Unquoted scalars with a
placeholder become ``Plain``, whose type follows from the filled-in text as YAML would have read it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import yaml

from katib_control.api.errors import TemplateError

PLACEHOLDER = re.compile(r"\$\{trialParameters\.(.+?)\}")

_TOKEN = "katib-placeholder-{}-end"
_TOKENS = re.compile(_TOKEN.format(r"(\d+)"))
_PLAIN_TAG = "!katib-plain"


class Plain(str):
    """The text of an unquoted scalar that holds a placeholder."""


class _Loader(yaml.SafeLoader):
    """YAML as Kubernetes reads it: timestamps stay text, ``1e-5`` is a number, no infinities."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if not tag.endswith((":timestamp", ":float"))]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$"),
    list("-+.0123456789"),
)
_Loader.add_constructor("tag:yaml.org,2002:float", lambda _, node: float(node.value))
_Loader.add_constructor(_PLAIN_TAG, lambda _, node: Plain(node.value))


@lru_cache(maxsize=64)
def skeleton(text: str) -> Any:
    """Return the first document, placeholders still in it; raise TemplateError where it is no YAML.

    The result is shared: never change it.
    """
    found: list[str] = []

    def hide(match: re.Match[str]) -> str:
        found.append(match.group())
        return _TOKEN.format(len(found) - 1)

    loader = _Loader(PLACEHOLDER.sub(hide, text))
    try:
        node = loader.get_node() if loader.check_node() else None
        _restore(node, found)
        return loader.construct_document(node) if node is not None else None
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise TemplateError(f"trial template is no valid YAML: {error.problem}{line}") from error
    except yaml.YAMLError as error:
        raise TemplateError(f"trial template is no valid YAML: {' '.join(str(error).split())}") from error
    finally:
        loader.dispose()


def typed(text: str) -> Any:
    """Return the value that YAML reads in an unquoted scalar."""
    loader = _Loader("")
    try:
        tag = loader.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]  # gap in the stubs
        return loader.construct_object(yaml.ScalarNode(tag, text))
    except ValueError:
        return text
    finally:
        loader.dispose()


def _restore(node: Any, found: list[str]) -> None:
    """Put the placeholders back into scalars, and mark the unquoted ones."""
    seen: set[int] = set()
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            value = _TOKENS.sub(lambda match: found[int(match.group(1))], node.value)
            if value != node.value:
                node.value, node.tag = value, (_PLAIN_TAG if node.style is None else "tag:yaml.org,2002:str")
        elif isinstance(node, yaml.MappingNode):
            waiting += [part for pair in node.value for part in pair]
        else:
            waiting += node.value
