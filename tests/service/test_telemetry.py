"""Off means off: without an ``OTEL_*`` variable that asks for an export, nothing of the SDK is imported or started."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.harness import ROOT, Simulator, config, daemon, environment, provider

PROBE = """
import asyncio, json, os, sys, threading
from daemon.service import run
from daemon.service.options import RunOptions
from daemon.service.telemetry import Telemetry

def ask(self, services):
    begin(self, services)
    found = sorted(name for name in sys.modules if name.split('.')[0] in ('opentelemetry', 'requests', 'google'))
    threads = [each.name for each in threading.enumerate() if each.name.lower().startswith('otel')]
    print(json.dumps([found[:5], threads]), flush=True)
    os._exit(0)

begin, Telemetry.begin = Telemetry.begin, ask
asyncio.run(run.serve(RunOptions(config=__import__('pathlib').Path(sys.argv[1]), host=None, port=0, log_level=None,
                                 log_format=None, require=frozenset())))
"""


@pytest.mark.parametrize(
    ("env", "is_on"),
    [({}, False),
     ({"OTEL_SERVICE_NAME": "x", "OTEL_TRACES_SAMPLER": "always_on", "OTEL_EXPORTER_OTLP_HEADERS": "a=b"}, False),
     ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"}, False),
     ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, True)],
)  # fmt: skip
def test_nothing_of_it_is_imported_unless_it_is_asked_for(tmp_path, env: dict[str, str], is_on: bool) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(config(provider("fox", "http://127.0.0.1:9/v1")), "utf-8")
    path.chmod(0o600)
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(path)],
        env=environment(tmp_path, env), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    modules, threads = json.loads(done.stdout.splitlines()[-1])
    assert (bool(modules), bool(threads)) == (is_on, is_on)


def test_a_start_that_fails_leaves_it_off_and_serves(upstream: Simulator) -> None:
    """The SDK refuses a limit of its own that is no number; the log has the reason."""
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "many"}
    with daemon(config(provider("fox", upstream)), env=env) as gateway:
        gateway.wait_log("OpenTelemetry: cannot start .*serving goes on")
        assert gateway.get("/healthz").status_code == 200
