#!/usr/bin/env bash
# Apache Kafka without Docker, for tests and fault drills: KRaft, loopback only, Java and Maven needed.
#   kafka.sh fetch           download the jars (43 MB, once)
#   kafka.sh start [1|3]     start those of that many nodes that do not run, and wait until they serve; prints the
#                            bootstrap list
#   kafka.sh start-node I    start node I again
#   kafka.sh kill I          SIGKILL node I
#   kafka.sh term I          SIGTERM node I, and wait until it is gone
#   kafka.sh stop            stop all nodes
#   kafka.sh wipe            stop all nodes and delete their data
#   kafka.sh bootstrap       print the bootstrap list
# Environment: ENGINES_HOME (state), ENGINES_CACHE (jars), KAFKA_PORT, KAFKA_VERSION, KAFKA_HEAP; KAFKA_ADVERTISED, the
# first port that clients are sent to, where something of yours stands between.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
engines=$(cd "$here/../.." && pwd)/.engines
home=${ENGINES_HOME:-$engines/kafka}
cache=${ENGINES_CACHE:-$engines/cache}
version=${KAFKA_VERSION:-4.4.0}
first_port=${KAFKA_PORT:-19092}
heap=${KAFKA_HEAP:-256m}
libs=$cache/kafka-$version
cluster=MkU3OEVBNTcwNTJENDM2Qk # any 22-character id; all nodes share it

advertised_port() { echo $((${KAFKA_ADVERTISED:-$first_port} + ($1 - 1) * 10)); }
broker_port() { echo $((first_port + ($1 - 1) * 10)); }
controller_port() { echo $((first_port + ($1 - 1) * 10 + 1)); }
nodes() { cat "$home/nodes" 2>/dev/null || echo 1; }
alive() { kill -0 "$(cat "$home/$1/pid" 2>/dev/null || echo none)" 2>/dev/null; }

fetch() {
  [ -e "$libs/kafka_2.13-$version.jar" ] && return
  local pom
  mkdir -p "$cache"
  pom=$(mktemp -d "$cache/fetch.XXXXXX") # moved into place at the end, so that half a download never counts
  cat >"$pom/pom.xml" <<POM
<project><modelVersion>4.0.0</modelVersion>
<groupId>eu.pendler</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version></dependency>
<dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.5</version></dependency>
</dependencies></project>
POM
  (cd "$pom" && mvn -q -B dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$pom/libs" >&2)
  rm -rf "$libs" && mv "$pom/libs" "$libs" && rm -rf "$pom"
}

configure() { # node, number of nodes
  local node=$1 count=$2 copies=1 in_sync=1 voters="" i
  if [ "$count" -ge 3 ]; then copies=3 in_sync=2; fi
  for i in $(seq "$count"); do voters+="${voters:+,}$i@127.0.0.1:$(controller_port "$i")"; done
  mkdir -p "$home/$node"
  cat >"$home/$node/log4j2.properties" <<LOG
appender.file.type=File
appender.file.name=file
appender.file.fileName=$home/$node/server.log
appender.file.append=false
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d{HH:mm:ss.SSS} %p %c{1} %m%n
rootLogger.level=info
rootLogger.appenderRef.file.ref=file
LOG
  # No wait at the first join, few offset partitions, a short broker session: tests are quick, faults show soon.
  cat >"$home/$node/server.properties" <<CONF
process.roles=broker,controller
node.id=$node
controller.quorum.voters=$voters
listeners=PLAINTEXT://127.0.0.1:$(broker_port "$node"),CONTROLLER://127.0.0.1:$(controller_port "$node")
${KAFKA_ADVERTISED:+advertised.listeners=PLAINTEXT://127.0.0.1:$(advertised_port "$node")}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=$home/$node/data
auto.create.topics.enable=false
default.replication.factor=$copies
min.insync.replicas=$in_sync
offsets.topic.num.partitions=4
offsets.topic.replication.factor=$copies
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=$copies
transaction.state.log.min.isr=$in_sync
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=$copies
share.coordinator.state.topic.min.isr=$in_sync
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
broker.session.timeout.ms=6000
group.min.session.timeout.ms=1000
CONF
}

jvm() { java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$libs/*" "$@"; }

launch() { # node; its data are made at the first start
  local dir=$home/$1
  [ -e "$dir/data/meta.properties" ] ||
    jvm -Xmx64m kafka.tools.StorageTool format -t "$cluster" -c "$dir/server.properties" >"$dir/format.log" 2>&1
  rm -f "$dir/server.log"
  setsid nohup java -Xms"$heap" -Xmx"$heap" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlog4j2.disableJmx=true \
    -Dlog4j2.configurationFile="$dir/log4j2.properties" -cp "$libs/*" \
    kafka.Kafka "$dir/server.properties" >"$dir/out.log" 2>&1 </dev/null &
  echo $! >"$dir/pid"
}

ready() { # node
  local dir=$home/$1
  for _ in $(seq 600); do
    grep -q 'Kafka Server started' "$dir/server.log" 2>/dev/null && return
    alive "$1" || break
    sleep 0.1
  done
  echo "node $1 does not serve:" >&2
  tail -n 5 "$dir/out.log" "$dir/server.log" >&2 || true
  return 1
}

end() { # signal, node
  local pid
  pid=$(cat "$home/$2/pid" 2>/dev/null) || return 0
  kill -"$1" "$pid" 2>/dev/null || true
  for _ in $(seq 150); do alive "$2" || break; sleep 0.1; done
  kill -KILL "$pid" 2>/dev/null || true
  rm -f "$home/$2/pid"
}

start() { # number of nodes
  fetch
  mkdir -p "$home" && echo "$1" >"$home/nodes"
  for i in $(seq "$1"); do alive "$i" || { configure "$i" "$1" && launch "$i"; }; done
  for i in $(seq "$1"); do ready "$i"; done
  bootstrap
}

stop() {
  local ending=()
  for i in $(seq "$(nodes)"); do end TERM "$i" & ending+=($!); done # together: a controller waits for its peers
  wait "${ending[@]}"
}

bootstrap() {
  local list="" i
  for i in $(seq "$(nodes)"); do list+="${list:+,}127.0.0.1:$(advertised_port "$i")"; done
  echo "$list"
}

case "${1:-}" in
  fetch) fetch ;;
  start) start "${2:-1}" ;;
  start-node) launch "$2" && ready "$2" ;;
  kill) end KILL "$2" ;;
  term) end TERM "$2" ;;
  stop) stop ;;
  wipe) stop && rm -rf "$home"/[0-9]* "$home/nodes" ;;
  bootstrap) bootstrap ;;
  *) sed -n '2,12p' "$0" | cut -c3- && exit 2 ;;
esac
