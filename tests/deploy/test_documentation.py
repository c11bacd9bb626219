"""What docs/kubernetes.md shows is there: objects, images, and the policy and overlay that a reader is to copy."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from kubernetes_validate.utils import validate

from tests.support.commands import ROOT
from tests.support.kustomize import build, containers

HOME = ROOT / "deploy" / "kubernetes"
PAGE = (ROOT / "docs" / "kubernetes.md").read_text()
EVERY = build(HOME)
EXAMPLES = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
OBJECTS = {f"{each['kind'].lower()}/{each['metadata']['name']}" for each in EVERY}


def test_commands_name_objects_that_there_are() -> None:
    shown = [*re.findall(r"\b(?:service|deployment|statefulset)/[\w-]+", PAGE + (HOME / "up").read_text())]
    assert len(shown) > 4
    assert set(shown) <= {*OBJECTS, "deployment/locust-worker"}
    (deployments,) = re.findall(r"^for deployment in (.+); do$", (HOME / "up").read_text(), re.MULTILINE)
    assert {f"deployment/{name}" for name in deployments.split()} == {o for o in OBJECTS if o.startswith("deployment/")}


def test_forwarded_ports_are_those_of_the_services() -> None:
    for name, port in re.findall(r"port-forward service/([\w-]+) (\d+):\2", PAGE):
        service = next(each for each in EVERY if each["kind"] == "Service" and each["metadata"]["name"] == name)
        assert int(port) in {each["port"] for each in service["spec"]["ports"]}


def test_the_images_that_are_built_are_stages_of_the_dockerfile_and_the_overlays() -> None:
    built = re.findall(r"docker build --file (\S+) --target (\w+) --tag (\S+):([\d.]+) \.", PAGE)
    (overlay,) = [example for example in EXAMPLES if example["kind"] == "Kustomization"]
    pushed = {(image["newName"], image["newTag"]) for image in overlay["images"]}
    assert {(name, tag) for _, _, name, tag in built} == pushed
    for dockerfile, stage, name, tag in built:
        assert re.search(rf"^FROM \S+ AS {stage}$", (ROOT / dockerfile).read_text(), re.MULTILINE)
        assert f"docker push {name}:{tag}" in PAGE
    own = {image.partition(":")[0] for each in EVERY for image in (c["image"] for c in containers(each))}
    assert {image["name"] for image in overlay["images"]} <= own


def test_the_overlay_that_is_shown_can_be_built_on(tmp_path: Path) -> None:
    (overlay,) = [example for example in EXAMPLES if example["kind"] == "Kustomization"]
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump({**overlay, "resources": [str(HOME)], "images": []}))
    assert build(tmp_path) == EVERY


def test_the_policy_that_is_shown_is_one() -> None:
    (policy,) = [example for example in EXAMPLES if example["kind"] == "NetworkPolicy"]
    validate(policy, "1.33", strict=True)
