"""The parts of README.md and docs/ that are made from code, between ``<!-- name ... -->`` and ``<!-- /name -->``.

``generate.py`` calls ``pages``; nothing is written here.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from katib_control.api.settings import Setting
from katib_control.earlystopping.registry import RULES
from katib_control.suggestion.registry import ALGORITHMS

Definitions = Mapping[str, Mapping[str, Any]]
"""Compiled components (IR YAML, parsed) by name."""

_MUST = "**!**"


def pages(root: Path, definitions: Definitions) -> Iterator[tuple[str, str]]:
    """Yield path and text of every page with generated parts."""
    parts: tuple[tuple[str, str, Callable[[], str]], ...] = (
        ("README.md", "components", lambda: components(definitions)),
        ("docs/algorithms.md", "features", lambda: features(root)),
        ("docs/command-line.md", "commands", commands),
    )
    for path, name, make in parts:
        yield path, replaced((root / path).read_text(encoding="utf-8"), name, make(), path)
    yield from algorithms(root)
    yield rules(root)


def replaced(text: str, name: str, part: str, path: str) -> str:
    """Return the text with another part between its markers; raise ValueError where they are missing."""
    pattern = re.compile(rf"(<!-- {name}\b[^\n]*-->\n).*?(<!-- /{name} -->)", re.DOTALL)
    found, count = pattern.subn(lambda match: f"{match[1]}{part.strip()}\n{match[2]}", text)
    if count != 1:
        raise ValueError(f"{path}: one part between <!-- {name} --> and <!-- /{name} --> is needed, found {count}")
    return found


def components(definitions: Definitions) -> str:
    """Return what each component takes and gives: one row per input or output, one column per component."""
    names = list(definitions)
    heads = " | ".join(f"[`{name}`](components/{name}/README.md)" for name in names)
    rule = " --- |" * (len(names) + 1)
    taken = {name: definitions[name]["root"].get("inputDefinitions", {}).get("parameters", {}) for name in names}
    given = {name: _outputs(definitions[name], name) for name in names}
    lines = [f"What each takes, and what an input is when it is not given ({_MUST} must be given):", ""]
    lines += [f"| input | {heads} |", f"|{rule}"]
    lines += _rows(taken, _default)
    lines += ["", "What each gives:", "", f"| output | {heads} |", f"|{rule}"]
    lines += _rows(given, str)
    return "\n".join(lines)


def _rows(table: Mapping[str, Mapping[str, Any]], show: Callable[[Any], str]) -> Iterator[str]:
    keys = dict.fromkeys(key for column in table.values() for key in column)
    found = {key: [show(column[key]) if key in column else "" for column in table.values()] for key in keys}
    for key in sorted(keys, key=lambda key: _MUST not in found[key]):
        yield f"| `{key}` | {' | '.join(found[key])} |"


def _default(item: Mapping[str, Any]) -> str:
    if not item.get("isOptional"):
        return _MUST
    value = item.get("defaultValue")
    if item["parameterType"] == "NUMBER_INTEGER" and isinstance(value, float):
        value = int(value)
    return f"`{value!r}`" if isinstance(value, str) else f"`{value}`"


def _outputs(definition: Mapping[str, Any], name: str) -> dict[str, str]:
    found = definition["components"][f"comp-{name.replace('_', '-')}"].get("outputDefinitions", {})
    kinds = {
        "STRING": "str", "NUMBER_INTEGER": "int", "NUMBER_DOUBLE": "float", "BOOLEAN": "bool", "LIST": "list",
        "STRUCT": "dict",
    }  # fmt: skip
    parameters = {key: kinds[item["parameterType"]] for key, item in found.get("parameters", {}).items()}
    artifacts = {
        key: item["artifactType"]["schemaTitle"].removeprefix("system.")
        for key, item in found.get("artifacts", {}).items()
    }
    return parameters | artifacts


def features(root: Path) -> str:
    """Return what each algorithm honours and what it refuses; the tests hold them to it."""
    sys.path += [str(root / "tests")]
    matrix = importlib.import_module("features").matrix
    return "\n".join(matrix(list(ALGORITHMS)))


def algorithms(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the page of each algorithm of the registry, with its table of settings."""
    for name, algorithm in ALGORITHMS.items():
        path = f"docs/algorithms/{name}.md"
        text = (root / path).read_text(encoding="utf-8")
        yield path, replaced(text, f"settings {name}", settings(algorithm.settings), path)


def rules(root: Path) -> tuple[str, str]:
    """Return the page of the early stopping rules, with a table of settings for each."""
    path = "docs/early-stopping.md"
    text = (root / path).read_text(encoding="utf-8")
    for name, rule in RULES.items():
        text = replaced(text, f"settings {name}", settings(rule.settings), path)
    return path, text


def settings(table: Sequence[Setting]) -> str:
    """Return a table of settings; those that an algorithm writes itself are named below it."""
    lines = ["| setting | value | default | meaning |", "| --- | --- | --- | --- |"]
    for item in table:
        also = f", also `{item.alias}`" if item.alias else ""
        default = _MUST if item.required else "" if item.default is None else f"`{item.default}`"
        value = item.rule.removeprefix("must be ").removeprefix("must ")
        if not item.written:
            lines.append(f"| `{item.name}`{also} | {value} | {default} | {item.help} |")
    if written := [f"`{item.name}`" for item in table if item.written]:
        lines += ["", f"Written back by the algorithm itself, for people to see: {', '.join(written)}."]
    return "\n".join(lines)


def commands() -> str:
    """Return what ``katib-kfp <command> --help`` tells, one section for each command; shared options stand first."""
    from katib_kfp.cli import cli

    told = {name: list(_options(command)) for name, command in cli.commands.items()}
    counted = Counter(option for options in told.values() for option in options)
    shared = [option for option, count in counted.items() if count > 1 and "--report" not in option]
    lines = ["| before every command | |", "| --- | --- |", *_options(cli), ""]
    lines += ["| where (`run` reads the namespace from its file) | |", "| --- | --- |", *shared, ""]
    for name, command in cli.commands.items():
        arguments = [item for item in command.params if isinstance(item, click.Argument)]
        words = " ".join(_argument(item) for item in arguments)
        lines += [f"### katib-kfp {name} {words}".rstrip(), "", _paragraphs(command.help or ""), ""]
        if own := [option for option in told[name] if option not in shared]:
            lines += ["| option | |", "| --- | --- |", *own, ""]
    return "\n".join(lines)


def _argument(item: click.Argument) -> str:
    name = (item.name or "").upper()
    return f"[{name}]..." if item.nargs == -1 else name


def _options(command: click.Command) -> Iterator[str]:
    for item in command.params:
        if isinstance(item, click.Option):
            metavar = "" if item.is_flag else f" {_metavar(item)}"
            default = f" Default: `{item.default}`." if item.show_default and item.default else ""
            yield f"| `{', '.join(item.opts)}{metavar}` | {item.help}{default} |"


def _metavar(item: click.Option) -> str:
    if isinstance(item.type, click.Choice):
        return "/".join(map(str, item.type.choices))
    return item.metavar or {"text": "TEXT", "file": "FILE"}.get(item.type.name, "NUMBER")


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))
