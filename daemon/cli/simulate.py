"""``tppcd simulate``: a local upstream to try the daemon with, and to rehearse failover, without a key."""

from __future__ import annotations

import argparse
import sys

from daemon.cli import COMMANDS
from daemon.cli.arguments import Subparsers, port
from daemon.cli.exit_codes import FAILURE, OK
from daemon.simulate.faults import FAULTS, Fault, UnknownFault, parse_counted

DEFAULT_PORT = 18317

BLOCK = """\
tppc:
  providers:
    - name: simulate
      enabled: true
      base-url: {url}/v1
      api-key: {key}
"""


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "simulate",
        help=COMMANDS["simulate"],
        description="A local upstream that speaks the Responses, Chat Completions and Messages wires.",
        epilog=f"faults: {', '.join(FAULTS)}. More at any time: POST /_simulate; what was seen: GET /_simulate.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=port, default=DEFAULT_PORT, help="0 picks a free one (default: %(default)s)")
    parser.add_argument("--key", default="", help="accept only this API key (default: any, or none)")
    parser.add_argument("--delay-ms", type=float, default=0, metavar="N", help="wait between streamed events")
    parser.add_argument("--chunk-bytes", type=int, default=0, metavar="N", help="cut streams into writes of N bytes")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        type=_faults,
        metavar="NAME[:COUNT]",
        help="what goes wrong with the first requests; may be repeated",
    )


def run(arguments: argparse.Namespace) -> int:
    """Serves until SIGINT or SIGTERM; 1 when the address cannot be had."""
    from daemon.simulate.app import Simulator
    from daemon.simulate.delivery import Pace
    from daemon.simulate.ledger import Ledger
    from daemon.simulate.server import bind, serve

    try:
        listener = bind(arguments.host, arguments.port)
    except OSError as error:
        print(f"tppcd simulate: cannot listen on {arguments.host}:{arguments.port}: {error.strerror}", file=sys.stderr)
        return FAILURE
    url = f"http://{arguments.host}:{listener.getsockname()[1]}"
    simulator = Simulator(
        ledger=Ledger(fault for faults in arguments.fault for fault in faults),
        pace=Pace(delay_ms=arguments.delay_ms, chunk_bytes=arguments.chunk_bytes),
        key=arguments.key,
    )
    serve(simulator, listener, lambda: _announce(url, arguments.key or "any-key-will-do"))
    return OK


def _announce(url: str, key: str) -> None:
    print(
        f"simulated upstream on {url} (stop with Ctrl+C); for config.yaml:\n\n{BLOCK.format(url=url, key=key)}",
        flush=True,
    )


def _faults(text: str) -> tuple[Fault, ...]:
    try:
        return parse_counted(text)
    except UnknownFault as error:
        raise argparse.ArgumentTypeError(str(error)) from None
