"""``tppcd run``: the daemon itself."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Final

from daemon.cli import COMMANDS
from daemon.cli.arguments import Subparsers, port
from daemon.cli.config_file import default_path
from daemon.cli.exit_codes import CONFIG, FAILURE, OK

LOOKUP_THREADS: Final = ("UV_THREADPOOL_SIZE", "16")
"""libuv looks names up on four threads, so four hosts whose name server hangs would hold up every new connection; the
discovery of models alone asks eight at once. Read by libuv at the first look-up."""


def add_parser(subparsers: Subparsers) -> None:
    parser = subparsers.add_parser(
        "run",
        help=COMMANDS["run"],
        description="Serves until SIGINT or SIGTERM, and applies each save of the file at once. Exits 78 if the "
        "configuration is not valid and there is no last good copy of it.",
    )
    add_options(parser)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``run``; plain ``tppcd`` takes them too."""
    parser.add_argument(
        "--config",
        type=Path,
        default=Path(default_path(os.environ)),
        help="the configuration file (default: $TPPCD_CONFIG, else ./config.yaml)",
    )
    parser.add_argument("--host", help="address to listen on; overrides the file")
    parser.add_argument("--port", type=port, help="port to listen on, 0 = a free one; overrides the file")
    parser.add_argument(
        "--packycode", action="store_true", help="refuse to start unless packycode is enabled and valid"
    )
    parser.add_argument(
        "--tppc", action="store_true", help="refuse to start unless a tppc provider is enabled and valid"
    )
    parser.add_argument("--log-level", choices=("debug", "info", "warning", "error"), help="overrides logging.level")
    parser.add_argument("--log-format", choices=("text", "json"), help="overrides logging.format")


def run(arguments: argparse.Namespace) -> int:
    """Serve until a signal stops it. A start-up failure is shown in words, never as a traceback."""
    import uvloop

    from daemon.reload.outcome import ConfigRefused
    from daemon.service.options import RunOptions, StartRefused
    from daemon.service.run import serve

    os.environ.setdefault(*LOOKUP_THREADS)
    options = RunOptions(
        config=arguments.config,
        host=arguments.host,
        port=arguments.port,
        log_level=arguments.log_level,
        log_format=arguments.log_format,
        require=frozenset(name for name in ("packycode", "tppc") if getattr(arguments, name)),
    )
    try:
        uvloop.run(serve(options))
    except ConfigRefused as refused:
        for diagnostic in refused.diagnostics:
            print(diagnostic, file=sys.stderr)
        return CONFIG
    except StartRefused as refused:
        print(f"tppcd: {refused}", file=sys.stderr)
        return FAILURE
    return OK
