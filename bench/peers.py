"""The daemon compared with LiteLLM and nginx in one interleaved run, by the harness of ../shared/bench.

The harness starts the fake upstream and every gateway, pins them to cores, and ends them. This module writes its spec
and our configuration into a temporary directory, and reads the raw results. All addresses are loopback.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from bench import targets
from bench.table import figure, share, table

ROOT = Path(__file__).resolve().parents[1]
HARNESS = ROOT.parent / "shared" / "bench"
SCENARIOS = ("plain", "plain-agent", "s500", "paced")
MODELS = ("fake-n3", "fake-n50", "fake-n500", "fake-n2000", "fake-n100-d20", "fake-n200-d100", "fake-n50-d4")
PORTS = {"the upstream": 9100, "nginx": 9201, "litellm": 9203, "tppcd": 9300}
KEY = "sk-bench-0123456789"


class Run(Struct, frozen=True, kw_only=True):
    """What to measure, as given on the command line. ``only`` empty: all gateways that are installed."""

    rounds: int
    seconds: float
    scenarios: tuple[str, ...]
    only: tuple[str, ...]
    out: Path | None


def run(options: Run) -> int:
    """Measures, prints, and gives the number of targets missed (failed answers count as one)."""
    if not (HARNESS / "compare.py").is_file():
        print(f"bench peers: skipped, {HARNESS / 'compare.py'} is missing")
        return 0
    if busy := [f"{name} ({port})" for name, port in PORTS.items() if taken(port)]:
        print(f"bench peers: the ports of {', '.join(busy)} are in use; stop what listens there", file=sys.stderr)
        return 1
    gateways = list(selected(options))
    with tempfile.TemporaryDirectory(prefix="tppcd-bench-") as folder:
        results = measured(options, gateways, Path(folder))
    return report(results, options)


def selected(options: Run) -> Iterator[dict[str, Any]]:
    for gateway in (direct(), nginx(), litellm(), tppcd()):
        if options.only and gateway["name"] not in options.only:
            continue
        if reason := gateway.pop("missing", None):
            print(f"bench peers: {gateway['name']} is left out: {reason} ({HARNESS / 'setup.sh'} installs it)")
            continue
        yield gateway


def peers_home() -> Path:
    return Path(os.environ.get("PEERS", "~/.cache/gateway-peers")).expanduser()


def entry(name: str, port: int, **more: object) -> dict[str, Any]:
    return {"name": name, "url": f"http://127.0.0.1:{port}", "entry": "messages", **more}


def direct() -> dict[str, Any]:
    return entry("direct", PORTS["the upstream"])


def nginx() -> dict[str, Any]:
    home = peers_home() / "nginx"
    missing = "" if shutil.which("nginx") and (home / "nginx.conf").is_file() else "nginx is not installed"
    return entry("nginx", PORTS["nginx"], start=f"cd {home} && exec nginx -p {home} -c nginx.conf", missing=missing)


def litellm() -> dict[str, Any]:
    home, port = peers_home(), PORTS["litellm"]
    program = home / "litellm" / "bin" / "litellm"
    settings = {"LITELLM_MASTER_KEY": KEY, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    start = f"cd {home} && exec {program} --config litellm.yaml --port {port} --host 127.0.0.1 --num_workers 1"
    missing = "" if program.is_file() else f"{program} is missing"
    return entry("litellm", port, start=start, env={**settings, "NO_PROXY": "127.0.0.1"}, key=KEY, missing=missing)


def tppcd() -> dict[str, Any]:
    start = f"exec {sys.executable} -m daemon run --config $TPPCD_BENCH/config.yaml"
    return entry("tppcd", PORTS["tppcd"], start=start, cwd=str(ROOT))


def daemon_config() -> str:
    """Everything on, as shipped: the log line, metrics and accounting of each request are part of the cost."""
    models = ", ".join(MODELS)
    return (
        f"host: 127.0.0.1\nport: {PORTS['tppcd']}\n"
        "tppc:\n  providers:\n    - name: bench\n      enabled: true\n"
        f"      base-url: http://127.0.0.1:{PORTS['the upstream']}/v1\n"
        f"      api-key: {KEY}\n      models: [{models}]\n"
    )


def measured(options: Run, gateways: list[dict[str, Any]], folder: Path) -> dict[str, Any]:
    """Runs the harness twice (start-up, then load) and merges both results."""
    config = folder / "config.yaml"
    config.write_text(daemon_config())
    config.chmod(0o600)
    spec: dict[str, Any] = {"upstream": {"args": f"--port {PORTS['the upstream']}"}, "gateways": gateways}
    if len(os.sched_getaffinity(0)) > 1:
        spec = {**spec, "upstream": {**spec["upstream"], "cpu": 0}, "load_cpu": 0, "gateway_cpu": 1}
    (folder / "spec.json").write_text(json.dumps(spec))
    environment = {**os.environ, "TPPCD_BENCH": str(folder), "XDG_STATE_HOME": str(folder / "state")}
    results: dict[str, Any] = {}
    load = ["--scenarios", ",".join(options.scenarios), "--seconds", str(options.seconds)]
    for part, arguments in (("startup", ["--startup"]), ("load", load)):
        raw = folder / f"{part}.json"
        command = [
            sys.executable,
            str(HARNESS / "compare.py"),
            str(folder / "spec.json"),
            "--rounds",
            str(options.rounds),
        ]
        command += ["--out", str(raw), "--logs", str(folder / "logs"), *arguments]
        subprocess.run(command, env=environment, check=True)
        part_results = json.loads(raw.read_text())
        results |= {key: value for key, value in part_results.items() if value or key not in results}
    return results


def report(results: dict[str, Any], options: Run) -> int:
    """Prints the comparison and keeps the raw results; gives the number of targets missed."""
    verdicts = targets.judge(results)
    word = {True: "ok", False: "MISSED", None: "not measured"}
    rows = [
        (v.target.what, figure(v.ours, v.target.unit), figure(v.base, v.target.unit), share(v.ratio),
         share(v.target.limit), word[v.ok], figure(v.target.read(results, "nginx"), v.target.unit))
        for v in verdicts
    ]  # fmt: skip
    print("\n### tppcd compared with LiteLLM, everything on")
    print(table(("figure", "tppcd", "LiteLLM", "ratio", "target", "", "nginx"), rows))
    wrong = targets.faults(results)
    print("\n".join(wrong) or "every answer of tppcd was whole and in order")
    out = options.out or default_out()
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(results, indent=1))
    print(f"raw results: {out}")
    return sum(v.ok is False for v in verdicts) + bool(wrong)


def default_out() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
    return cache / "tppcd-bench" / f"results-{time.strftime('%Y-%m-%d-%H%M%S')}.json"


def taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
