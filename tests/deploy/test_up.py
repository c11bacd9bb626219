"""`./deploy/kubernetes/up`, with a `kubectl` that is a program of the test and keeps Secrets in a folder."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.commands import ROOT

UP = ROOT / "deploy" / "kubernetes" / "up"
KUBECTL = """#!/usr/bin/env bash
# Notes each command, and keeps Secrets as folders; influxdb-0 has the tokens that are in $CLUSTER/volume.
echo "$*" >>"$CLUSTER/commands"
[ "$1" != --namespace ] || shift 2
case "$1 $2" in
    "get secret") [ ! -d "$CLUSTER/secrets/$3" ] || echo "secret/$3" ;;
    "create secret")
        name=$4
        mkdir -p "$CLUSTER/secrets/$name"
        for each in "${@:5}"; do
            each=${each#--from-file=}
            cp "${each#*=}" "$CLUSTER/secrets/$name/${each%%=*}"
        done ;;
    "exec influxdb-0") cat "$CLUSTER/volume/${5##*/}" ;;
    "rollout status") [ "$3" != "$BROKEN" ] ;;
esac
"""


@dataclass
class Cluster:
    home: Path
    broken: str = ""

    def up(self, *arguments: str) -> tuple[int, str]:
        environment = {
            "PATH": f"{self.home / 'bin'}:/usr/bin:/bin",
            "CLUSTER": str(self.home),
            "BROKEN": self.broken,
            "TMPDIR": str(self.home / "tmp"),
        }
        ran = subprocess.run([UP, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False)
        return ran.returncode, ran.stderr

    def secrets(self) -> dict[str, str]:
        found = (self.home / "secrets").glob("*/*")
        return {str(path.relative_to(self.home / "secrets")): path.read_text() for path in found}

    def commands(self) -> list[str]:
        return (self.home / "commands").read_text().splitlines()


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    for folder in ("bin", "tmp", "volume"):
        (tmp_path / folder).mkdir()
    program = tmp_path / "bin" / "kubectl"
    program.write_text(KUBECTL)
    program.chmod(0o755)
    (tmp_path / "volume" / "influx-write-token").write_text("may-write")
    (tmp_path / "volume" / "influx-read-token").write_text("may-read")
    return Cluster(tmp_path)


def test_secrets_are_made_at_the_first_start_and_kept_at_the_next(cluster: Cluster) -> None:
    assert cluster.up() == (0, "")
    made = cluster.secrets()
    assert set(made) == {
        "influxdb/admin-password", "influxdb/admin-token", "suite/influx-write-token",
        "grafana/admin-password", "grafana/influx-read-token",
    }  # fmt: skip
    assert (made["suite/influx-write-token"], made["grafana/influx-read-token"]) == ("may-write", "may-read")
    random = [value for name, value in made.items() if "admin" in name]
    assert len(set(random)) == 3
    assert min(map(len, random)) >= 40
    assert cluster.up() == (0, "")
    assert cluster.secrets() == made
    assert list((cluster.home / "tmp").iterdir()) == []
    assert not any(value in command for value in made.values() for command in cluster.commands())


def test_influxdbs_administrator_is_there_before_influxdb_is(cluster: Cluster) -> None:
    cluster.up()
    words = [
        " ".join(command.replace("--namespace thanotopolis-lab ", "").split()[:4]) for command in cluster.commands()
    ]
    order = [
        words.index("create secret generic influxdb"),
        words.index("apply --server-side --kustomize " + str(UP.parent)),
        words.index("rollout status statefulset/influxdb --timeout"),
        words.index("create secret generic suite"),
        words.index("rollout status deployment/locust-master --timeout"),
    ]
    assert order == sorted(order)


def test_an_influxdb_without_tokens_ends_it_with_a_sentence(cluster: Cluster) -> None:
    (cluster.home / "volume" / "influx-write-token").write_text("")
    code, err = cluster.up()
    assert code == 1
    assert "left no /run/lab/suite/influx-write-token" in err
    assert "suite/influx-write-token" not in cluster.secrets()


def test_a_deployment_that_does_not_come_up_is_an_error(cluster: Cluster) -> None:
    cluster.broken = "deployment/vendors"
    assert cluster.up()[0] != 0


def test_wrong_usage_ends_with_3_and_a_sentence(cluster: Cluster) -> None:
    code, err = cluster.up("nowhere")
    assert (code, "nowhere" in err) == (3, True)
    assert cluster.up("one", "two")[0] == 3
    assert not (cluster.home / "commands").exists()
