"""All checks of one examination, in groups, in the order in which a person would put things right."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from configs.settings import Settings, websocket_url
from locallab.doctor import accounts, interception, machine, ports, software, storage, target, telephony
from locallab.doctor.findings import Finding, ok
from locallab.lab import running
from locallab.stack import Ports
from utils.auth import borrowed_account
from utils.plain_http import PlainHttp, SetupError

Group = tuple[str, list[Finding]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks for, beside what the environment says."""

    users: int
    workers: int
    target: str | None = None
    """Another target than the environment's."""
    influx: str | None = None
    docker: bool = False
    burst: int = 0
    """How many requests in a row may try the target's rate limit; 0 sends none."""
    authority: Path | None = None
    door: tuple[str, int] | None = None
    """The doubles' TLS port, which is looked at with `authority`."""


class Examination:
    """What is to be examined. Raises `SettingsError` for a target that may not be loaded."""

    def __init__(self, asked: Asked, settings: Settings, at: Ports) -> None:
        self._asked = asked
        self._settings = settings
        self._ports = at
        told = asked.target or os.environ.get("LOAD_TEST_BASE_URL")
        self._own = not told and settings.target == "lab"
        """The target is the lab's own backend, which a run starts where it is not up."""
        if self._own:
            self.base_url = f"http://127.0.0.1:{at.backend}"
        else:
            self.base_url = settings.check_target(asked.target or settings.base_url, "--target")

    def groups(self) -> Iterator[Group]:
        """Give each group once its checks are done."""
        clocks = machine.Clocks.now()
        yield "software", [software.python(), software.packages(), *(software.docker() if self._asked.docker else [])]
        yield "ports", ports.ports(self._ports.needed(backend=self._own, page=True), running())
        yield from self._of_target()
        if self._asked.authority is not None:
            yield "interception", self._of_authority(self._asked.authority)
        yield "results", self._of_storage()
        yield (
            "machine",
            [
                *machine.processors(machine.Processors.now(), self._asked.workers),
                machine.open_files(self._asked.users),
                machine.clock(clocks, machine.Clocks.now()),
            ],
        )

    def _of_target(self) -> Iterator[Group]:
        if self._own and ports.lab_service(self._ports.backend) != "backend":
            yield (
                "target",
                [ok("target", f"a run starts the reference backend at {self.base_url}, and all its doubles")],
            )
            return
        asker = target.Asker(self.base_url, self._settings.run_id)
        found, seen = target.health(self.base_url, asker)
        if seen is None:
            yield "target", found
            return
        http = PlainHttp(self.base_url, self._settings.run_id)
        offered, capabilities = target.offers(http)
        found += [offered, target.clock(seen), self._limit(seen, asker)]
        if capabilities is not None:
            found.append(target.sockets(self._settings.ws_url or websocket_url(self.base_url)))
        shown = target.certificate(self.base_url)
        yield "target", found if shown is None else [*found, shown]
        if capabilities is None:
            return
        borrowed = borrowed_account(self._settings, self.base_url)
        yield "accounts", [accounts.accounts(http, borrowed, self._settings.org_name)]
        yield "telephony", self._of_telephony()

    def _limit(self, seen: target.Look, asker: target.Asker) -> Finding:
        try:
            return target.burst(asker, self._asked.burst) if self._asked.burst else target.rate_limit(seen, asker)
        except SetupError as error:
            return target.lost(error)

    def _of_telephony(self) -> list[Finding]:
        if not self._settings.simulate_external_services:
            return [ok("telephony", "no calls are made: SIMULATE_EXTERNAL_SERVICES is false")]
        found = [telephony.signature_url(self.base_url, self._settings.twilio_auth_token.get_secret_value())]
        told = os.environ.get("LAB_TWILIO_URL")
        url = self._settings.twilio_url if told else f"http://127.0.0.1:{self._ports.twilio}"
        if told or ports.lab_service(self._ports.twilio) == "twilio":
            found.append(telephony.double(self._settings, url))
        else:
            found.append(ok("Twilio double", f"a run starts the Twilio double at {url}"))
        return found

    def _of_authority(self, file: Path) -> list[Finding]:
        found = [interception.authority(file)]
        if self._asked.door is not None and not found[0].todo:
            found.append(interception.door(*self._asked.door, file))
        return found

    def _of_storage(self) -> list[Finding]:
        settings = self._settings
        url = self._asked.influx or settings.influx_url
        token = settings.secret_of(settings.influx_token)
        return [
            *storage.results(settings.results_dir),
            *storage.influx(url, token, settings.influx_org, settings.influx_bucket),
        ]
