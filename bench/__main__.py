"""The command line of the measurements. Exit code 1: a target was measured and missed."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench import decision, peers, translation


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m bench", description="Measure tppcd as ratios within one run.")
    top.add_argument("what", nargs="?", choices=("all", "peers", "translation", "decision"), default="all")
    top.add_argument("--rounds", type=int, default=3, help="interleaved rounds per scenario (default %(default)s)")
    top.add_argument("--seconds", type=float, default=3.0, help="length of one measurement (default %(default)s)")
    top.add_argument("--scenarios", default=",".join(peers.SCENARIOS), help="default %(default)s")
    top.add_argument("--only", default="", help="measure only these gateways, e.g. direct,tppcd")
    top.add_argument("--out", type=Path, help="file for the raw results (default: in the user's cache directory)")
    return top


def main() -> int:
    options = parser().parse_args()
    missed = 0
    if options.what in ("all", "translation"):
        missed += translation.run()
    if options.what in ("all", "decision"):
        missed += decision.run()
    if options.what in ("all", "peers"):
        missed += peers.run(
            peers.Run(
                rounds=options.rounds,
                seconds=options.seconds,
                scenarios=tuple(options.scenarios.split(",")),
                only=tuple(filter(None, options.only.split(","))),
                out=options.out,
            )
        )
    if missed:
        print(f"\n{missed} targets missed", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
