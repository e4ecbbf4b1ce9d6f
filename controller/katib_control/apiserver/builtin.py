"""The kinds that are served without a CRD. A table; their schemas are read when first needed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from katib_control.api.errors import FieldError
from katib_control.apiserver import crds
from katib_control.apiserver.builtin_schemas import BuiltinSchema
from katib_control.apiserver.builtin_writes import ON_CREATE, ON_UPDATE
from katib_control.apiserver.event_views import EVENT_ALIAS
from katib_control.apiserver.printers import PRINTERS
from katib_control.apiserver.types import ScalePaths, ServedType
from katib_control.kube.resources import (
    CONFIG_MAPS,
    CRDS,
    DEPLOYMENTS,
    EVENTS,
    JOBS,
    LEASES,
    NAMESPACES,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    Resource,
)


class CrdSchema(BuiltinSchema):
    """The schema of CustomResourceDefinition itself, with the rules about names, versions and their schemas."""

    def default(self, obj: dict[str, Any]) -> dict[str, Any]:
        """Return the object with defaults and the names that follow from its kind."""
        return crds.fill(super().default(obj))

    def validate(self, obj: dict[str, Any], known: Collection[int] = ()) -> list[FieldError]:
        """Return what the schema finds; when that is nothing, what makes it a CRD that cannot be served."""
        return super().validate(obj, known) or crds.check(obj)


_RBAC = "rbac.authorization.k8s.io"
PERSISTENT_VOLUMES = Resource("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False)
ROLES = Resource(_RBAC, "v1", "roles", "Role")
ROLE_BINDINGS = Resource(_RBAC, "v1", "rolebindings", "RoleBinding")
NEWER_EVENTS = Resource("events.k8s.io", "v1", "events", "Event")
CLUSTER_ROLES = Resource(_RBAC, "v1", "clusterroles", "ClusterRole", namespaced=False)
CLUSTER_ROLE_BINDINGS = Resource(_RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False)


def _kind(
    resource: Resource,
    short: str = "",
    *,
    status: bool = False,
    every: bool = False,
    subresources: tuple[str, ...] = (),
) -> ServedType:
    """``short``: short names, separated by blanks; ``every``: part of ``kubectl get all``."""
    kind = resource.kind
    return ServedType(
        resource=resource,
        singular=kind.lower(),
        list_kind=kind + "List",
        short_names=tuple(short.split()),
        categories=("all",) if every else ("api-extensions",) if resource is CRDS else (),
        schema=CrdSchema(kind) if resource is CRDS else BuiltinSchema(kind),
        openapi={"$ref": kind},
        columns=PRINTERS[kind].columns,
        has_status=status,
        subresources=subresources,
        on_create=ON_CREATE.get(kind),
        on_update=ON_UPDATE.get(kind),
    )


BUILTINS: tuple[ServedType, ...] = (
    _kind(CONFIG_MAPS, "cm"),
    _kind(EVENTS, "ev"),
    _kind(NAMESPACES, "ns", status=True),
    _kind(NODES, "no", status=True),
    _kind(PERSISTENT_VOLUME_CLAIMS, "pvc", status=True),
    _kind(PERSISTENT_VOLUMES, "pv", status=True),
    _kind(PODS, "po", status=True, every=True, subresources=("binding", "eviction", "log")),
    _kind(SECRETS),
    _kind(SERVICE_ACCOUNTS, "sa"),
    _kind(SERVICES, "svc", status=True, every=True),
    _kind(CRDS, "crd crds", status=True),
    replace(
        _kind(DEPLOYMENTS, "deploy", status=True, every=True),
        scale=ScalePaths("spec.replicas", "status.replicas", "spec.selector"),
    ),
    _kind(JOBS, status=True, every=True),
    _kind(LEASES),
    replace(
        _kind(NEWER_EVENTS, "ev"),
        schema=BuiltinSchema("EventsV1Event"),
        openapi={"$ref": "EventsV1Event"},
        alias=EVENT_ALIAS,
    ),
    _kind(CLUSTER_ROLE_BINDINGS),
    _kind(CLUSTER_ROLES),
    _kind(ROLE_BINDINGS),
    _kind(ROLES),
)
