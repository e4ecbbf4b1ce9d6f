"""Questions that a client asks about itself: who am I, may I do this. Whoever gets in may do everything."""

from __future__ import annotations

from typing import Any

from katib_control.apiserver import answers
from katib_control.apiserver.body import read_object
from katib_control.apiserver.core import Core
from katib_control.apiserver.store import dumps
from katib_control.kube.errors import MethodNotAllowed
from katib_control.kube.http import Request, Response
from katib_control.kube.paths import ObjectPath

USER = "katib:admin"
_GROUPS = ["system:authenticated", "system:masters"]
_KINDS = {
    ("authorization.k8s.io", "selfsubjectaccessreviews"): "SelfSubjectAccessReview",
    ("authorization.k8s.io", "subjectaccessreviews"): "SubjectAccessReview",
    ("authorization.k8s.io", "localsubjectaccessreviews"): "LocalSubjectAccessReview",
    ("authorization.k8s.io", "selfsubjectrulesreviews"): "SelfSubjectRulesReview",
    ("authentication.k8s.io", "selfsubjectreviews"): "SelfSubjectReview",
    ("authentication.k8s.io", "tokenreviews"): "TokenReview",
}


def review(core: Core, request: Request, path: ObjectPath) -> Response | None:
    """Answer a review, or return None when the path is something else."""
    kind = _KINDS.get((path.group, path.plural))
    if kind is None or path.version != "v1":
        return None
    if request.method != "POST" or path.name:
        raise MethodNotAllowed("the server does not allow this method on the requested resource")
    asked = read_object(request)
    answer = {
        "kind": kind,
        "apiVersion": path.api_version,
        "metadata": {"creationTimestamp": None},
        "spec": asked.get("spec") or {},
        "status": _token_status(request, asked) if kind == "TokenReview" else _status(kind),
    }
    return answers.json_response(201, dumps(answer))


def _token_status(request: Request, asked: dict[str, Any]) -> dict[str, Any]:
    """A token is known to be good when it is the one that this very request was let in with."""
    token = (asked.get("spec") or {}).get("token") or ""
    if token and request.headers.get("authorization", "") == f"Bearer {token}":
        return {"authenticated": True, "user": {"username": USER, "groups": _GROUPS}}
    return {"authenticated": False, "user": {}, "error": "the token is not the one that this request has come with"}


def _status(kind: str) -> dict[str, Any]:
    if kind == "SelfSubjectReview":
        return {"userInfo": {"username": USER, "groups": _GROUPS}}
    if kind == "SelfSubjectRulesReview":
        every = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
        return {"resourceRules": [every], "nonResourceRules": [], "incomplete": False}
    return {"allowed": True, "reason": "whoever may connect may do everything here"}
