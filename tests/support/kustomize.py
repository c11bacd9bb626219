"""What `kubectl kustomize` makes of the lab's kustomizations, for tests on machines that have no kubectl.

It knows what these kustomizations use, and refuses the rest, so that nothing is taken for checked that is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]
KNOWN = {"apiVersion", "kind", "namespace", "labels", "resources", "configMapGenerator", "images"}


def build(folder: Path) -> list[Manifest]:
    """Give every object of a kustomization; generated ConfigMaps keep the names that they are referred to by."""
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    unknown = set(kustomization) - KNOWN
    if unknown:
        raise ValueError(f"{folder} uses {', '.join(sorted(unknown))}, which tests/support/kustomize.py does not know")
    manifests = [*_resources(folder, kustomization), *_generated(folder, kustomization)]
    for manifest in manifests:
        if "namespace" in kustomization and manifest["kind"] != "Namespace":
            manifest["metadata"]["namespace"] = kustomization["namespace"]
        for label in kustomization.get("labels", []):
            for metadata in _labelled(manifest):
                metadata["labels"] = {**metadata.get("labels", {}), **label["pairs"]}
        for container in containers(manifest):
            container["image"] = _tagged(container["image"], kustomization.get("images", []))
    return manifests


def pod_of(manifest: Manifest) -> Manifest | None:
    """Give the specification of the pods that an object makes."""
    template = manifest.get("spec", {}).get("template") if manifest["kind"] != "ConfigMap" else None
    return template["spec"] if template else None


def containers(manifest: Manifest) -> list[Manifest]:
    """Give the containers of the pods that an object makes."""
    pod = pod_of(manifest)
    return [*pod.get("initContainers", []), *pod["containers"]] if pod else []


def _resources(folder: Path, kustomization: Manifest) -> Iterator[Manifest]:
    for name in kustomization.get("resources", []):
        path = folder / name
        if path.is_dir():
            yield from build(path)
        else:
            yield from yaml.safe_load_all(path.read_text())


def _generated(folder: Path, kustomization: Manifest) -> Iterator[Manifest]:
    for generator in kustomization.get("configMapGenerator", []):
        data: dict[str, str] = {}
        for name in generator.get("envs", []):
            lines = (folder / name).read_text().splitlines()
            data |= dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
        for name in generator.get("files", []):
            if ".." in Path(name).parts:
                raise ValueError(f"{folder} takes {name} from outside, which kustomize refuses")
            data[Path(name).name] = (folder / name).read_text()
        yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": generator["name"]}, "data": data}


def _labelled(manifest: Manifest) -> Iterator[Manifest]:
    yield manifest["metadata"]
    if pod_of(manifest):
        yield manifest["spec"]["template"]["metadata"]
        yield from (claim["metadata"] for claim in manifest["spec"].get("volumeClaimTemplates", []))


def _tagged(image: str, images: list[Manifest]) -> str:
    return next((f"{image}:{each['newTag']}" for each in images if each["name"] == image), image)
