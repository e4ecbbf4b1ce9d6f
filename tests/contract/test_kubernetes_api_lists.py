"""Lists: selectors, pages of one moment, and versions."""

from __future__ import annotations

import pytest

from katib_control.kube.errors import BadRequest
from katib_control.kube.resources import CONFIG_MAPS, EVENTS, PODS, SECRETS


@pytest.fixture
def many(api):
    """Ten ConfigMaps: c0 .. c9 with the labels parity and, on the first five, half."""
    for index in range(10):
        labels = {"parity": "odd" if index % 2 else "even"} | ({"half": "first"} if index < 5 else {})
        api.client.create(CONFIG_MAPS, api.config_map(f"c{index}", labels=labels), api.namespace)
    return api


def names(found):
    return [item["metadata"]["name"] for item in found["items"] if item["metadata"]["name"] != "kube-root-ca.crt"]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        pytest.param("parity=odd", "13579", id="equal"),
        pytest.param("parity==odd,half=first", "13", id="both"),
        pytest.param("parity!=odd,parity", "02468", id="not equal, and there"),
        pytest.param("parity in (odd, none)", "13579", id="in"),
        pytest.param("parity notin (odd),parity", "02468", id="not in, and there"),
        pytest.param("half", "01234", id="there"),
        pytest.param("!half,parity", "56789", id="not there"),
    ],
)
def test_label_selectors_pick(many, labels, expected):
    found = many.client.list(CONFIG_MAPS, many.namespace, labels=labels)
    assert names(found) == [f"c{digit}" for digit in expected]


def test_a_list_is_in_the_order_of_names(many):
    assert names(many.client.list(CONFIG_MAPS, many.namespace)) == [f"c{index}" for index in range(10)]


def test_a_list_of_all_namespaces_holds_ours(many):
    found = many.client.list(CONFIG_MAPS, labels="half=first", fields=f"metadata.namespace={many.namespace}")
    assert names(found) == [f"c{index}" for index in range(5)]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param("metadata.name=c3", ["c3"], id="a name"),
        pytest.param(
            "metadata.name!=c3", ["c0", "c1", "c2", *(f"c{index}" for index in range(4, 10))], id="not a name"
        ),
        pytest.param("metadata.name=nope", [], id="no such name"),
    ],
)
def test_field_selectors_pick_by_name(many, fields, expected):
    assert names(many.client.list(CONFIG_MAPS, many.namespace, fields=fields)) == expected


def test_pods_are_picked_by_phase_and_node(api):
    spec = {"nodeSelector": {"no": "such-node"}, "containers": [{"name": "main", "image": "busybox"}]}
    api.client.create(PODS, {"metadata": {"name": "a"}, "spec": spec}, api.namespace)
    for fields, expected in (
        ("status.phase=Pending", ["a"]),
        ("status.phase=Running", []),
        ("spec.nodeName=", ["a"]),
        ("spec.nodeName=other", []),
        ("spec.restartPolicy=Always,status.phase!=Failed", ["a"]),
    ):
        assert names(api.client.list(PODS, api.namespace, fields=fields)) == expected, fields


def test_events_are_picked_by_what_they_are_about(api):
    event = {
        "metadata": {"name": "e"},
        "involvedObject": {"kind": "Pod", "name": "a", "namespace": api.namespace, "uid": "u"},
        "reason": "Started",
        "type": "Normal",
        "source": {"component": "tests"},
    }
    api.client.create(EVENTS, event, api.namespace)
    for fields, expected in (
        ("involvedObject.name=a,involvedObject.kind=Pod", ["e"]),
        ("involvedObject.uid=other", []),
        ("reason=Started,type=Normal,source=tests", ["e"]),
    ):
        assert names(api.client.list(EVENTS, api.namespace, fields=fields)) == expected, fields


def test_secrets_are_picked_by_type(api):
    api.client.create(SECRETS, {"metadata": {"name": "a"}}, api.namespace)
    assert names(api.client.list(SECRETS, api.namespace, fields="type=Opaque")) == ["a"]


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        pytest.param({"fieldSelector": "data.a=1"}, "field", id="a field that is not indexed"),
        pytest.param({"fieldSelector": "metadata.name"}, "invalid selector", id="no operator"),
        pytest.param({"labelSelector": "a in b"}, "expected: '('", id="a set without brackets"),
        pytest.param({"limit": "many"}, "", id="a limit that is no number"),
    ],
)
def test_what_cannot_be_selected_by_is_a_bad_request(api, selector, text):
    answer = api.send("GET", CONFIG_MAPS, query=selector)
    assert answer.status == 400
    assert text in answer.json()["message"]


