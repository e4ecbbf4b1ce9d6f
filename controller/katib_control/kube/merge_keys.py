"""Which lists of the built-in kinds a strategic merge patch merges, and by which key.

Source: the ``patchStrategy`` and ``patchMergeKey`` tags of k8s.io/api. What is not named here is merged field by field
when it is a map, and replaced as a whole when it is a list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Shape:
    """How a value is merged: ``key`` names an item in a merged list ("" for a list of primitives, None: no merging)."""

    key: str | None = None
    fields: Mapping[str, Shape] = field(default_factory=dict)

    def of(self, name: str) -> Shape:
        """Return the shape of a field."""
        return self.fields.get(name, PLAIN)


PLAIN = Shape()


def _by(key: str, **fields: Shape) -> Shape:
    return Shape(key, fields)


def _map(**fields: Shape) -> Shape:
    return Shape(None, fields)


_META = _map(ownerReferences=_by("uid"), finalizers=_by(""))
_CONDITIONS = _map(conditions=_by("type"))
_CONTAINERS = _by(
    "name",
    ports=_by("containerPort"),
    env=_by("name"),
    volumeMounts=_by("mountPath"),
    volumeDevices=_by("devicePath"),
)
_POD_SPEC = _map(
    volumes=_by("name"),
    containers=_CONTAINERS,
    initContainers=_CONTAINERS,
    ephemeralContainers=_CONTAINERS,
    imagePullSecrets=_by("name"),
    hostAliases=_by("ip"),
    topologySpreadConstraints=_by("topologyKey"),
    resourceClaims=_by("name"),
    schedulingGates=_by("name"),
)
_TEMPLATE = _map(metadata=_META, spec=_POD_SPEC)
_TEMPLATED = _map(metadata=_META, spec=_map(template=_TEMPLATE), status=_CONDITIONS)
_CLAIM = _map(metadata=_META, status=_CONDITIONS)

_KINDS: dict[tuple[str, str], Shape] = {
    ("", "Pod"): _map(
        metadata=_META,
        spec=_POD_SPEC,
        status=_map(conditions=_by("type"), podIPs=_by("ip"), hostIPs=_by("ip")),
    ),
    ("", "PodTemplate"): _map(metadata=_META, template=_TEMPLATE),
    ("", "ReplicationController"): _TEMPLATED,
    ("", "Service"): _map(metadata=_META, spec=_map(ports=_by("port")), status=_CONDITIONS),
    ("", "ServiceAccount"): _map(metadata=_META, secrets=_by("name")),
    ("", "PersistentVolumeClaim"): _CLAIM,
    ("", "Namespace"): _map(metadata=_META, status=_CONDITIONS),
    ("", "Node"): _map(
        metadata=_META,
        spec=_map(podCIDRs=_by("")),
        status=_map(conditions=_by("type"), addresses=_by("type")),
    ),
    ("batch", "Job"): _TEMPLATED,
    ("batch", "CronJob"): _map(
        metadata=_META, spec=_map(jobTemplate=_map(metadata=_META, spec=_map(template=_TEMPLATE)))
    ),
    ("apps", "Deployment"): _TEMPLATED,
    ("apps", "ReplicaSet"): _TEMPLATED,
    ("apps", "DaemonSet"): _TEMPLATED,
    ("apps", "StatefulSet"): _TEMPLATED,
}
_OTHER = _map(metadata=_META)


def shape_of(group: str, kind: str) -> Shape:
    """Return the shape of a built-in kind; of one without lists of its own to merge, its metadata's."""
    return _KINDS.get((group, kind), _OTHER)
