"""The command `pendler`. Each service adds its own commands by entry point.

Data goes to stdout, progress to stderr; exit codes: 0 done, 1 it could not be done, 2 wrong use, 130 interrupted.
"""

import asyncio
import logging
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points
from typing import Annotated

import structlog
import typer

from pendler.prepare import prepare
from pendler.service import Misconfigured, Unavailable
from pendler.settings import Settings
from pendler.stopping import AWAY, MISCONFIGURED

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
Names = Annotated[list[str] | None, typer.Argument(help="Services; none named: all of them.")]


def set_up_logs(level: str) -> None:
    """One line of JSON an event on stderr, or plain lines on a terminal."""
    renderer = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)


@app.command()
def work(
    names: Names = None,
    health_port: Annotated[int, typer.Option(help="Port for /livez, /readyz, /metrics; 0: none.")] = -1,
) -> None:
    """Run the handlers and jobs of services."""
    from pendler.processes import worker_process

    settings = Settings()
    prepare(settings)
    asyncio.run(worker_process(settings, names or [], settings.port + 1 if health_port < 0 else health_port))


@app.command()
def web(names: Names = None) -> None:
    """Serve the API and the pages."""
    from pendler.processes import web_process

    settings = Settings()
    prepare(settings)
    asyncio.run(web_process(settings, names or []))


@app.command()
def run(
    demo: Annotated[bool, typer.Option(help="Fill an empty exchange with demonstration vacancies.")] = True,
    apart: Annotated[bool, typer.Option(help="A worker of its own for each service, not one for two.")] = False,
) -> None:
    """Run the whole exchange on this machine: a web process and workers, restarted if they die."""
    from pendler.supervisor import supervise

    raise SystemExit(asyncio.run(supervise(Settings(), demo, apart)))


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    # A process that runs needs none of the services' commands, and starts a second sooner without them.
    for entry in () if given[:1] in (["run"], ["work"], ["web"]) else entry_points(group="pendler.commands"):
        app.add_typer(entry.load())
    try:
        set_up_logs(Settings().log)
        app(given)
    except Misconfigured as wrong:
        print(f"pendler: {wrong}", file=sys.stderr)
        raise SystemExit(MISCONFIGURED) from None
    except Unavailable as away:
        print(f"pendler: {away}; try again when it is back", file=sys.stderr)
        raise SystemExit(AWAY) from None


if __name__ == "__main__":
    main()
