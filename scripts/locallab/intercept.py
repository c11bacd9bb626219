"""Runs a command in a network of its own, in which the vendors' names lead to doubles: interception without Docker.

Linux gives a process a network namespace: with only loopback in it, nothing can leave, every address and every port is
free, and no root is needed where the system lets users make namespaces. In there the sentinel is the name server, and
the doubles answer on 443 over TLS, as behind compose/intercept.yml.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from locallab.bootstrap import ROOT, USAGE_EXIT
from locallab.processes import LabError, Running, Spec, start, stop, wait_ready
from metrics.interception import Interception
from metrics.wording import counted
from utils.command_line import refuse
from utils.output import exit_code_of
from utils.plain_http import SetupError
from utils.sentinel import Watch

USAGE = """usage: ./scripts/intercept COMMAND [ARGUMENT…]

Runs a command in a network of its own (Linux), where the vendors' host names are the doubles', over TLS, and nothing
can leave. Prints what tried to. The exit code is the command's, 2 when it was 0 and something tried to leave, 3 for
wrong usage. docs/interception.md says more.
"""
INSIDE = "--inside"
STRAYED_EXIT = 2
SENTINEL_ADDRESS = "127.0.0.53"
SENTINEL_PORT, TWILIO_PORT, VENDORS_PORT = 8053, 8010, 8020
TWILIO_TLS_ADDRESS, VENDORS_TLS_ADDRESS = "127.0.0.2", "127.0.0.3"
REFUSED_PORTS = "21,22,25,80,443,465,587,853,3306,4317,4318,5432,6379,8080,8443,9092,27017"
SET_FLAGS = 0x8914  # SIOCSIFFLAGS of <linux/sockios.h>
UP_AND_RUNNING = 0x41  # IFF_UP | IFF_RUNNING


def namespaces() -> list[str]:
    """The command that gives what follows it a network and mounts of its own; without root, a user map as well."""
    own_user = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", *own_user, "--net", "--mount", "--"]


def enter(command: Sequence[str]) -> None:
    """Become this program inside the namespaces; ends with 3 and one sentence where the machine gives none."""
    if sys.platform != "linux":
        refuse("scripts/intercept needs Linux's network namespaces; compose/intercept.yml does the same with Docker")
    wrapped = namespaces()
    try:
        tried = subprocess.run([*wrapped, "true"], check=False, capture_output=True, text=True)
    except FileNotFoundError:
        refuse("there is no unshare here: install util-linux, or use compose/intercept.yml")
    if tried.returncode:
        refuse(
            f"this machine gives no network of one's own ({tried.stderr.strip()}): run it as root, or use"
            " compose/intercept.yml"
        )
    again = [sys.executable, "-m", "locallab.intercept", INSIDE, *command]
    os.execvp(wrapped[0], [*wrapped, *again])  # noqa: S606


def set_up_network(folder: Path) -> None:
    """Bring loopback up, and have every lookup go to the sentinel; raise `LabError` where that is not to be had."""
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sh22x", b"lo", UP_AND_RUNNING))
    files = {
        "/etc/resolv.conf": f"nameserver {SENTINEL_ADDRESS}\noptions ndots:0\n",
        # Other sources, such as systemd's, ask the machine's own resolver behind a socket that no network holds back.
        "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    }
    for path, text in files.items():
        own = folder / Path(path).name
        own.write_text(text, encoding="ascii")
        if not Path(path).exists():
            if path == "/etc/resolv.conf":
                raise LabError("there is no /etc/resolv.conf here, so that no name server can be put in its place")
            continue
        done = subprocess.run(
            ["mount", "--bind", str(own), str(Path(path).resolve())], check=False, capture_output=True, text=True
        )
        if done.returncode:
            raise LabError(f"{path} cannot be replaced: {done.stderr.strip()}")


def specs(tls: Path) -> list[Spec]:
    """The sentinel and the doubles."""

    def double(name: str, port: int, tls_address: str) -> Spec:
        command = [sys.executable, "-m", f"mock_services.{name}", "--port", str(port)]
        command += ["--tls-host", tls_address, "--tls-port", "443", "--tls-dir", str(tls)]
        return Spec(name, command, ROOT, port=port, health="/__lab/health")

    from mock_services.core.vendor_hosts import VENDOR_HOSTS  # noqa: PLC0415 - the repository is on the path by now

    addresses = {"twilio": TWILIO_TLS_ADDRESS, "vendors": VENDORS_TLS_ADDRESS}
    settings = {
        "LAB_SENTINEL_LISTEN": SENTINEL_ADDRESS,
        "LAB_SENTINEL_ADDRESS": SENTINEL_ADDRESS,
        "LAB_SENTINEL_DNS_PORT": "53",
        "LAB_SENTINEL_REFUSED_PORTS": REFUSED_PORTS,
        "LAB_SENTINEL_DOUBLES": ",".join(f"{host}={addresses[service]}" for host, service in VENDOR_HOSTS.items()),
    }
    sentinel = [sys.executable, "-m", "mock_services.sentinel", "--port", str(SENTINEL_PORT)]
    return [
        Spec("sentinel", sentinel, ROOT, settings, SENTINEL_PORT, "/__lab/health"),
        double("twilio", TWILIO_PORT, TWILIO_TLS_ADDRESS),
        double("vendors", VENDORS_PORT, VENDORS_TLS_ADDRESS),
    ]


def environment_of(given: Mapping[str, str], authority: Path) -> dict[str, str]:
    """The command's environment: whom to trust and where the lab is, and no proxy, as there is none to be reached."""
    kept = {name: value for name, value in given.items() if not name.lower().endswith("_proxy")}
    own = {str(ROOT / "scripts"), str(ROOT / "locust")}
    search = [str(ROOT / "compose" / "intercept" / "python")]
    search += [entry for entry in kept.get("PYTHONPATH", "").split(os.pathsep) if entry and entry not in own]
    trusting = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
    return {
        **kept,
        **dict.fromkeys(trusting, str(authority)),
        "PYTHONPATH": os.pathsep.join(search),
        "LAB_TWILIO_URL": f"http://127.0.0.1:{TWILIO_PORT}",
        "LAB_VENDORS_URL": f"http://127.0.0.1:{VENDORS_PORT}",
        "LAB_SENTINEL_URL": f"http://127.0.0.1:{SENTINEL_PORT}",
    }


