"""Prints a pip.conf with the package indexes of this machine's own pip, for an image that is built on it.

Indexes are passed on when a container can reach them, that is over HTTP; folders of the machine are left out.
"""

from __future__ import annotations

import ast
import subprocess
import sys

CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
# Where `pip config list` found a setting, weakest first: pip itself lets the environment win over its files.
SOURCES = ("global", "user", "site", "install", ":env:")
INDEXES = ("index-url", "extra-index-url")
PASSED = (*INDEXES, "trusted-host", "default-timeout", "timeout", "retries")


def pip_conf(listing: str, certificates: str = CERTIFICATES) -> str:
    """The pip.conf for a listing of `pip config list` (lines of `source.name='value'`)."""
    found: dict[str, tuple[int, str]] = {}
    for line in listing.splitlines():
        key, separator, text = line.partition("=")
        source, _, name = key.rpartition(".")
        if not separator or name not in PASSED or source not in SOURCES:
            continue
        value, rank = str(ast.literal_eval(text)), SOURCES.index(source)
        if name in INDEXES:
            value = " ".join(url for url in value.split() if url.startswith(("http://", "https://")))
        if value and rank >= found.get(name, (0, ""))[0]:
            found[name] = rank, value
    settings = {name: value for name, (_, value) in sorted(found.items())}
    if "default-timeout" in settings:
        settings["timeout"] = settings.pop("default-timeout")
    lines = [f"{name} = {value}\n" for name, value in (("cert", certificates), *settings.items())]
    return "[global]\n" + "".join(lines)


def main() -> int:
    """Prints the pip.conf for this machine."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True
    ).stdout
    sys.stdout.write(pip_conf(listing))
    return 0


if __name__ == "__main__":
    sys.exit(main())
