"""Reading a condition expression; see ``gjson`` for the language."""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import get_close_matches

from katib_control.api.errors import ExpressionError
from katib_control.api.gjson_path import MODIFIERS, Count, Key, Modifier, Path, Query, Select, Step, wildcard

_CLOSING = {"(": ")", "[": "]", "{": "}"}
_OPERATORS = ("==", "!=", "!%", "<=", ">=", "=", "<", ">", "%")


def parse_path(text: str) -> Path:
    """Return the steps of an expression; raise ExpressionError."""
    return _Parser(text.strip(), text).whole()


class _Parser:
    """A cursor over one path; paths inside queries and selections get parsers of their own."""

    def __init__(self, text: str, expression: str) -> None:
        self.text = text
        self.expression = expression
        self.at = 0

    def error(self, problem: str) -> ExpressionError:
        return ExpressionError(f"condition {self.expression!r}: {problem}")

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def whole(self) -> Path:
        path = self.path()
        while self.peek() == "|":
            self.at += 1
            path += self.path()
        return path

    def path(self) -> Path:
        """Read up to a pipe or the end."""
        segments: list[tuple[Step, ...]] = []
        steps: list[Step] = []
        while True:
            if self.peek() in ("", ".", "|"):
                raise self.error(f"a name is missing {self._where()}")
            if self.peek() in "@[{" and steps:
                # As in GJSON: a dot before these is a pipe, so they see "nothing" too.
                segments.append(tuple(steps))
                steps = []
            steps.append(self._step())
            if self.peek() != ".":
                break
            self.at += 1
        return (*segments, tuple(steps))

    def _where(self) -> str:
        return f"before {self.text[self.at :]!r}" if self.peek() else "at the end"

    def _step(self) -> Step:
        char = self.peek()
        following = self.text[self.at + 1 : self.at + 2]
        if char == "#" and following in ("", ".", "|"):
            self.at += 1
            return Count(self._each())
        if char == "#" and following in ("(", "["):
            return self._query()
        if char == "@":
            return self._modifier()
        if char in ("[", "{"):
            return self._select()
        if char == "!":
            raise self.error("literals (!) are not supported")
        return self._key()

    def _each(self) -> Path:
        if self.peek() != ".":
            return ()
        self.at += 1
        return self.path()

    def _key(self) -> Key:
        start = self.at
        while self.peek() not in ("", ".", "|"):
            self.at += 2 if self.peek() == "\\" else 1
        raw = self.text[start : self.at]
        plain = raw.replace("\\\\", "").replace("\\*", "").replace("\\?", "")
        pattern = wildcard(raw) if "*" in plain or "?" in plain else None
        return Key("".join(_unescaped(raw)), pattern)

    def _balanced(self) -> str:
        """Read a bracketed text from its opening bracket; return what is inside."""
        start, stack = self.at, []
        while self.at < len(self.text):
            char = self.peek()
            if char == '"':
                self._string()
                continue
            if char == "\\":
                self.at += 1
            elif char in _CLOSING:
                stack.append(_CLOSING[char])
            elif char in ")]}":
                if stack.pop() != char:
                    break
                if not stack:
                    self.at += 1
                    return self.text[start + 1 : self.at - 1]
            self.at += 1
        raise self.error(f"the bracket of {self.text[start:]!r} is not closed")

    def _string(self) -> None:
        start = self.at
        self.at += 1
        while self.peek() != '"':
            if not self.peek():
                raise self.error(f"the quote of {self.text[start:]!r} is not closed")
            self.at += 2 if self.peek() == "\\" else 1
        self.at += 1

    def _query(self) -> Query:
        self.at += 1
        inside = self._balanced()
        every = self.peek() == "#"
        self.at += every
        if self.peek() not in ("", ".", "|"):
            raise self.error(f"a dot or pipe is missing {self._where()}")
        left, op, right = self._comparison(inside)
        path = _Parser(left, self.expression).whole() if left else ()
        return Query(path, op, right, every, self._each())

    def _comparison(self, inside: str) -> tuple[str, str, str]:
        cut = next((at for at, char in _outer(inside) if char in "!=<>%"), None)
        if cut is None:
            if not inside.strip():
                raise self.error('a query is empty: write #(name=="value")')
            return inside.strip(), "", ""
        op = next((op for op in _OPERATORS if inside.startswith(op, cut)), None)
        if op is None:
            raise self.error(f"{inside[cut : cut + 2]!r} is no operator: use one of {' '.join(_OPERATORS)}")
        return inside[:cut].strip(), "=" if op == "==" else op, self._literal(inside[cut + len(op) :].strip())

    def _literal(self, text: str) -> str:
        if "&&" in text or "||" in text:
            raise self.error('a query knows neither && nor ||: join two queries by a pipe, #(a=="x")#|#(b=="y")#')
        if not text:
            raise self.error('a query has nothing to compare with: write #(name=="value")')
        if text[0] == "~":
            raise self.error("the operator ~ is not supported")
        if '"' not in text:
            return text
        try:
            return str(json.loads(text))
        except ValueError:
            raise self.error(f"{text} is no quoted string") from None

    def _modifier(self) -> Modifier:
        start = self.at + 1
        while self.peek() not in ("", ".", "|", ":"):
            self.at += 1
        name = self.text[start : self.at]
        if name not in MODIFIERS:
            near = get_close_matches(name, MODIFIERS, 1) or MODIFIERS
            known = ", ".join(f"@{item}" for item in near)
            raise self.error(f"@{name} is not known: did you mean {known}? A key of that name is written \\@{name}")
        if self.peek() != ":":
            return Modifier(name)
        self.at += 1
        start = self.at
        if self.peek() in _CLOSING:
            self._balanced()
        else:
            while self.peek() not in ("", ".", "|"):
                self.at += 1
        return Modifier(name, deep=_is_deep(self.text[start : self.at]))

    def _select(self) -> Select:
        is_object = self.peek() == "{"
        inside = self._balanced()
        members = tuple(self._member(part.strip(), is_object) for part in _split(inside))
        if self.peek() not in ("", ".", "|"):
            raise self.error(f"a dot or pipe is missing {self._where()}")
        return Select(members, is_object)

    def _member(self, text: str, is_object: bool) -> tuple[str | None, Path]:
        name: str | None = None
        if is_object:
            colon = next((at for at, char in _outer(text) if char == ":"), None)
            if colon is not None and "@" not in text[:colon]:
                name, text = text[:colon].strip(), text[colon + 1 :].strip()
                name = name[1:-1] if name[:1] == name[-1:] == '"' else name
            else:
                name = _last_name(text)
        return name, _Parser(text, self.expression).whole()


def _unescaped(text: str) -> Iterator[str]:
    chars = iter(text)
    for char in chars:
        yield next(chars, "") if char == "\\" else char


def _outer(text: str) -> Iterator[tuple[int, str]]:
    """Yield the characters outside of brackets and quotes, with their places."""
    at, depth, quoted = 0, 0, False
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
        elif char == '"':
            quoted = not quoted
        elif quoted:
            pass
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif depth == 0:
            yield at, char
        at += 1


def _split(text: str) -> Iterator[str]:
    start = 0
    for at, char in _outer(text):
        if char == ",":
            yield text[start:at]
            start = at + 1
    yield text[start:]


def _last_name(path: str) -> str:
    """The name that ``{a.b}`` gives its member: the last key, or ``_`` where that is no plain name."""
    last = [part for part in path.replace("|", ".").split(".") if part][-1:]
    return last[0] if last and not set(last[0]) & set("[]{}()#|!@") else "_"


def _is_deep(argument: str) -> bool:
    try:
        parsed = json.loads(argument)
    except ValueError:
        return False
    return isinstance(parsed, dict) and parsed.get("deep") is True
