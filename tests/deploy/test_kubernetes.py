"""The lab in Kubernetes, from its files: the schemas hold, pods have few rights, and settings are those of Compose."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from kubernetes_validate.utils import ValidationError, validate

from tests.support.commands import ROOT
from tests.support.kustomize import Manifest, build, containers, pod_of

HOME = ROOT / "deploy" / "kubernetes"
EVERY = build(HOME)
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
NAME = "app.kubernetes.io/name"
PODS = [manifest for manifest in EVERY if pod_of(manifest)]
# What makes Compose's secrets, as ./deploy/kubernetes/up does here, and what runs only when its profile is asked for.
ELSEWHERE = {"secrets"} | {name for name, service in SERVICES.items() if "profiles" in service}
DEFAULT = re.compile(r"\$\{\w+:-([^}]*)\}")
"""A variable of Compose's with a default."""
OPTIONAL_SECRET = "overrides"


def named(manifest: Manifest) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def the(kind: str, name: str) -> Manifest:
    return next(each for each in EVERY if named(each) == f"{kind} {name}")


def environment(container: Manifest) -> dict[str, str]:
    """Give a container's variables, those of its ConfigMaps too."""
    told: dict[str, str] = {}
    for source in container.get("envFrom", []):
        if "configMapRef" in source:
            told |= the("ConfigMap", source["configMapRef"]["name"])["data"]
        else:
            assert source["secretRef"] == {"name": OPTIONAL_SECRET, "optional": True}
    return told | {each["name"]: each["value"] for each in container.get("env", [])}


def composed(name: str) -> dict[str, str | None]:
    """Give a Compose service's variables with their defaults; None where one is only passed on."""
    defaults = {}
    for variable, value in SERVICES[name].get("environment", {}).items():
        defaults[variable] = value if value is None else DEFAULT.sub(r"\1", str(value))
    return defaults


each_object = pytest.mark.parametrize("manifest", EVERY, ids=named)
each_pod = pytest.mark.parametrize("manifest", PODS, ids=named)


@each_object
@pytest.mark.parametrize("version", ["1.29", "1.33", "1.37"])
def test_an_object_is_what_the_schemas_of_kubernetes_want(manifest: Manifest, version: str) -> None:
    validate(manifest, version, strict=True)


def test_the_schemas_are_strict_enough_to_find_a_slip() -> None:
    wrong = json.loads(json.dumps(the("Deployment", "backend")))
    wrong["spec"]["template"]["spec"]["containers"][0]["livenessprobe"] = {}
    with pytest.raises(ValidationError):
        validate(wrong, "1.33", strict=True)


def test_there_is_a_pod_for_each_service_of_compose() -> None:
    assert {manifest["metadata"]["name"] for manifest in PODS} == set(SERVICES) - ELSEWHERE


@each_pod
def test_a_pod_has_no_more_rights_than_it_needs(manifest: Manifest) -> None:
    pod = pod_of(manifest)
    assert pod is not None
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    assert not any("hostPath" in volume for volume in pod["volumes"])
    # A Service named backend would tell its pods BACKEND_PORT=tcp://…, which reads like a setting of the lab's.
    assert pod["enableServiceLinks"] is False
    for container in containers(manifest):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


@each_pod
def test_a_pod_is_bounded_says_when_it_is_well_and_has_time_to_end(manifest: Manifest) -> None:
    pod = pod_of(manifest)
    assert pod is not None
    assert pod["terminationGracePeriodSeconds"] >= 10
    for container in containers(manifest):
        assert set(container["resources"]["limits"]) == set(container["resources"]["requests"]) == {"cpu", "memory"}
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container)
        assert container["resources"]["limits"]["memory"] == SERVICES[container["name"]]["mem_limit"].translate(
            {ord("m"): "Mi", ord("g"): "Gi"}
        )
    assert all("sizeLimit" in volume["emptyDir"] for volume in pod["volumes"] if "emptyDir" in volume)


@each_pod
def test_an_image_is_pinned_and_is_the_one_of_compose(manifest: Manifest) -> None:
    (container,) = containers(manifest)
    image, _, tag = container["image"].partition(":")
    assert re.fullmatch(r"\d+\.\d+\.\d+", tag)
    assert DEFAULT.sub(r"\1", SERVICES[container["name"]]["image"]) in {image, f"{image}:{tag}"}


