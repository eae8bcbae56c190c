"""Manifests for Kubernetes, one Deployment a service from one template. `make schemas` writes them, CI compares.

    kubectl create namespace pendler; kubectl apply -n pendler -f deploy/k8s/

Passwords come as files from a Secret `pendler-NAME` for each of the processes: its keys are those of the URLs that the
process needs (`bus`, `store`, `index`, `mail`), and `secret`. No manifest holds a value of one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from pendler.service import Service
from schemas.event import Event

Manifest = dict[str, Any]
IMAGE = "pendler:latest"
PORT = 8000
SECRETS = "/run/secrets/pendler"
ENGINES = {"Kafka": (9092, 9093), "MongoDB": (27017,), "Elasticsearch": (9200,), "SMTP": (25, 465, 587)}
KAFKA = "kafka:9092"
BEHIND = "500"
"""Records waiting for each member before another is started."""
LIMITS = {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}
USER = 10001


def manifests(services: Sequence[Service]) -> dict[str, str]:
    """Each file by its path from the root."""
    files = {service.name: worker(service) for service in services if service.works}
    files |= {"web": web(), "topics": topics(), "shared": shared()}
    return {f"deploy/k8s/{name}.yaml": _text(made) for name, made in files.items()}


def worker(service: Service) -> list[Manifest]:
    """A service that handles events: as many members as its topics have partitions, by how much waits."""
    name, command = service.name, ["work", service.name, "--health-port", str(PORT)]
    needs = ["bus", "store", *(engine for engine in ("index", "mail") if engine in service.checks), "secret"]
    return [deployment(name, command, needs), disruption(name), scaled(name, list(service.handlers))]


def web() -> list[Manifest]:
    """The process that answers HTTP, and the way to it."""
    backend = {"service": {"name": "web", "port": {"name": "http"}}}
    rules = [
        {"host": "pendler.example.org", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    ]
    tls = [{"hosts": ["pendler.example.org"], "secretName": "pendler-tls"}]
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    return [
        deployment("web", ["web"], ["bus", "store", "index", "mail", "secret"], replicas=2),
        disruption("web"),
        _named("v1", "Service", "web", {"selector": _labels("web"), "ports": ports}),
        _named("networking.k8s.io/v1", "Ingress", "web", {"rules": rules, "tls": tls}),
    ]


def topics() -> list[Manifest]:
    """Makes the topics that are missing, once; its home must be written to."""
    pod = _pod("topics", ["topics", "create", "--replication", "3"], ["bus", "secret"], serves=False)
    pod["spec"]["restartPolicy"] = "OnFailure"
    return [_named("batch/v1", "Job", "topics", {"backoffLimit": 10, "template": pod})]


def shared() -> list[Manifest]:
    """What all have: settings that are no secret, and who may talk to whom."""
    settings = {
        "PENDLER_HOST": "0.0.0.0",  # noqa: S104 - reached by its Service only
        "PENDLER_PORT": str(PORT),
        "PENDLER_PUBLIC_URL": "https://pendler.example.org",
        "PENDLER_LOG": "info",
    }
    return [
        {**_named("v1", "ConfigMap", "pendler", {}), "data": settings},
        _policy("closed", {}, ["Ingress", "Egress"]),
        _policy("out", {"part-of": "pendler"}, ["Egress"], egress=_egress()),
        _policy("measured", {"part-of": "pendler"}, ["Ingress"], ingress=[_from("monitoring")]),
        _policy("web", _labels("web"), ["Ingress"], ingress=[_from("ingress-nginx")]),
    ]


def deployment(name: str, command: list[str], needs: list[str], replicas: int | None = None) -> Manifest:
    """The one template. `needs` are keys of its Secret; without `replicas` something else says how many."""
    spec: Manifest = {"selector": {"matchLabels": _labels(name)}, "template": _pod(name, command, needs)}
    return _named("apps/v1", "Deployment", name, spec | ({"replicas": replicas} if replicas else {}))


def _pod(name: str, command: list[str], needs: list[str], serves: bool = True) -> Manifest:
    container = {
        "name": "pendler",
        "image": IMAGE,
        "args": command,
        "envFrom": [{"configMapRef": {"name": "pendler"}}],
        "env": [{"name": f"PENDLER_{key.upper()}_FILE", "value": f"{SECRETS}/{key}"} for key in needs],
        "resources": LIMITS,
        "volumeMounts": [
            {"name": "secrets", "mountPath": SECRETS, "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - forms and TLS use it; the rest is read-only
        ],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": serves,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    if serves:
        container |= {"ports": [{"name": "http", "containerPort": PORT}]} | _probes()
    spec = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 30,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "secrets", "secret": {"secretName": f"pendler-{name}"}}, {"name": "tmp", "emptyDir": {}}],
    }
    return {"metadata": {"labels": _labels(name)}, "spec": spec}


def _probes() -> Manifest:
    def asks(path: str, every: int, fails: int) -> Manifest:
        return {"httpGet": {"path": path, "port": "http"}, "periodSeconds": every, "failureThreshold": fails}

    return {
        "startupProbe": asks("/livez", 2, 60),
        "livenessProbe": asks("/livez", 10, 3),
        "readinessProbe": asks("/readyz", 5, 2),
    }


def disruption(name: str) -> Manifest:
    """A node that is emptied takes one at a time."""
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": _labels(name)}}
    return _named("policy/v1", "PodDisruptionBudget", name, spec)


def scaled(name: str, reads: Sequence[type[Event]]) -> Manifest:
    """KEDA: from one member to one a partition, by the lag of the group."""
    triggers = [
        {
            "type": "kafka",
            "metadata": {
                "bootstrapServers": KAFKA,
                "consumerGroup": name,
                "topic": event.topic.name,
                "lagThreshold": BEHIND,
            },
        }
        for event in reads
    ]
    most = max(event.topic.partitions for event in reads)
    spec = {"scaleTargetRef": {"name": name}, "minReplicaCount": 1, "maxReplicaCount": most, "triggers": triggers}
    return _named("keda.sh/v1alpha1", "ScaledObject", name, spec)


def _policy(name: str, labels: Mapping[str, str], kinds: list[str], **rules: list[Manifest]) -> Manifest:
    spec = {"podSelector": {"matchLabels": dict(labels)} if labels else {}, "policyTypes": kinds, **rules}
    return _named("networking.k8s.io/v1", "NetworkPolicy", f"pendler-{name}", spec)


def _egress() -> list[Manifest]:
    names = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    engines = [{"protocol": "TCP", "port": port} for ports in ENGINES.values() for port in ports]
    return [{"ports": names}, {"ports": engines}]


def _from(namespace: str) -> Manifest:
    there = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    return {"from": [there], "ports": [{"protocol": "TCP", "port": PORT}]}


def _named(version: str, kind: str, name: str, spec: Manifest) -> Manifest:
    made: Manifest = {"apiVersion": version, "kind": kind, "metadata": {"name": name, "labels": {"part-of": "pendler"}}}
    return made | ({"spec": spec} if spec else {})


def _labels(name: str) -> dict[str, str]:
    return {"part-of": "pendler", "app": name}


class _Plain(yaml.SafeDumper):
    """Writes what is the same twice, and lists under their key as people do."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


def _text(made: Sequence[Manifest]) -> str:
    told = "# Written by `make schemas` from deploy/k8s/__init__.py; do not edit.\n"
    return told + yaml.dump_all(made, Dumper=_Plain, sort_keys=False, width=120)
