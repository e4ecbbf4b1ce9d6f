import json
from typing import Any

import pygjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_control.api.errors import ExpressionError
from katib_control.api.gjson import MISSING, matched, parse

JOB = {
    "metadata": {"name": "x-1", "labels": {"a.b/c": "dotted", "star*": 1}},
    "status": {
        "phase": "Succeeded",
        "succeeded": 1,
        "conditions": [
            {"type": "SuccessCriteriaMet", "status": "True", "n": 1, "ok": True},
            {"type": "Complete", "status": "False", "reason": "Old", "n": 2.5, "ok": False},
            {"type": "Complete", "status": "True", "reason": "Done", "message": "all pods done", "n": 3, "ok": None},
            {"status": "True", "nested": [{"k": "v"}, {"k": "w"}], "words": ["fb", "ig"]},
        ],
        "empty": [],
        "matrix": [[1, 2], [3, [4]], 5],
    },
}

PATHS = {
    "status.phase": "a dotted path",
    "status.conditions.1.reason": "an array index",
    "status.conditions.9": "an index past the end",
    "status.conditions.type": "a name asked of an array",
    "status.conditions.#": "the length of an array",
    "status.conditions.#.type": "a member of every element, where it is there",
    "status.conditions.#.nested.#.k": "members of members",
    'status.conditions.#(type=="Complete")': "the first match only",
    'status.conditions.#(type="Complete").reason': "a single = is ==",
    'status.conditions.#(type=="Complete")#': "all matches",
    'status.conditions.#(type=="Complete")#.reason': "a member of all matches",
    'status.conditions.#(type=="Complete")#|#(status=="True")#': "two queries joined by a pipe",
    'status.conditions.#(type=="Complete")#|0.reason': "an element of the matches",
    'status.conditions.#(type=="Complete")#.0': "a dot after all matches maps",
    'status.conditions.#(type=="Gone")#': "no match is an empty array",
    'status.conditions.#(type=="Gone")#|#(status=="True")#': "a query of an empty array",
    'status.conditions.#(type=="Gone")': "no first match",
    'status.conditions.#(type!="Complete")#.type': "not equal needs the member",
    "status.conditions.#(n>1)#.n": "numbers greater",
    "status.conditions.#(n>=2.5)#.n": "numbers at least",
    "status.conditions.#(n<2)#.n": "numbers less",
    "status.conditions.#(n<=2.5)#.n": "numbers at most",
    "status.conditions.#(n==3)#.n": "numbers equal",
    'status.conditions.#(n<"word")#.n': "a word counts as 0 among numbers",
    "status.conditions.#(ok==true)#.n": "a true boolean",
    "status.conditions.#(ok!=true)#.n": "null never matches",
    "status.conditions.#(ok==false)#.n": "a false boolean",
    'status.conditions.#(type%"C*")#.status': "a pattern",
    'status.conditions.#(type!%"C*")#.status': "not a pattern",
    'status.conditions.#(type>"D")#.type': "strings in order",
    "status.conditions.#(reason)#.reason": "a member that exists",
    'status.conditions.#(nested.#(k=="w"))#.status': "a query inside a query",
    'status.conditions.#(words.#(="fb"))#.status': "a query of plain elements",
    "status.conditions.3.words.#(!%\"f*\")": "a pattern of plain elements",
    'status.[@this].#(phase=="Succeeded")#': "an object wrapped into an array",
    "status.[phase,succeeded,gone]": "an array of several paths",
    "status.{phase,gone}": "an object of several paths",
    "status.{phase,metadata.name,conditions.#}": "names that are taken from the paths",
    "[status.conditions.#.type|0,metadata.name]": "pipes inside of an array",
    "status.missing.[@this]": "an array of nothing",
    "metadata.labels.a\\.b/c": "an escaped dot",
    "metadata.labels.star\\*": "an escaped star",
    "metadata.l*.s?ar*": "wildcards in names",
    "met*.name": "a wildcard, then a name",
    "status.matrix.@flatten": "one level flattened",
    'status.matrix.@flatten:{"deep":true}': "all levels flattened",
    "status.matrix.@reverse": "an array turned round",
    "@this.metadata.name": "a modifier in front",
    "status.empty.#": "the length of an empty array",
    'status.empty.#(a=="b")#': "all matches in an empty array",
    "status.gone.deeper": "a path that leads nowhere",
    "status.phase.deeper": "a member of a string",
    "status.#.phase": "every element of an object",
}  # fmt: skip


def oracle(path: str, value: Any) -> Any:
    answer = pygjson.get(json.dumps(value), path)
    return plain(answer) if answer.exists() else MISSING


def plain(result: Any) -> Any:
    value = result.value if isinstance(result, pygjson.Result) else result
    if isinstance(value, list):
        return [plain(item) for item in value]
    return {name: plain(item) for name, item in value.items()} if isinstance(value, dict) else value