def test_the_labs_own_images_carry_the_projects_version() -> None:
    (version,) = re.findall(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    own = {c["image"] for manifest in PODS for c in containers(manifest) if c["image"].startswith("thanotopolis-lab/")}
    assert own == {f"thanotopolis-lab/suite:{version}", f"thanotopolis-lab/doubles:{version}"}


@each_pod
def test_settings_are_those_of_compose(manifest: Manifest) -> None:
    (container,) = containers(manifest)
    wanted = composed(container["name"])
    told = environment(container)
    needed = {variable: value for variable, value in wanted.items() if value is not None}
    assert {variable: told.get(variable) for variable in needed} == needed
    assert set(told) <= set(wanted)


@each_pod
def test_a_program_is_started_as_in_compose(manifest: Manifest) -> None:
    (container,) = containers(manifest)
    command = SERVICES[container["name"]].get("command")
    told = environment(container)
    started = [re.sub(r"\$\((\w+)\)", lambda m: told[m[1]], word) for word in container.get("command", [])]
    expected = [DEFAULT.sub(r"\1", str(word)) for word in command or []]
    assert started == expected


@each_object
def test_labels_say_what_an_object_belongs_to(manifest: Manifest) -> None:
    assert manifest["metadata"]["labels"]["app.kubernetes.io/part-of"] == "thanotopolis-lab"
    if manifest["kind"] != "Namespace":
        assert manifest["metadata"]["namespace"] == "thanotopolis-lab"
    if pod_of(manifest):
        name = {NAME: manifest["metadata"]["name"]}
        assert manifest["spec"]["selector"]["matchLabels"] == name
        assert name.items() <= manifest["spec"]["template"]["metadata"]["labels"].items()


def test_the_cluster_refuses_pods_with_more_rights() -> None:
    labels = the("Namespace", "thanotopolis-lab")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_no_port_is_published_outside_the_cluster() -> None:
    services = [each for each in EVERY if each["kind"] == "Service"]
    assert services
    for service in services:
        assert service["spec"].get("type", "ClusterIP") == "ClusterIP"
        assert not {"externalIPs", "loadBalancerIP"} & set(service["spec"])
        assert not any("nodePort" in port for port in service["spec"]["ports"])
    assert not {"Ingress", "Gateway", "HTTPRoute"} & {each["kind"] for each in EVERY}


def test_a_service_leads_to_a_port_that_its_pod_has() -> None:
    for service in (each for each in EVERY if each["kind"] == "Service"):
        name = service["spec"]["selector"][NAME]
        (container,) = next(containers(each) for each in PODS if each["metadata"]["name"] == name)
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert {port["targetPort"]: port["port"] for port in service["spec"]["ports"]} == ports


def test_no_secret_is_in_the_repository() -> None:
    assert "Secret" not in {manifest["kind"] for manifest in EVERY}
    for manifest in PODS:
        for variable, value in environment(containers(manifest)[0]).items():
            if re.search(r"PASSWORD|TOKEN|SECRET", variable) and variable != "TWILIO_AUTH_TOKEN":
                assert value.startswith("/run/lab/"), variable


@each_pod
def test_everything_that_is_mounted_is_there(manifest: Manifest) -> None:
    pod = pod_of(manifest)
    assert pod is not None
    claimed = {each["metadata"]["name"] for each in manifest["spec"].get("volumeClaimTemplates", [])}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounted = {mount["name"] for container in containers(manifest) for mount in container["volumeMounts"]}
    assert mounted == set(volumes) | claimed
    made = set(re.findall(r"^ +create (\w+) ", (HOME / "up").read_text(), re.MULTILINE))
    for volume in volumes.values():
        if "configMap" in volume:
            assert the("ConfigMap", volume["configMap"]["name"])["data"]
        if "secret" in volume:
            assert volume["secret"]["secretName"] in made
            assert volume["secret"]["defaultMode"] == 0o440
        if "persistentVolumeClaim" in volume:
            the("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"])


def mounted_files(manifest: Manifest, below: str) -> dict[str, str]:
    """Give what ConfigMaps put into a pod's container, by the path below a folder."""
    pod = pod_of(manifest)
    assert pod is not None
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    return {
        f"{mount['mountPath']}/{name}".removeprefix(f"{below}/"): text
        for mount in containers(manifest)[0]["volumeMounts"]
        if mount["mountPath"].startswith(below) and "configMap" in volumes[mount["name"]]
        for name, text in the("ConfigMap", volumes[mount["name"]]["configMap"]["name"])["data"].items()
    }


