"""The lab's processes find each other, also where its ports are moved."""

from __future__ import annotations

import re

import pytest
from locallab.stack import Ports, doubles

from mock_services.backend.settings import Settings
from tests.support import ports

MOVED = {"8001": 18001, "8010": 18010, "8020": 18020}


def test_the_backend_is_told_where_everything_is_that_its_defaults_name() -> None:
    ports = Ports(backend=18001, twilio=18010, vendors=18020, page=18089, bus=15557)
    (backend,) = (spec for spec in doubles(ports, backend=True) if spec.name == "backend")
    expected = {}
    for field in Settings.model_fields.values():
        if found := re.search(r"127\.0\.0\.1:(\d+)", default := str(field.default)):
            moved = default.replace(found[0], f"127.0.0.1:{MOVED[found[1]]}")
            expected[str(field.validation_alias)] = moved.rstrip("/")
    assert expected
    assert expected.items() <= backend.environment.items()


def test_stripes_double_tells_the_backend_of_subscriptions_where_there_is_one() -> None:
    ports = Ports(backend=18001, twilio=18010, vendors=18020, page=18089, bus=15557)
    webhook = {"STRIPE_WEBHOOK_URL": "http://127.0.0.1:18001/api/billing/webhook"}
    assert doubles(ports, backend=True)[0].environment == webhook
    assert doubles(ports, backend=False)[0].environment == {}


def test_two_that_test_the_lab_at_once_get_ports_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = (ports.CLAIM, *ports.LAB_PORTS)
    monkeypatch.setattr(
        ports, "OFFSETS", [next(at for at in ports.OFFSETS if all(ports.free(port + at) for port in wanted))]
    )
    with ports.lab_offset(), pytest.raises(AssertionError, match="taken"), ports.lab_offset():
        pass
    with ports.lab_offset() as again:
        assert again in ports.OFFSETS
