"""What a target does to a connection counts against it: each request is sent once, and half an answer is none."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.support.suite_lab import SUITE, clean_environment
from tests.support.unkind_target import unkind_target

DRIVER = """
import json, sys
from locust.env import Environment
from clients.session import Session
from metrics.outcome import classify
from scenarios.base import PlatformUser

class Caller(PlatformUser):
    host = sys.argv[1]
    network_timeout = 0.3

counted = []

def count(request_type, name, response, exception, **_rest):
    counted.append((f"{request_type} {name}", classify(request_type, response, exception)))

environment = Environment(user_classes=[])
environment.events.request.add_listener(count)
session = Session(Caller(environment).client, "10.0.0.1", login=None)
for request in sys.argv[2:]:
    method, path = request.split()
    session.send(method, path, body={"name": "x"} if method in ("POST", "PUT") else None)
print(json.dumps(counted))
"""


def send(url: str, *requests: str) -> list[tuple[str, str]]:
    """Have a user of the suite send these; give what was counted, in order, with its outcome."""
    command = [sys.executable, "-c", DRIVER, url, *requests]
    environment = clean_environment(PYTHONPATH=str(SUITE))
    printed = subprocess.run(command, cwd=SUITE, env=environment, stdout=subprocess.PIPE, timeout=60, check=True)
    counted: list[list[Any]] = json.loads(printed.stdout)
    return [(name, outcome) for name, outcome in counted]


@pytest.mark.parametrize("path", ["/close", "/reset"])
def test_a_request_is_sent_once_and_a_broken_connection_is_its_failure(path: str) -> None:
    requests = [f"{method} {path}" for method in ("GET", "PUT", "DELETE", "POST", "PATCH")]
    with unkind_target() as target:
        counted = send(target.url, *requests, *requests)
    assert counted == [(request, "connection") for request in requests] * 2
    assert target.received == dict.fromkeys(requests, 2)


def test_a_connection_that_was_closed_while_nobody_used_it_costs_no_request() -> None:
    with unkind_target() as target:
        counted = send(target.url, *["GET /last"] * 5)
    assert counted == [("GET /last", "ok")] * 5
    assert target.received == {"GET /last": 5}


def test_an_answer_that_broke_off_is_a_failure_though_its_part_can_be_read() -> None:
    with unkind_target() as target:
        counted = send(target.url, "GET /part", "POST /part", "GET /fine")
    assert counted == [("GET /part", "connection"), ("POST /part", "connection"), ("GET /fine", "ok")]


def test_a_request_that_is_never_answered_is_a_timeout() -> None:
    with unkind_target() as target:
        counted = send(target.url, "GET /silent", "POST /silent", "GET /fine")
    assert counted == [("GET /silent", "timeout"), ("POST /silent", "timeout"), ("GET /fine", "ok")]
    assert target.received == {"GET /silent": 1, "POST /silent": 1, "GET /fine": 1}
