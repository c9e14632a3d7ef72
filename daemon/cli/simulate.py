"""``tppcd simulate``: a local upstream to try the daemon with, and to rehearse failover, without a key."""

from __future__ import annotations

import argparse
import json
import sys

from daemon.cli import COMMANDS
from daemon.cli.arguments import Subparsers, port
from daemon.cli.exit_codes import FAILURE, OK
from daemon.simulate.faults import FAULTS, Fault, UnknownFault, parse_counted, parse_text
from daemon.simulate.makes import ALL, PLAIN
from daemon.simulate.relay import DEMANDS, HABITS

DEFAULT_PORT = 18317

BLOCK = """\
tppc:
  providers:
    - name: simulate
      enabled: true
      base-url: {url}/v1
      api-key: {key}
"""

MAKE_BLOCK = """\
tppc:
  providers:
    - name: {name}
      enabled: true
      base-url: {url}{base}
      wire-api: {wire}
      profile: {profile}
      api-key: {key}
"""

PACKYCODE_BLOCK = """\
packycode:
  enabled: true
  base-url: {url}/v1
  credentials:
    openai-api-key: {key}
"""
BLOCKS = {"codex-relay": PACKYCODE_BLOCK}
"""What to put into config.yaml for a profile, where it is not a plain provider."""


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "simulate",
        help=COMMANDS["simulate"],
        description="A local upstream with the Responses, Chat Completions and Messages APIs. It prints what to put "
        "into config.yaml and serves until Ctrl+C.",
        epilog=_epilog(),
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
        help="a fault for the first requests; may be repeated",
    )
    parser.add_argument(
        "--always",
        action="append",
        default=[],
        type=_fault,
        metavar="NAME",
        help="a fault for every request; may be repeated",
    )
    parser.add_argument(
        "--profile",
        choices=tuple(ALL),
        metavar="MAKE",
        help=f"behave like this make of upstream: its paths, models, refusals and habits; one of: {', '.join(ALL)}",
    )
    parser.add_argument(
        "--max-concurrent", type=int, default=0, metavar="N", help="refuse more than N requests at once per key"
    )
    parser.add_argument("--json", action="store_true", help="print address, key and block as one line of JSON")


def _epilog() -> str:
    relay = [demand.name for demand in (*DEMANDS, *HABITS)]
    paragraphs = (
        f"faults: {', '.join(name for name in FAULTS if name not in relay)}.",
        f"what Codex relays refuse (usable as faults too): {', '.join(demand.name for demand in HABITS)}; "
        f"part of the profile codex-relay: {', '.join(demand.name for demand in DEMANDS)}.",
        'A fault may also be a JSON object: {"fault": "official-instructions", "text": "You are X"} or '
        '{"fault": "cut", "after": 20}. Change faults at any time with POST /_simulate; see the requests with '
        "GET /_simulate?bodies=1.",
    )
    return "\n\n".join(paragraphs)


def run(arguments: argparse.Namespace) -> int:
    """Serves until SIGINT or SIGTERM; 1 if it cannot listen on the address."""
    from daemon.simulate.app import Simulator
    from daemon.simulate.delivery import Pace
    from daemon.simulate.ledger import Ledger
    from daemon.simulate.serving import bind, serve

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
        make=ALL.get(arguments.profile, PLAIN),
        always=arguments.always,
        max_concurrent=arguments.max_concurrent,
    )
    key = arguments.key or "any-key-will-do"
    text = announced(url, key, arguments.profile, as_json=arguments.json)
    serve(simulator, listener, lambda: print(text, flush=True))
    return OK


def announced(url: str, key: str, profile: str | None, *, as_json: bool) -> str:
    """What is printed once it listens."""
    block = config_block(url, key, profile)
    if as_json:
        return json.dumps({"url": url, "key": key, "config": block})
    return f"simulated upstream on {url} (stop with Ctrl+C); for config.yaml:\n\n{block}"


def config_block(url: str, key: str, profile: str | None) -> str:
    """What to put into config.yaml for the simulator at ``url``."""
    if profile is None or profile in BLOCKS:
        return BLOCKS.get(profile or "", BLOCK).format(url=url, key=key)
    first, *others = ALL[profile].apis
    known = ALL[profile].profile or profile
    block = MAKE_BLOCK.format(name=profile, profile=known, url=url, key=key, base=first.base, wire=first.wire.name)
    also = "".join(f"      # or: base-url: {url}{api.base}, wire-api: {api.wire.name}\n" for api in others)
    return block + also


def _fault(text: str) -> Fault:
    try:
        return parse_text(text)
    except UnknownFault as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _faults(text: str) -> tuple[Fault, ...]:
    try:
        return parse_counted(text)
    except UnknownFault as error:
        raise argparse.ArgumentTypeError(str(error)) from None
