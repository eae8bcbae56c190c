#!/usr/bin/env bash
# A stand-in for MongoDB without Docker, for tests and fault drills: mongo-java-server over H2; Java and Maven needed.
#   mongodb.sh fetch         download and compile it (6 MB, once)
#   mongodb.sh start         start it and wait until it serves; prints its URL
#   mongodb.sh kill          SIGKILL it
#   mongodb.sh term          SIGTERM it, and wait until it is gone
#   mongodb.sh stop          the same
#   mongodb.sh wipe          stop it and delete its data
#   mongodb.sh url           print the URL
# Environment: ENGINES_HOME (state), ENGINES_CACHE (jars), MONGODB_PORT, MONGODB_HEAP.
# It speaks the protocol and keeps to unique keys and single-document writes, all that Pendler asks for; it has no
# transactions, change streams, sessions or expiry. It writes to disk about once a second: SIGKILL loses what was
# acknowledged in the last one, which a replica set does not.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
engines=$(cd "$here/../.." && pwd)/.engines
home=${ENGINES_HOME:-$engines/mongodb}
cache=${ENGINES_CACHE:-$engines/cache}
version=1.47.0
port=${MONGODB_PORT:-27117}
heap=${MONGODB_HEAP:-512m}
libs=$cache/mongo-java-server-$version

alive() { kill -0 "$(cat "$home/pid" 2>/dev/null || echo none)" 2>/dev/null; }

fetch() {
  [ -e "$libs/StandIn.class" ] && return
  local made
  mkdir -p "$cache"
  made=$(mktemp -d "$cache/fetch.XXXXXX") # moved into place at the end, so that half a download never counts
  cat >"$made/pom.xml" <<POM
<project><modelVersion>4.0.0</modelVersion>
<groupId>eu.pendler</groupId><artifactId>mongodb</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
<dependency><groupId>de.bwaldvogel</groupId><artifactId>mongo-java-server</artifactId><version>$version</version></dependency>
<dependency><groupId>de.bwaldvogel</groupId><artifactId>mongo-java-server-h2-backend</artifactId><version>$version</version></dependency>
</dependencies></project>
POM
  (cd "$made" && mvn -q -B dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$made/libs" >&2)
  javac -cp "$made/libs/*" -d "$made/libs" "$here"/mongodb/*.java
  rm -rf "$libs" && mv "$made/libs" "$libs" && rm -rf "$made"
}

launch() {
  setsid nohup java -Xmx"$heap" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$libs:$libs/*" StandIn "$port" "$home/data.mv" \
    >"$home/out.log" 2>&1 </dev/null &
  echo $! >"$home/pid"
}

ready() {
  for _ in $(seq 300); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return
    alive || break
    sleep 0.1
  done
  echo "the stand-in for MongoDB does not serve:" >&2
  tail -n 5 "$home/out.log" >&2 || true
  return 1
}

end() { # signal
  local pid
  pid=$(cat "$home/pid" 2>/dev/null) || return 0
  kill -"$1" "$pid" 2>/dev/null || true
  for _ in $(seq 150); do alive || break; sleep 0.1; done
  kill -KILL "$pid" 2>/dev/null || true
  rm -f "$home/pid"
}

start() {
  if alive; then
    echo "the stand-in for MongoDB is running already" >&2
  else
    fetch
    mkdir -p "$home"
    launch && ready
  fi
  url
}

url() { echo "mongodb://127.0.0.1:$port"; }

case "${1:-}" in
  fetch) fetch ;;
  start) start ;;
  kill) end KILL ;;
  term | stop) end TERM ;;
  wipe) end TERM && rm -rf "$home"/{data.mv,out.log} ;;
  url) url ;;
  *) sed -n '2,12p' "$0" | cut -c3- && exit 2 ;;
esac
