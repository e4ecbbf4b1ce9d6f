from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from katib_control.kube.errors import BadRequest
from katib_control.kube.selectors import from_object, parse_fields, parse_labels

LABELS = {"app": "web", "tier": "front", "size": "10", "empty": "", "katib.dev/experiment": "e"}


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        pytest.param("", True, id="nothing asked selects all"),
        pytest.param("  ", True, id="blanks ask for nothing"),
        pytest.param("app=web", True, id="equal"),
        pytest.param("app==web", True, id="equal, doubled"),
        pytest.param("app=db", False, id="not equal to another value"),
        pytest.param("app!=db", True, id="unequal"),
        pytest.param("app!=web", False, id="unequal refuses the value"),
        pytest.param("none!=x", True, id="unequal selects an absent key"),
        pytest.param("none=", False, id="an absent key is not empty"),
        pytest.param("empty=", True, id="empty value"),
        pytest.param("empty=,app=web", True, id="empty value before a comma"),
        pytest.param("app", True, id="exists"),
        pytest.param("none", False, id="exists refuses an absent key"),
        pytest.param("!none", True, id="does not exist"),
        pytest.param("!app", False, id="does not exist refuses a present key"),
        pytest.param("app in (db, web)", True, id="in"),
        pytest.param("app in (db)", False, id="in refuses others"),
        pytest.param("none in (x)", False, id="in refuses an absent key"),
        pytest.param("app notin (db,cache)", True, id="notin"),
        pytest.param("app notin (web)", False, id="notin refuses the value"),
        pytest.param("none notin (x)", True, id="notin selects an absent key"),
        pytest.param("empty in (,x)", True, id="a set may hold the empty value first"),
        pytest.param("empty in (x,)", True, id="a set may hold the empty value last"),
        pytest.param("empty in (x,,y)", True, id="a set may hold the empty value in the middle"),
        pytest.param("app in(web)", True, id="no blank is needed before a bracket"),
        pytest.param(" app = web , ! none ", True, id="blanks do not matter"),
        pytest.param("app=web,tier=back", False, id="all must hold"),
        pytest.param("katib.dev/experiment=e", True, id="prefixed key"),
        pytest.param("size>9", True, id="greater than"),
        pytest.param("size<10", False, id="less than"),
        pytest.param("app>1", False, id="greater than refuses what is no number"),
        pytest.param("none<5", False, id="less than refuses an absent key"),
        pytest.param("in in (in)", False, id="in is a key and a value too"),
        pytest.param("notin!=in", True, id="notin is a key too"),
    ],
)
def test_label_selectors(text, selected):
    assert parse_labels(text)({"metadata": {"labels": LABELS}}) is selected


_KEYWORDS = "in, notin, =, ==, !=, gt, lt"
_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(",", "found ',', expected: !, identifier, or 'end of string'", id="starts with a comma"),
        pytest.param("=x", "found '=', expected: !, identifier, or 'end of string'", id="starts with an operator"),
        pytest.param("a,", "found '', expected: identifier after ','", id="ends with a comma"),
        pytest.param("a,=b", "found '=', expected: identifier after ','", id="operator after a comma"),
        pytest.param("a b", f"unable to parse requirement: found 'b', expected: {_KEYWORDS}", id="no operator"),
        pytest.param("a=b c", "found 'c', expected: ',' or 'end of string'", id="no comma"),
        pytest.param("!a=b", "found '=', expected: ',' or 'end of string'", id="value of an absent key"),
        pytest.param("a=!b", "unable to parse requirement: found '!', expected: identifier", id="no value"),
        pytest.param("a in b", "unable to parse requirement: found 'b' expected: '('", id="no bracket"),
        pytest.param(
            "a in (b", "unable to parse requirement: found '', expected: ',' or ')'", id="bracket is not closed"
        ),
        pytest.param(
            "a in (=", "unable to parse requirement: found '=', expected: ',', ')' or identifier", id="no set"
        ),
        pytest.param(
            "a in ()",
            "unable to parse requirement: values: Invalid value: []: for 'in', 'notin' operators, values set can't be "
            "empty",
            id="empty set",
        ),
        pytest.param(
            "a>x",
            "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must "
            "be an integer",
            id="greater than a word",
        ),
        pytest.param(
            "a=-b",
            'unable to parse requirement: values[0][a]: Invalid value: "-b": a valid label must be an empty string or '
            "consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
            f"character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '({_NAME})?')",
            id="value of wrong characters",
        ),
        pytest.param(
            "-a",
            'unable to parse requirement: <nil>: Invalid value: "-a": name part must consist of alphanumeric '
            "characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or "
            f"'my.name',  or '123-abc', regex used for validation is '{_NAME}')",
            id="key of wrong characters",
        ),
        pytest.param(
            f"{'k' * 64}=v",
            f'unable to parse requirement: <nil>: Invalid value: "{"k" * 64}": name part must be no more than 63 '
            "characters",
            id="key too long",
        ),
    ],
)
def test_label_selectors_that_cannot_be_read(text, message):
    with pytest.raises(BadRequest) as caught:
        parse_labels(text)
    assert caught.value.message == message