class TestPages:
    def page(self, api, **query):
        answer = api.send("GET", CONFIG_MAPS, query={"labelSelector": "parity"} | query)
        assert answer.status == 200, answer.json()
        return answer.json()

    def test_they_hold_everything_once_in_order(self, many):
        seen, token = [], ""
        while True:
            page = self.page(many, limit=3, **({"continue": token} if token else {}))
            assert len(page["items"]) <= 3
            seen += names(page)
            token = page["metadata"].get("continue", "")
            if not token:
                break
        assert seen == [f"c{index}" for index in range(10)]

    def test_later_pages_are_of_the_moment_of_the_first(self, many):
        first = self.page(many, limit=4)
        many.client.delete(CONFIG_MAPS, "c5", many.namespace)
        many.client.patch(CONFIG_MAPS, "c6", {"data": {"a": "changed"}}, many.namespace)
        many.client.create(CONFIG_MAPS, many.config_map("c65", labels={"parity": "new"}), many.namespace)

        second = self.page(many, limit=50, **{"continue": first["metadata"]["continue"]})
        assert names(second) == [f"c{index}" for index in range(4, 10)]
        assert second["items"][2]["data"] == {"a": "1"}
        assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]

    def test_an_exact_version_is_that_moment(self, many):
        version = self.page(many)["metadata"]["resourceVersion"]
        many.client.delete(CONFIG_MAPS, "c0", many.namespace)
        then = self.page(many, resourceVersion=version, resourceVersionMatch="Exact")
        assert names(then)[0] == "c0"

    def test_not_older_than_may_be_newer(self, many):
        version = self.page(many)["metadata"]["resourceVersion"]
        many.client.delete(CONFIG_MAPS, "c0", many.namespace)
        deleted = self.page(many)["metadata"]["resourceVersion"]
        now = self.page(many, resourceVersion=deleted, resourceVersionMatch="NotOlderThan")
        assert names(now)[0] == "c1"
        assert int(now["metadata"]["resourceVersion"]) > int(version)

    def test_how_many_remain_is_told_where_nothing_selects(self, many):
        page = many.send("GET", CONFIG_MAPS, query={"limit": 4}).json()
        assert page["metadata"]["remainingItemCount"] >= 6

    @pytest.mark.parametrize("token", ["nonsense", "e30", "eyJydiI6MX0"])
    def test_a_token_that_nobody_gave_is_refused(self, many, token):
        assert many.send("GET", CONFIG_MAPS, query={"limit": 1, "continue": token}).status == 400

    def test_a_match_needs_a_version(self, many):
        answer = many.send("GET", CONFIG_MAPS, query={"resourceVersionMatch": "Exact"})
        assert answer.status == 422
        assert "resourceVersionMatch is forbidden unless resourceVersion is provided" in answer.json()["message"]


def test_a_list_says_what_it_is(api):
    found = api.client.list(CONFIG_MAPS, api.namespace)
    assert (found["kind"], found["apiVersion"]) == ("ConfigMapList", "v1")


def test_a_table_is_given_to_who_asks_for_one(api):
    api.client.create(CONFIG_MAPS, api.config_map("a"), api.namespace)
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    table = api.send("GET", CONFIG_MAPS, accept=accept).json()
    assert table["kind"] == "Table"
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert "a" in [row["cells"][0] for row in table["rows"]]


def test_metadata_alone_is_given_to_who_asks_for_it(api):
    api.client.create(CONFIG_MAPS, api.config_map("a"), api.namespace)
    accept = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
    found = api.send("GET", CONFIG_MAPS, "a", accept=accept).json()
    assert (found["kind"], found["metadata"]["name"]) == ("PartialObjectMetadata", "a")
    assert "data" not in found


def test_a_client_that_reads_nothing_we_write_is_told_so(api):
    assert api.send("GET", CONFIG_MAPS, accept="text/csv").status == 406


def test_a_selector_that_does_not_parse_raises(client, api):
    with pytest.raises(BadRequest):
        client.list(CONFIG_MAPS, api.namespace, labels="a in")
