"""Has Stripe's library trust the lab's authority, in a Python whose PYTHONPATH leads here; touches nothing else.

Every other vendor's library reads SSL_CERT_FILE or REQUESTS_CA_BUNDLE. Stripe's verifies with a file that it brings
along, and takes another one only from its module variable: it is set when the program imports `stripe`.
"""

import os
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType


class _TrustAfterImport(Loader):
    """Loads as the module's own loader does, then names the lab's authority."""

    def __init__(self, own: Loader, authority: str) -> None:
        self._own, self._authority = own, authority

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._own.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._own.exec_module(module)
        module.ca_bundle_path = self._authority  # type: ignore[attr-defined]


class _StripeFinder(MetaPathFinder):
    """Finds `stripe` where Python does, and no other module."""

    def __init__(self, authority: str) -> None:
        self._authority = authority

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if fullname != "stripe":
            return None
        spec = PathFinder.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _TrustAfterImport(spec.loader, self._authority)
        return spec


if authority := os.environ.get("SSL_CERT_FILE"):
    sys.meta_path.insert(0, _StripeFinder(authority))
