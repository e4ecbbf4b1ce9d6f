from typing import Any

import pytest

from katib_control.api.errors import TemplateError
from katib_control.api.template_text import Plain, skeleton, typed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("3", 3, id="an int"),
        pytest.param("-0.5", -0.5, id="a float"),
        pytest.param("1e-05", 1e-05, id="an exponent without a dot is a float, as in Kubernetes"),
        pytest.param(".5", 0.5, id="a float without a leading zero"),
        pytest.param("true", True, id="a boolean"),
        pytest.param("adam", "adam", id="a word"),
        pytest.param("2026-01-31", "2026-01-31", id="a date stays text"),
        pytest.param(".inf", ".inf", id="infinity stays text: JSON has none"),
        pytest.param("", None, id="nothing is null"),
        pytest.param("a: b", "a: b", id="what looks like a mapping is text"),
    ],
)
def test_types_of_unquoted_scalars(text: str, expected: Any) -> None:
    found = typed(text)
    assert (type(found), found) == (type(expected), expected)


def test_placeholders_survive_and_unquoted_ones_are_marked() -> None:
    tree = skeleton("a: ${trialParameters.x}\nb: '${trialParameters.y z}'\nc: [${trialParameters.x}, 2026-01-31]\n")
    assert tree == {
        "a": "${trialParameters.x}",
        "b": "${trialParameters.y z}",
        "c": ["${trialParameters.x}", "2026-01-31"],
    }
    assert [type(tree["a"]), type(tree["b"]), type(tree["c"][0])] == [Plain, str, Plain]


def test_only_the_first_document_is_read() -> None:
    assert skeleton("a: 1\n---\nb: [") == {"a": 1}


def test_json_is_yaml() -> None:
    assert skeleton('{"a": "${trialParameters.x}", "b": 1e3}') == {"a": "${trialParameters.x}", "b": 1000.0}


def test_anchors_and_merges_work() -> None:
    tree = skeleton("base: &b {x: ${trialParameters.p}}\nother:\n  <<: *b\n  y: 1\n")
    assert tree["other"] == {"x": "${trialParameters.p}", "y": 1}


def test_broken_yaml_says_where() -> None:
    with pytest.raises(TemplateError, match=r"trial template is no valid YAML: .* in line 2") as caught:
        skeleton("a: 1\n b: [")
    assert "\n" not in str(caught.value)


def test_unknown_tags_are_refused() -> None:
    with pytest.raises(TemplateError, match="no valid YAML"):
        skeleton("a: !!python/object/apply:os.getcwd []")