def run_inside_namespaces(command: Sequence[str]) -> int:
    """Start the lab's part, run the command, and say what tried to leave; the exit code."""
    from mock_services.core.authority import AUTHORITY, make  # noqa: PLC0415 - as above
    from mock_services.core.vendor_hosts import VENDOR_HOSTS  # noqa: PLC0415

    running: list[Running] = []
    with tempfile.TemporaryDirectory(prefix="lab-intercept-") as name:
        folder = Path(name)
        try:
            set_up_network(folder)
            make(folder / "tls", folder / "clients", VENDOR_HOSTS)
            for spec in specs(folder / "tls"):
                wait_ready(start(spec, folder / f"{spec.name}.log", running))
            watch = Watch(f"http://127.0.0.1:{SENTINEL_PORT}", "intercept", ())
            code = run(command, environment_of(os.environ, folder / "clients" / AUTHORITY))
            seen = watch.end()
        except (LabError, SetupError) as error:
            refuse(str(error))
        finally:
            stop(running)
    sys.stderr.write(report(seen))
    return code or (STRAYED_EXIT if list(seen.reasons) else 0)


def run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the command to its end, which Ctrl-C and SIGTERM bring about; its exit code, as a shell gives it."""
    try:
        process = subprocess.Popen(command, env=environment)
    except OSError as error:
        raise LabError(f"{command[0]} cannot be run: {error.strerror}") from error

    def pass_on(number: int, _frame: FrameType | None) -> None:
        process.send_signal(number)

    signal.signal(signal.SIGTERM, pass_on)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal has told the command itself
    code = process.wait()
    return code if code >= 0 else 128 - code


def report(seen: Interception) -> str:
    """What tried to leave, in lines for a person."""
    hosts = [
        f"  {name}: {counted(lookups, 'lookup')}, {counted(refused, 'refused connection')}\n"
        for name, lookups, refused, _ in seen.hosts
    ]
    return "".join([f"{seen.sentence}\n", *hosts])


def main(arguments: Sequence[str]) -> int:
    """Enter the namespaces, or when inside run the command."""
    match arguments:
        case [] | ["--help" | "-h", *_]:
            sys.stderr.write(USAGE)
            return 0 if arguments else USAGE_EXIT
        case [first, *command] if first == INSIDE:
            return run_inside_namespaces(command)
    enter(arguments)
    return USAGE_EXIT


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(exit_code_of(lambda: main(sys.argv[1:])))
