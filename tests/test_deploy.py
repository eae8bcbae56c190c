"""The deployment files fit the code: names, ports, paths, variables, commands, metrics. No cluster is asked."""

import asyncio
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram
from pydantic import BaseModel, ConfigDict, Field
from starlette.testclient import TestClient
from typer.main import get_command

import pendler.metrics
from deploy.commands import app as topics_commands
from pendler.__main__ import app as own_commands
from pendler.health import health_app
from pendler.operate import app as operating_commands
from pendler.run import modules
from pendler.service import Service
from pendler.settings import Settings
from pendler.supervisor import ANSWERS_ONLY
from schemas.event import EVENTS

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
IMAGE_USER = 10001
SERVICES = sorted(set(modules()) - ANSWERS_ONLY)
VARIABLES = {f"PENDLER_{name.upper()}{end}" for name in Settings.model_fields for end in ("", "_FILE")}
KUBERNETES = sorted((DEPLOY / "k8s").glob("*.yaml"))


def commands() -> set[str]:
    """Every command of `pendler` that these files may name, as words."""
    found = set()
    for each in (own_commands, topics_commands, operating_commands):
        for name, command in getattr(get_command(each), "commands", {}).items():
            found |= {name} | {f"{name} {inner}" for inner in getattr(command, "commands", {})}
    return found


def assert_runs(arguments: list[str]) -> None:
    """The command exists, and with it all it is given: `work` takes the name of a service and a port for its health."""
    assert arguments[0] in commands()
    if arguments[0] == "work":
        assert arguments[1] in SERVICES
        assert arguments[2:] == ["--health-port", "8000"], "every container tells its health on the same port"
    else:
        assert arguments == ["web"] or arguments[:2] == ["topics", "create"]


def served() -> set[str]:
    client = TestClient(health_app(dict))
    return {path for path in ("/livez", "/readyz", "/metrics", "/no") if client.get(path).status_code == 200}


# The image.


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n", " ", (DEPLOY / "Dockerfile").read_text("utf-8"))
    lines = [line.partition(" ") for line in text.splitlines() if line and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in lines]


def test_the_image_is_small_pinned_and_not_root() -> None:
    steps = instructions()
    told = dict(steps)  # the last of each
    assert all("slim" in rest for word, rest in steps if word == "FROM")
    assert told["USER"] == f"{IMAGE_USER}:{IMAGE_USER}"
    assert "--require-hashes -r requirements.lock" in " ".join(rest for word, rest in steps if word == "RUN")
    assert json.loads(told["ENTRYPOINT"]) == ["pendler"]
    assert_runs(json.loads(told["CMD"]))
    [path] = re.findall(r"127\.0\.0\.1:8000(/\w+)", told["HEALTHCHECK"])
    assert path in served()
    assert set(re.findall(r"PENDLER_\w+", told["ENV"])) <= VARIABLES
    assert "SECRET" not in " ".join(rest for word, rest in steps if word in ("ENV", "ARG", "RUN"))