@pytest.mark.parametrize("path", [pytest.param(path, id=sentence) for path, sentence in PATHS.items()])
def test_agrees_with_the_oracle(path: str) -> None:
    assert repr(parse(path).evaluate(JOB)) == repr(oracle(path, JOB))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("metadata.@keys", ["name", "labels"], id="the names of an object"),
        pytest.param("metadata.labels.@values", ["dotted", 1], id="the values of an object"),
        pytest.param("status.empty.@values", [], id="the values of an array are the array"),
        pytest.param('status.{phase,"n":succeeded,m:gone}', {"phase": "Succeeded", "n": 1}, id="names that are given"),
        pytest.param("metadata.@reverse.@keys", ["labels", "name"], id="an object turned round"),
        pytest.param("status.gone.@keys", [], id="the names of nothing"),
    ],
)
def test_what_the_oracle_lacks(path: str, expected: Any) -> None:
    assert parse(path).evaluate(JOB) == expected


names = st.sampled_from(["a", "b", "c"])
scalars = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from(["", "a", "True", "False", "3"]))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=3)),
    max_leaves=20,
)
literals = st.sampled_from(['"a"', '"True"', '""', "1", "-2", "2.5", "true", "false"])
operators = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
queries = st.builds("#({}{}{})".format, names, operators, literals)
steps = st.one_of(names, st.sampled_from(["0", "1", "#"]), queries, st.builds("{}#".format, queries))
chains = st.lists(steps, min_size=1, max_size=3).map(".".join)


@given(values, st.lists(chains, min_size=1, max_size=2).map("|".join))
def test_agrees_with_the_oracle_on_generated_objects(value: Any, path: str) -> None:
    ours, theirs = parse(path).evaluate(value), oracle(path, value)
    # The oracle answers [] where a query meets an object that holds an empty array: neither is a match.
    assert repr(ours) == repr(theirs) or (ours is MISSING and theirs == [])


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        pytest.param("", "is empty", id="an empty expression"),
        pytest.param("a..b", "a name is missing", id="two dots"),
        pytest.param("a.", "a name is missing at the end", id="a dot at the end"),
        pytest.param('a.#(type=="x"', "is not closed", id="an open bracket"),
        pytest.param('a.#(type=="x)#', "quote of", id="an open quote"),
        pytest.param("a.#()#", "query is empty", id="an empty query"),
        pytest.param("a.#(type==)#", "nothing to compare", id="a query without a value"),
        pytest.param('a.#(t=="x" && s=="y")#', "join two queries by a pipe", id="a conjunction in one query"),
        pytest.param('a.#(t=="x"y)#', "no quoted string", id="text after a quoted string"),
        pytest.param('a.#(t!!"x")#', "no operator", id="an operator that is none"),
        pytest.param('a.#(t=="x")#b', "a dot or pipe is missing", id="text after a query"),
        pytest.param("a.@revers", "did you mean @reverse", id="an unknown modifier"),
        pytest.param("a.#(b==~true)", "~ is not supported", id="an operator that is not supported"),
        pytest.param("a.!true", "literals", id="a literal"),
        pytest.param("a.[b,c", "is not closed", id="an open selection"),
        pytest.param("a.[b)", "is not closed", id="brackets that do not match"),
    ],
)
def test_refuses(text: str, remedy: str) -> None:
    with pytest.raises(ExpressionError, match="condition ") as caught:
        parse(text)
    assert remedy in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_expression_is_parsed_once() -> None:
    assert parse("status.phase") is parse("status.phase")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param(
            'status.conditions.#(type=="Complete")#|#(status=="True")#', 2, id="the first element of an array"
        ),
        pytest.param('status.conditions.#(type=="Complete")', 1, id="an object"),
        pytest.param('status.conditions.#(type=="Gone")#', None, id="an empty array does not match"),
        pytest.param("status.gone", None, id="nothing does not match"),
        pytest.param("status.phase", None, id="a string does not match"),
        pytest.param("status.succeeded", None, id="a number does not match"),
    ],
)
def test_a_condition_matches(path: str, expected: int | None) -> None:
    found = matched(parse(path).evaluate(JOB))
    assert found == (None if expected is None else JOB["status"]["conditions"][expected])


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        pytest.param([{"reason": 7}], "reason is not a string: 7", id="a reason that is a number"),
        pytest.param({"message": ["a"]}, "message is not a string", id="a message that is an array"),
        pytest.param(["True"], "select objects", id="an array of strings"),
    ],
)
def test_an_answer_that_cannot_be_used_is_an_error(value: Any, problem: str) -> None:
    with pytest.raises(ExpressionError, match=problem):
        matched(value)


def test_an_object_without_reason_matches() -> None:
    assert matched([{"reason": None}]) == {"reason": None}
