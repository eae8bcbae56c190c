"""Creates and checks the topics on Kafka, as `schemas.event` says they are kept. Nothing else ever creates one."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pendler.bus import dead_topic
from pendler.bus.kafka_address import read
from schemas.event import EVENTS, Topic

if TYPE_CHECKING:
    from kafka import KafkaAdminClient  # half a second to load, and most commands ask no broker

DAY = 86_400_000
DEAD_DAYS = 30
TOMBSTONE_DAYS = 30
LARGEST = 8 * 1024 * 1024
EXISTS = 36
Plan = dict[str, dict[str, Any]]


def ensure_topics(bus: str, groups: Mapping[str, Collection[str]], replication: int = 1) -> list[str]:
    """Creates what is missing: a topic for each event, and one for the dead letters of each group reading it.

    `groups` are the names of the services that read each topic. A topic that exists is left as it is. Gives back
    the names of those created.

    Raises:
        RuntimeError: the broker refused to create one; says why.
    """
    with _administering(bus) as admin:
        there = set(admin.list_topics())
        missing = {name: how for name, how in plan(groups, replication).items() if name not in there}
        return _create(admin, missing) if missing else []


def describe_topics(bus: str, names: Collection[str]) -> Plan:
    """The topics that are there, of those named, in the shape of `plan`; with `in_sync`, the fewest copies in step."""
    from kafka.admin import ConfigResource, ConfigResourceType

    with _administering(bus) as admin:
        found = [each for each in admin.describe_topics(list(names)) if not each["error_code"]]
        asked = [ConfigResource(ConfigResourceType.TOPIC, each["name"]) for each in found]
        kept = admin.describe_configs(asked).get("topic", {}) if asked else {}
    return {each["name"]: _described(each["partitions"], kept.get(each["name"], {})) for each in found}


def _described(partitions: list[dict[str, Any]], configs: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    return {
        "num_partitions": len(partitions),
        "replication_factor": min(len(each["replica_nodes"]) for each in partitions),
        "configs": {name: each["value"] for name, each in configs.items()},
        "in_sync": min(len(each["isr_nodes"]) for each in partitions),
    }


def check_topics(wanted: Plan, there: Plan) -> list[str]:
    """What of the topics is not as it should be, each with the way out; none where all is well. Pure."""
    return [problem for name, how in wanted.items() for problem in _problems(name, how, there.get(name))]


def _problems(name: str, wanted: Mapping[str, Any], there: Mapping[str, Any] | None) -> Iterator[str]:
    if there is None:
        yield f"{name} is missing: pendler topics create"
        return
    if there["num_partitions"] < wanted["num_partitions"]:
        yield (
            f"{name} has {there['num_partitions']} partitions, it should have {wanted['num_partitions']}: stop the "
            "services (more partitions put keys elsewhere), add them with Kafka's own tool, start the services"
        )
    if there["replication_factor"] < wanted["replication_factor"]:
        yield (
            f"{name} has {there['replication_factor']} copies, {wanted['replication_factor']} are wanted: "
            "reassign its partitions with Kafka's own tool"
        )
    for setting, value in wanted["configs"].items():
        if (kept := there["configs"].get(setting, "")) != value:
            yield f"{name} has {setting}={kept or 'the default'}, it should be {value}: pendler topics create --alter"


def alter_topics(bus: str, wanted: Plan) -> None:
    """Gives the topics the settings they should have."""
    from kafka.admin import ConfigResource, ConfigResourceType

    with _administering(bus) as admin:
        admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name, how["configs"]) for name, how in wanted.items()]
        )


@contextmanager
def _administering(bus: str) -> "Iterator[KafkaAdminClient]":
    from kafka import KafkaAdminClient

    admin = KafkaAdminClient(**read(bus).client)
    try:
        yield admin
    finally:
        admin.close()


def plan(groups: Mapping[str, Collection[str]], replication: int) -> Plan:
    """All topics, with the partitions, copies and settings that each should have."""
    topics = [event.topic for event in EVENTS.values()]
    dead = [dead_topic(topic, group) for topic in groups for group in groups.get(topic, ())]
    wanted = topics + [Topic(name, owner="", retention_days=DEAD_DAYS, partitions=1) for name in dead]
    return {
        topic.name: {
            "num_partitions": topic.partitions,
            "replication_factor": replication,
            "configs": settings(topic, replication),
        }
        for topic in wanted
    }


def settings(topic: Topic, replication: int) -> dict[str, str]:
    """The settings of one topic. A write counts once all copies but one have it."""
    shared = {"max.message.bytes": str(LARGEST), "min.insync.replicas": str(max(1, replication - 1))}
    if topic.retention_days is not None:
        return shared | {"cleanup.policy": "delete", "retention.ms": str(topic.retention_days * DAY)}
    # A closed vacancy's text and contacts are gone from the log half a day to a day after its stub is written.
    return shared | {
        "cleanup.policy": "compact",
        "segment.ms": str(DAY // 2),
        "max.compaction.lag.ms": str(DAY // 2),
        "delete.retention.ms": str(TOMBSTONE_DAYS * DAY),
    }


def _create(admin: "KafkaAdminClient", missing: Plan) -> list[str]:
    made = admin.create_topics(missing, raise_errors=False)["topics"]
    if refused := {each["name"]: each["error_message"] for each in made if each["error_code"] not in (0, EXISTS)}:
        raise RuntimeError(f"topics not created: {refused}")
    admin.wait_for_topics(list(missing))
    return [each["name"] for each in made if each["error_code"] == 0]