def test_the_image_has_what_it_copies_and_all_that_is_packed() -> None:
    copies = [rest for word, rest in instructions() if word == "COPY" and "--from" not in rest]
    copied = [part for rest in copies for part in rest.split()[:-1]]
    assert all((ROOT / part).exists() for part in copied)
    packed = re.search(r"^packages = (\[.*\])$", (ROOT / "pyproject.toml").read_text("utf-8"), re.M)
    assert packed
    assert set(json.loads(packed[1])) <= set(copied)
    let_in = re.findall(r"^!(\S+)$", (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8"), re.M)
    assert set(copied) <= set(let_in)


# Compose.


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Build(Strict):
    context: str
    dockerfile: str


class Healthcheck(Strict):
    test: list[str] = []
    interval: str = ""
    timeout: str = ""
    retries: int = 0
    disable: bool = False


class Condition(Strict):
    condition: Literal["service_started", "service_healthy", "service_completed_successfully"]


class Container(Strict):
    """What our compose file may say of a service, in the words of the Compose specification."""

    image: str = Field(pattern=r"^[a-z/]+(:[\w.]+)?$")
    build: Build | None = None
    command: list[str] = []
    restart: Literal["unless-stopped", "on-failure"]
    read_only: bool = False
    tmpfs: list[str] = []
    cap_drop: list[str] = []
    security_opt: list[str] = []
    secrets: list[str] = []
    environment: dict[str, str] = {}
    depends_on: dict[str, Condition] = {}
    ports: list[str] = []
    volumes: list[str] = []
    healthcheck: Healthcheck | None = None


class Secret(Strict):
    environment: str


class Compose(BaseModel):
    model_config = ConfigDict(extra="ignore")

    name: str
    services: dict[str, Container]
    secrets: dict[str, Secret]
    volumes: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def compose() -> Compose:
    read = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    assert {key for key in read if not key.startswith("x-")} == {"name", "services", "secrets", "volumes"}
    return Compose.model_validate(read)


def test_compose_runs_every_service_on_every_engine(compose: Compose) -> None:
    ours = {name: one for name, one in compose.services.items() if one.build}
    assert set(ours) == {*SERVICES, "web", "topics"}
    for name, one in ours.items():
        assert_runs(one.command)
        assert name in one.command
        assert set(one.environment) <= VARIABLES
        assert one.cap_drop == ["ALL"]
        assert one.read_only is (name != "topics")
        assert one.build
        assert (DEPLOY / one.build.context / one.build.dockerfile).is_file()
        urls = [one.environment[f"PENDLER_{port}"] for port in ("BUS", "STORE", "INDEX", "MAIL")]
        hosts = [re.split(r"[:/?]", url.partition("://")[2])[0] for url in urls]
        assert set(hosts) <= set(compose.services), "each URL leads to a container"


def test_compose_names_only_what_it_has(compose: Compose) -> None:
    for name, one in compose.services.items():
        assert set(one.depends_on) <= set(compose.services)
        assert set(one.secrets) <= set(compose.secrets)
        assert {volume.partition(":")[0] for volume in one.volumes} <= set(compose.volumes)
        assert all(port.startswith("127.0.0.1:") for port in one.ports), f"{name} is reached from this machine only"
        assert one.build or ":" in one.image, "an engine is pinned"
        for other, wanted in one.depends_on.items():
            if wanted.condition == "service_healthy":
                assert compose.services[other].healthcheck


# Kubernetes.


def manifests() -> list[dict[str, Any]]:
    return [one for path in KUBERNETES for one in yaml.safe_load_all(path.read_text("utf-8"))]


def of(kind: str) -> list[dict[str, Any]]:
    return [one for one in manifests() if one["kind"] == kind]


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    for one in [*of("Deployment"), *of("Job")]:
        yield one["metadata"]["name"], one["spec"]["template"]


def labels(name: str) -> dict[str, str]:
    return next(pod["metadata"]["labels"] for owner, pod in pods() if owner == name)


def test_there_is_a_deployment_for_each_service_and_the_web() -> None:
    assert sorted(one["metadata"]["name"] for one in of("Deployment")) == sorted([*SERVICES, "web"])
    assert len({(one["kind"], one["metadata"]["name"]) for one in manifests()}) == len(manifests())
    for one in manifests():
        assert {"apiVersion", "kind", "metadata"} <= set(one)
        assert re.fullmatch(r"[a-z][a-z0-9-]{0,62}", one["metadata"]["name"])


def test_selectors_meet_their_labels() -> None:
    for one in of("Deployment"):
        assert one["spec"]["selector"]["matchLabels"] == one["spec"]["template"]["metadata"]["labels"]
    for one in of("PodDisruptionBudget"):
        assert one["spec"]["selector"]["matchLabels"] == labels(one["metadata"]["name"])
    [service] = of("Service")
    assert service["spec"]["selector"] == labels("web")
    for one in of("NetworkPolicy"):
        wanted = one["spec"]["podSelector"].get("matchLabels", {}).items()
        assert any(wanted <= pod["metadata"]["labels"].items() for _, pod in pods()), one["metadata"]["name"]
    assert {one["spec"]["scaleTargetRef"]["name"] for one in of("ScaledObject")} == set(SERVICES)


@pytest.mark.parametrize(("name", "pod"), list(pods()), ids=lambda one: one if isinstance(one, str) else "")
def test_a_pod_may_little_and_asks_for_what_it_needs(name: str, pod: dict[str, Any]) -> None:
    spec, [container] = pod["spec"], pod["spec"]["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == IMAGE_USER, "the user of the image"
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False, "a Service named pendler would set PENDLER_PORT to a URL"
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["readOnlyRootFilesystem"] is (name != "topics")
    assert set(container["resources"]["requests"]) == {"cpu", "memory"}
    assert "memory" in container["resources"]["limits"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in spec["volumes"]}
    assert_runs(container["args"])
    assert "command" not in container, "the image's own"


@pytest.mark.parametrize("one", of("Deployment"), ids=lambda one: one["metadata"]["name"])
def test_probes_name_what_is_served(one: dict[str, Any]) -> None:
    [container] = one["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    arguments = container["args"]
    listens = int(arguments[arguments.index("--health-port") + 1]) if "--health-port" in arguments else 8000
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["path"] in served()
        assert ports[container[probe]["httpGet"]["port"]] == listens
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez", "an engine that is away is no reason to restart"


def test_every_variable_is_a_setting_and_no_secret_has_a_value() -> None:
    [config] = of("ConfigMap")
    assert set(config["data"]) <= VARIABLES
    assert of("Secret") == []
    for name, pod in pods():
        [container] = pod["spec"]["containers"]
        [secrets] = [volume for volume in pod["spec"]["volumes"] if "secret" in volume]
        assert secrets["secret"] == {"secretName": f"pendler-{name}"}, "each has its own"
        [mounted] = [each["mountPath"] for each in container["volumeMounts"] if each["name"] == secrets["name"]]
        for variable in container["env"]:
            assert variable["name"] in VARIABLES
            assert variable["name"].endswith("_FILE")
            assert variable["value"].startswith(f"{mounted}/")
        assert not {variable["name"].removesuffix("_FILE") for variable in container["env"]} & set(config["data"])
        assert container["envFrom"] == [{"configMapRef": {"name": config["metadata"]["name"]}}]


def test_a_service_gets_the_urls_it_needs_and_no_other(built: dict[str, Service]) -> None:
    for name in SERVICES:
        service = built[name]
        [pod] = [pod for owner, pod in pods() if owner == name]
        given = {each["name"] for each in pod["spec"]["containers"][0]["env"]}
        for engine in ("index", "mail"):
            assert (f"PENDLER_{engine.upper()}_FILE" in given) is (engine in service.checks)


def test_workers_scale_by_the_lag_of_their_own_group(built: dict[str, Service]) -> None:
    for one in of("ScaledObject"):
        service = built[one["metadata"]["name"]]
        triggers = [trigger["metadata"] for trigger in one["spec"]["triggers"]]
        assert [each["topic"] for each in triggers] == [event.topic.name for event in service.handlers]
        assert {each["consumerGroup"] for each in triggers} == {service.name}
        assert one["spec"]["maxReplicaCount"] == max(EVENTS[each["topic"]].topic.partitions for each in triggers)


def test_the_way_in_leads_to_the_port_that_is_served() -> None:
    [ingress], [service] = of("Ingress"), of("Service")
    [rule] = ingress["spec"]["rules"]
    backend = rule["http"]["paths"][0]["backend"]["service"]
    [port] = service["spec"]["ports"]
    assert (backend["name"], backend["port"]["name"]) == (service["metadata"]["name"], port["name"])
    [web] = [one for one in of("Deployment") if one["metadata"]["name"] == "web"]
    assert port["targetPort"] in {each["name"] for each in web["spec"]["template"]["spec"]["containers"][0]["ports"]}
    [config] = of("ConfigMap")
    assert config["data"]["PENDLER_PUBLIC_URL"] == f"https://{rule['host']}"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, places_file: Path) -> dict[str, Service]:
    """The services as values."""
    from pendler.bus import open_bus

    home = tmp_path_factory.mktemp("home")
    (home / "places.db").symlink_to(places_file)
    settings = Settings(home=home)

    async def main() -> dict[str, Service]:
        bus = open_bus(settings.url_of("bus"))
        services = {name: module.from_settings(settings, bus) for name, module in modules().items()}
        for service in services.values():
            await service.close()
        await bus.close()
        return services

    return asyncio.run(main())


# Watching.

ALERTS = yaml.safe_load((DEPLOY / "alerts.yaml").read_text("utf-8"))["groups"][0]["rules"]
BOARD = json.loads((DEPLOY / "grafana" / "pendler.json").read_text("utf-8"))
RUNBOOKS = ROOT / "docs" / "runbooks"


def series() -> dict[str, set[str]]:
    """Every series that a process tells, with its labels."""
    found = {}
    for one in vars(pendler.metrics).values():
        if isinstance(one, Counter | Gauge | Histogram):
            ends = {Counter: ["_total"], Gauge: [""], Histogram: ["_bucket", "_sum", "_count"]}[type(one)]
            for end in ends:
                found[f"{one._name}{end}"] = {*one._labelnames, *({"le"} if end == "_bucket" else ())}
    return found


def expressions() -> list[tuple[str, str]]:
    told = [(rule["alert"], rule["expr"]) for rule in ALERTS]
    return told + [(panel["title"], target["expr"]) for panel in BOARD["panels"] for target in panel["targets"]]


@pytest.mark.parametrize(("name", "expression"), expressions())
def test_every_metric_and_label_is_one_of_ours(name: str, expression: str) -> None:
    known, used = series(), set(re.findall(r"pendler_\w+", expression))
    assert used
    assert used <= set(known)
    labels = {label for one in used for label in known[one]}
    grouped = {label for group in re.findall(r"by \(([^)]*)\)", expression) for label in re.split(r",\s*", group)}
    pairs = [pair for group in re.findall(r"{([^}]*)}", expression) for pair in group.split(",")]
    matched = {pair.partition("=")[0].strip("~! ") for pair in pairs}
    assert grouped | matched <= labels
    assert expression.count("(") == expression.count(")")


def test_states_and_legends_are_real() -> None:
    from services.notify.state import MailState

    for _, expression in expressions():
        for states in re.findall(r'state=~?"([^"]+)"', expression):
            assert set(states.split("|")) <= set(MailState)
    for panel in BOARD["panels"]:
        for target in panel["targets"]:
            legends = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            assert all(re.search(rf"by \([^)]*\b{legend}\b", target["expr"]) for legend in legends), panel["title"]
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])


def test_every_metric_is_watched() -> None:
    shown = " ".join(expression for _, expression in expressions())
    assert [name for name in series() if not name.endswith(("_sum", "_count")) and name not in shown] == []


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    named = [rule["alert"] for rule in ALERTS]
    assert sorted(named) == sorted(path.stem for path in RUNBOOKS.glob("*.md"))
    for rule in ALERTS:
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert (ROOT / rule["annotations"]["runbook"]).name == f"{rule['alert']}.md"
        assert (ROOT / rule["annotations"]["runbook"]).read_text("utf-8").startswith(f"# {rule['alert']}: ")


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_a_page_is_short_and_names_commands_that_there_are(page: Path) -> None:
    text = page.read_text("utf-8")
    assert len(text.splitlines()) <= 30
    assert re.findall(r"^## (.*)$", text, re.M) == ["What it means", "Where to look", "What to do"]
    for told in re.findall(r"`pendler ([^`]+)`", text):
        words = shlex.split(told)
        assert " ".join(words[:2]) in commands() or (words[0] in commands() and len(words) == 1), told
