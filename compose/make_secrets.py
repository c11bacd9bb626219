"""Makes the lab's passwords and the token that sets InfluxDB up, at the first start, and never again.

Each folder is a volume that only the services which need it mount. InfluxDB's own two tokens for the suite and for
Grafana are made by `influx/init/10-tokens.sh`, once it runs.
"""

import os
import secrets
import sys
from pathlib import Path

# Who reads a file: the lab's user alone (0400), or Grafana's user too, in the volume that only Grafana mounts (0444).
SECRETS = {
    "influxdb/admin-password": 0o400,
    "influxdb/admin-token": 0o400,
    "grafana/admin-password": 0o444,
}


def make(home: Path) -> list[str]:
    """Writes each secret that is not there yet under `home`; the names of those that were made."""
    made = []
    for name, mode in SECRETS.items():
        path = home / name
        if path.exists():
            continue
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        fresh.write_text(secrets.token_urlsafe(32))
        fresh.chmod(mode)
        fresh.rename(path)  # whole or not at all, whenever this is stopped
        made.append(name)
    return made


if __name__ == "__main__":
    os.umask(0o077)
    for made_name in make(Path(sys.argv[1])):
        sys.stdout.write(f"made {made_name}\n")
