"""compose.yaml, nginx.conf and the Kubernetes manifest agree with each other and with the daemon. No container runs
here: the same topology as processes is in tests/e2e/test_store_many.py."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon.config.document import parse
from daemon.config.load import load
from daemon.service.drain import DRAIN_SECONDS

ROOT = Path(__file__).resolve().parents[1]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
NGINX = (ROOT / "nginx/nginx.conf").read_text("utf-8")
MANIFEST = re.findall(r"^```yml\n(.*?)^```", (ROOT / "docs/deployment.md").read_text("utf-8"), re.S | re.M)


def objects() -> dict[str, Any]:
    return {each["kind"]: each for block in MANIFEST for each in yaml.safe_load_all(block)}


@pytest.mark.skipif(not shutil.which("docker-compose"), reason="needs docker-compose")
def test_compose_itself_takes_compose_yaml() -> None:
    """Its own reading needs no engine. The two secrets come from .env, and without them it says so."""
    command = ["docker-compose", "--file", str(ROOT / "compose.yaml"), "config", "--quiet"]
    secrets = {"POSTGRES_PASSWORD": "x", "TPPCD_STORE_KEY": "y"}
    for environ, codes in ((secrets, {0}), ({}, {1, 14, 15})):
        found = subprocess.run(command, env={"PATH": os.environ["PATH"], **environ}, capture_output=True, check=False)
        assert found.returncode in codes, found.stderr


def test_nginx_knows_each_daemon_of_compose_yaml() -> None:
    daemons = [name for name in COMPOSE["services"] if name.startswith("tppcd")]
    assert re.findall(r"server (\S+):8317", NGINX) == daemons
    assert list(COMPOSE["services"]["nginx"]["depends_on"]) == daemons
    listen = re.findall(r"listen (\d+)", NGINX)
    assert [each.rpartition(":")[2] for each in COMPOSE["services"]["nginx"]["ports"]] == listen


def test_every_volume_and_dependency_of_compose_yaml_exists() -> None:
    for name, service in COMPOSE["services"].items():
        assert set(service.get("depends_on", {})) <= COMPOSE["services"].keys(), name
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in COMPOSE["volumes"] or (ROOT / source).exists() or source == "./etc", source


def test_each_daemon_of_compose_yaml_has_a_state_of_its_own() -> None:
    states = [
        volume
        for name, service in COMPOSE["services"].items()
        if name.startswith("tppcd")
        for volume in service["volumes"]
        if volume.endswith(":/var/lib/tppcd")
    ]
    assert len(set(states)) == len(states) == 2


@pytest.mark.parametrize("name", ["tppcd-1", "tppcd-2"])
def test_a_stop_has_time_for_the_answers_that_run(name: str) -> None:
    assert int(COMPOSE["services"][name]["stop_grace_period"].removesuffix("s")) > DRAIN_SECONDS
    pod = objects()["StatefulSet"]["spec"]["template"]["spec"]
    before = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][-1])
    assert pod["terminationGracePeriodSeconds"] > before + DRAIN_SECONDS


def test_the_manifest_mounts_what_it_declares_and_its_config_loads() -> None:
    found = objects()
    stateful = found["StatefulSet"]["spec"]
    pod = stateful["template"]["spec"]
    declared = {each["name"] for each in pod["volumes"]}
    declared |= {each["metadata"]["name"] for each in stateful["volumeClaimTemplates"]}
    (container,) = pod["containers"]
    assert {each["name"] for each in container["volumeMounts"]} == declared
    assert not any("subPath" in each for each in container["volumeMounts"])
    assert stateful["selector"]["matchLabels"] == stateful["template"]["metadata"]["labels"]
    text = found["ConfigMap"]["data"]["config.yaml"]
    fragment = load(parse(text.encode()), resolve=lambda reference: f"resolved-{reference}")
    assert fragment.diagnostics == ()
