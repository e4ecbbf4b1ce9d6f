"""What a server demands of built-in kinds beyond their schemas, and what it fills in by computation.

Pure functions of one object, by kind. Only rules that users meet: names, references between containers and volumes,
restart policies of Jobs, numbers that may not be negative.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from katib_control.apiserver.findings import Finding, duplicate, invalid, required, shown

Rules = Callable[[dict[str, Any]], Iterable[Finding]]

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with"
    " an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is"
    " '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_KEY_RULE = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or"
    " 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)


def _under(findings: Iterable[Finding], step: str) -> Iterable[Finding]:
    for finding in findings:
        finding.under(step)
        yield finding


def _not_negative(holder: Mapping[str, Any], *names: str) -> Iterable[Finding]:
    for name in names:
        value = holder.get(name)
        if isinstance(value, int) and value < 0:
            yield invalid(value, "must be greater than or equal to 0", name)


def _names(items: Iterable[Any], taken: set[str]) -> Iterable[Finding]:
    """Names of containers and volumes: there, labels, each once."""
    for index, item in enumerate(items):
        name = item.get("name")
        if not name:
            if name is not None:  # an absent name is the schema's finding
                yield required(f"[{index}].name")
        elif not _LABEL.fullmatch(name):
            yield invalid(name, _LABEL_RULE, f"[{index}].name")
        elif name in taken:
            yield duplicate(f"[{index}].name", name)
        taken.add(name)


def _container(container: Mapping[str, Any], volumes: set[str]) -> Iterable[Finding]:
    if not container.get("image"):
        yield required("image")
    for index, variable in enumerate(container.get("env", ())):
        if variable.get("name") == "":
            yield required(f"env[{index}].name")
    for index, mount in enumerate(container.get("volumeMounts", ())):
        if mount.get("name") and mount["name"] not in volumes:
            yield Finding("FieldValueNotFound", f"Not found: {shown(mount['name'])}", f"volumeMounts[{index}].name")


def pod_spec(spec: Mapping[str, Any]) -> Iterable[Finding]:
    """Rules of a PodSpec, paths relative to it."""
    volumes: set[str] = set()
    yield from _under(_names(spec.get("volumes", ()), volumes), "volumes")
    taken: set[str] = set()
    for field in ("initContainers", "containers"):
        containers = spec.get(field) or ()
        if field == "containers" and "containers" in spec and not containers:
            yield required("containers")
        yield from _under(_names(containers, taken), field)
        for index, container in enumerate(containers):
            yield from _under(_container(container, volumes), f"{field}[{index}]")
    yield from _not_negative(spec, "terminationGracePeriodSeconds")


def _pod(pod: dict[str, Any]) -> Iterable[Finding]:
    if "spec" not in pod:
        yield required("spec")
    else:
        yield from _under(pod_spec(pod["spec"]), "spec")


def _template(owner: dict[str, Any]) -> Iterable[Finding]:
    template = owner.get("spec", {}).get("template", {})
    if "spec" not in template and "template" in owner.get("spec", {}):
        yield required("spec.template.spec")
    yield from _under(pod_spec(template.get("spec", {})), "spec.template.spec")


def _job(job: dict[str, Any]) -> Iterable[Finding]:
    spec = job.get("spec")
    if spec is None:
        yield required("spec")
        return
    yield from _template(job)
    policy = spec.get("template", {}).get("spec", {}).get("restartPolicy")
    if policy == "Always":
        yield required("spec.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"')
    numbers = ("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished")
    yield from _under(_not_negative(spec, *numbers), "spec")
    if spec.get("completionMode") == "Indexed" and spec.get("completions") is None:
        yield required("spec.completions", "when completion mode is Indexed")


def _deployment(deployment: dict[str, Any]) -> Iterable[Finding]:
    spec = deployment.get("spec")
    if spec is None:
        yield required("spec")
        return
    yield from _template(deployment)
    yield from _under(_not_negative(spec, "replicas"), "spec")
    wanted = spec.get("selector", {}).get("matchLabels", {})
    labels = spec.get("template", {}).get("metadata", {}).get("labels", {})
    if any(labels.get(key) != value for key, value in wanted.items()):
        yield invalid(labels, "`selector` does not match template `labels`", "spec.template.metadata.labels")


def _event(event: dict[str, Any]) -> Iterable[Finding]:
    about = event.get("involvedObject", {}).get("namespace", "")
    namespace = event.get("metadata", {}).get("namespace", "")
    if namespace and about != namespace and (about or namespace != "default"):
        yield invalid(about, "does not match event.namespace", "involvedObject.namespace")


def _newer_event(event: dict[str, Any]) -> Iterable[Finding]:
    """What the newer group demands of its Events and the older does not."""
    if event.get("type") not in ("Normal", "Warning"):
        yield invalid("", f"has invalid value: {event.get('type', '')}", "type")
    for field in ("reportingController", "reportingInstance", "action", "reason"):
        if not event.get(field):
            yield required(field)
    yield from _event({"metadata": event["metadata"], "involvedObject": event.get("regarding") or {}})


def _keys(*fields: str) -> Rules:
    def rules(obj: dict[str, Any]) -> Iterable[Finding]:
        for field in fields:
            for key in obj.get(field, {}):
                if not _KEY.fullmatch(key):
                    yield invalid(key, _KEY_RULE, f"{field}[{key}]")

    return rules


def _role_binding(binding: dict[str, Any]) -> Iterable[Finding]:
    if "roleRef" in binding and not binding["roleRef"].get("name"):
        yield required("roleRef.name")


#: Kind -> its rules; they are asked only about objects that their schema allows.
RULES: dict[str, Rules] = {
    "ClusterRoleBinding": _role_binding,
    "ConfigMap": _keys("data", "binaryData"),
    "Deployment": _deployment,
    "Event": _event,
    "EventsV1Event": _newer_event,
    "Job": _job,
    "Pod": _pod,
    "RoleBinding": _role_binding,
    "Secret": _keys("data"),
}


def _fill_job(job: dict[str, Any]) -> dict[str, Any]:
    """One Pod, once, unless said otherwise; a parallelism without completions is a work queue."""
    spec = job.get("spec")
    if not isinstance(spec, dict) or "parallelism" in spec:
        return job
    return job | {"spec": spec | {"parallelism": 1, "completions": spec.get("completions", 1)}}


def _fill_secret(secret: dict[str, Any]) -> dict[str, Any]:
    """``stringData`` is written into ``data`` and never read back."""
    plain = secret.get("stringData")
    if not isinstance(plain, dict):
        return secret
    encoded = {key: base64.b64encode(str(value).encode()).decode() for key, value in plain.items()}
    rest = {key: value for key, value in secret.items() if key != "stringData"}
    return rest | {"data": secret.get("data", {}) | encoded}


#: Kind -> what is filled in by computation, on every write, after the schema's defaults.
FILLS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {"Job": _fill_job, "Secret": _fill_secret}