@given(st.text(alphabet="ab=!(), <>innotin./_-", max_size=30))
def test_any_text_is_a_selector_or_a_bad_request(text):
    try:
        selector = parse_labels(text)
    except BadRequest:
        return
    assert selector({"metadata": {"labels": LABELS}}) in (True, False)


@given(
    st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "x", "y"])), st.sets(st.sampled_from("xy"), min_size=1)
)
def test_negated_set_rules_are_complements(labels, values):
    obj = {"metadata": {"labels": labels}}
    shown = ",".join(values)
    assert parse_labels(f"a in ({shown})")(obj) != parse_labels(f"a notin ({shown})")(obj)
    assert parse_labels("a")(obj) != parse_labels("!a")(obj)


def test_objects_without_labels_are_selected_by_negative_rules_only():
    assert parse_labels("a!=b")({})
    assert parse_labels("!a")({"metadata": {"labels": None}})
    assert not parse_labels("a=b")({})


def test_selector_objects():
    selector = from_object(
        {
            "matchLabels": {"app": "web"},
            "matchExpressions": [
                {"key": "tier", "operator": "In", "values": ["front", "back"]},
                {"key": "old", "operator": "DoesNotExist"},
            ],
        }
    )
    assert selector.matches({"app": "web", "tier": "front"})
    assert not selector.matches({"app": "web", "tier": "front", "old": ""})
    assert from_object(None).matches({})
    assert from_object({}).matches(None)


@pytest.mark.parametrize(
    "rule",
    [
        {"key": "a", "operator": "Like"},
        {"key": "a", "operator": "In"},
        {"key": "a", "operator": "Exists", "values": ["x"]},
    ],
)
def test_selector_objects_that_break_a_rule(rule):
    with pytest.raises(BadRequest):
        from_object({"matchExpressions": [rule]})


POD = {
    "metadata": {"name": "p", "namespace": "n"},
    "spec": {"nodeName": "a,b=c\\d", "hostNetwork": True, "priority": 5},
    "status": {"phase": "Running"},
}


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        pytest.param("", True, id="nothing asked selects all"),
        pytest.param("metadata.name=p", True, id="by name"),
        pytest.param("metadata.name==q", False, id="another name"),
        pytest.param("metadata.name!=q,status.phase=Running", True, id="both rules"),
        pytest.param("status.phase!=Running", False, id="unequal"),
        pytest.param("status.reason=", True, id="a missing field is empty"),
        pytest.param("spec.priority=5", True, id="numbers by their digits"),
        pytest.param("spec.hostNetwork=true", True, id="booleans as JSON has them"),
        pytest.param(r"spec.nodeName=a\,b\=c\\d", True, id="escaped characters"),
        pytest.param(",metadata.name=p,", True, id="empty terms ask for nothing"),
        pytest.param("metadata.name.x=", True, id="a path into a string is missing"),
    ],
)
def test_field_selectors(text, selected):
    assert parse_fields(text)(POD) is selected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a", "invalid selector: 'a'; can't understand 'a'", id="no operator"),
        pytest.param(r"a=\x", r"invalid field selector: invalid escape sequence: \x", id="unknown escape"),
        pytest.param("a=b\\", "invalid field selector: invalid escape sequence: \\", id="escape at the end"),
        pytest.param("a=b=c", "invalid field selector: unescaped character in value: 61", id="second operator"),
    ],
)
def test_field_selectors_that_cannot_be_read(text, message):
    with pytest.raises(BadRequest) as caught:
        parse_fields(text)
    assert caught.value.message == message


def test_the_paths_of_a_field_selector_are_known():
    assert parse_fields("status.phase=x,metadata.name!=y").paths == ("metadata.name", "status.phase")
