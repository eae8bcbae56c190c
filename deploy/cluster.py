"""The exchange on real engines, all on this machine: Kafka, Elasticsearch, a stand-in for MongoDB, a worker a service.

python -m deploy.cluster start|stop
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pendler.prepare import tell

SCRIPTS = Path(__file__).parent / "engines"
ADDRESS = {"kafka": "bootstrap", "mongodb": "url", "elasticsearch": "url"}
HOME = Path("var/cluster")
READY_WITHIN, GRACE = 180.0, 30.0
LINKS = "API  "


def start() -> None:
    """Starts engines and services, and returns once they answer; both run on until `stop`."""
    home = Path(os.environ.get("PENDLER_HOME", HOME))
    if _running(home):
        raise SystemExit(f"it runs already, process {_pid(home)}; see {home}/log, or: make stop")
    home.mkdir(parents=True, exist_ok=True)
    tell("Starting Kafka, Elasticsearch and a stand-in for MongoDB (the first time they are fetched: two minutes)")
    with ThreadPoolExecutor() as all_at_once:
        list(all_at_once.map(_start, ADDRESS))
    environment = {**os.environ, "PENDLER_HOME": str(home), **urls()}
    tell("Creating the topics")
    _pendler(environment, "topics", "create")
    tell("Starting the services: four workers and the web process")
    log = home / "log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "pendler", "run", "--apart"]
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
    (home / "pid").write_text(str(process.pid))
    _wait(process, log)
    sys.stdout.write(_told(log))


def stop() -> None:
    """Stops the services, then the engines; what they keep stays."""
    home = Path(os.environ.get("PENDLER_HOME", HOME))
    if _running(home):
        os.kill(_pid(home), signal.SIGTERM)
        until = time.monotonic() + GRACE
        while _running(home) and time.monotonic() < until:
            time.sleep(0.2)
    (home / "pid").unlink(missing_ok=True)
    for engine in ADDRESS:
        _script(engine, "stop")


def urls() -> dict[str, str]:
    """Where the services find the engines."""
    told = {engine: _script(engine, command).strip() for engine, command in ADDRESS.items()}
    return {
        "PENDLER_BUS": f"kafka://{told['kafka']}",
        "PENDLER_STORE": told["mongodb"],
        "PENDLER_INDEX": told["elasticsearch"],
    }


def _start(engine: str) -> None:
    _script(engine, "start")
    tell(f"  {engine} is up")


def _script(engine: str, *command: str) -> str:
    done = subprocess.run([SCRIPTS / f"{engine}.sh", *command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{engine}.sh {' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def _pendler(environment: Mapping[str, str], *arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "pendler", *arguments], env=environment, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def _wait(process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + READY_WITHIN
    while LINKS not in log.read_text("utf-8", "replace"):
        if process.poll() is not None or time.monotonic() > until:
            process.terminate()
            raise SystemExit(f"the services did not start; {log} says:\n{log.read_text('utf-8', 'replace')[-3000:]}")
        time.sleep(0.2)


def _told(log: Path) -> str:
    """The table and the links, without the log's own lines."""
    lines = log.read_text("utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("{"))


def _pid(home: Path) -> int:
    return int((home / "pid").read_text())


def _running(home: Path) -> bool:
    try:
        os.kill(_pid(home), 0)
    except (OSError, ValueError):
        return False
    return True


def main(arguments: Sequence[str]) -> None:
    commands = {"start": start, "stop": stop}
    if len(arguments) != 1 or arguments[0] not in commands:
        raise SystemExit(__doc__)
    commands[arguments[0]]()


if __name__ == "__main__":
    main(sys.argv[1:])