@pytest.mark.parametrize("mount", [m for m in SERVICES["grafana"]["volumes"] if m.startswith("./")])
def test_grafana_has_every_file_that_it_has_in_compose(mount: str) -> None:
    """A new one is named in grafana/kustomization.yaml, and a new folder mounted in deploy/kubernetes/grafana.yaml."""
    source, target, _ = mount.split(":")
    files = {str(path.relative_to(ROOT / source)): path.read_text() for path in (ROOT / source).rglob("*.*")}
    assert mounted_files(the("Deployment", "grafana"), target) == files


def test_dashboards_fit_into_a_config_map() -> None:
    shown = the("ConfigMap", "grafana-dashboards")["data"]
    assert sum(map(len, shown.values())) < 1_000_000, "a ConfigMap holds 1 MiB: give each dashboard one of its own"


def test_init_scripts_can_be_run_as_influxdbs_image_does() -> None:
    pod = pod_of(the("StatefulSet", "influxdb"))
    assert pod is not None
    (init,) = [volume["configMap"] for volume in pod["volumes"] if volume["name"] == "init"]
    assert init["defaultMode"] & 0o111
    assert set(the("ConfigMap", init["name"])["data"]) == {path.name for path in (ROOT / "influx" / "init").iterdir()}


def test_the_autoscaler_adds_workers_and_takes_none_from_a_run() -> None:
    spec = the("HorizontalPodAutoscaler", "locust-worker")["spec"]
    workers = the("Deployment", "locust-worker")
    assert spec["scaleTargetRef"]["name"] == workers["metadata"]["name"]
    assert "replicas" not in workers["spec"], "each apply would undo what the autoscaler did"
    assert spec["minReplicas"] == SERVICES["locust-worker"]["deploy"]["replicas"]
    assert spec["maxReplicas"] > spec["minReplicas"]
    assert spec["behavior"]["scaleDown"] == {"selectPolicy": "Disabled"}


# Who talks to whom, by what each is told: the picture in README.md.
TALK = {
    ("locust-master", "backend"), ("locust-master", "twilio"), ("locust-master", "vendors"),
    ("locust-master", "influxdb"),
    ("locust-worker", "backend"), ("locust-worker", "twilio"), ("locust-worker", "vendors"),
    ("locust-worker", "locust-master"), ("backend", "twilio"), ("backend", "vendors"), ("twilio", "backend"),
    ("vendors", "backend"), ("grafana", "influxdb"),
}  # fmt: skip


def peers(rule: Manifest, side: str) -> set[str]:
    found: set[str] = set()
    for peer in rule[side]:
        selector = peer["podSelector"]
        expressions = selector.get("matchExpressions", [])
        found |= {selector["matchLabels"][NAME]} if "matchLabels" in selector else set(expressions[0]["values"])
    return found


def test_nothing_talks_to_anything_but_what_it_needs() -> None:
    policies = {each["metadata"]["name"]: each["spec"] for each in EVERY if each["kind"] == "NetworkPolicy"}
    everything = policies.pop("nothing-but-names")
    assert everything["podSelector"] == {}
    assert everything["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in everything
    assert {port["port"] for rule in everything["egress"] for port in rule["ports"]} == {53}
    let_in = {
        (who, to) for to, spec in policies.items() for rule in spec.get("ingress", []) for who in peers(rule, "from")
    }
    let_out = {
        (who, to) for who, spec in policies.items() for rule in spec.get("egress", []) for to in peers(rule, "to")
    }
    assert let_in == let_out == TALK


def test_policies_name_the_ports_that_pods_listen_on() -> None:
    ports = {
        manifest["metadata"]["name"]: {port["containerPort"] for port in containers(manifest)[0].get("ports", [])}
        for manifest in PODS
    }
    for policy in (each for each in EVERY if each["kind"] == "NetworkPolicy"):
        name = policy["metadata"]["name"]
        for rule in policy["spec"].get("ingress", []):
            assert {port["port"] for port in rule["ports"]} <= ports[name]
        if name in ports:
            for rule in policy["spec"].get("egress", []):
                for to in peers(rule, "to"):
                    assert {port["port"] for port in rule["ports"]} <= ports[to]
