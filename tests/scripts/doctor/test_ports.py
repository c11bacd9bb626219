"""What the doctor says of the lab's ports."""

from __future__ import annotations

import os
import socket

from locallab.doctor import ports
from locallab.doctor.findings import Level

from tests.support.doubles import serving
from tests.support.ports import free_port


def test_a_free_port_is_well() -> None:
    (found,) = ports.ports({"backend": free_port()})
    assert found.level is Level.OK


def test_a_port_that_a_program_has_taken_is_a_problem_that_names_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taker:
        port = taker.getsockname()[1]
        (found,) = ports.ports({"vendors": port})
    assert found.level is Level.PROBLEM
    assert f"port {port}" in found.says
    assert f"process {os.getpid()}" in found.says
    assert "LAB_PORT_OFFSET" in found.todo


def test_a_lab_that_is_up_is_told_from_a_stranger() -> None:
    with serving("twilio") as address:
        port = int(address.rpartition(":")[2])
        assert [found.level for found in ports.ports({"twilio": port})] == [Level.WARNING]
        (found,) = ports.ports({"backend": port})
    assert found.level is Level.PROBLEM


def test_what_a_double_cannot_say_of_itself_is_known_by_the_lab_that_was_left_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as page:
        port = page.getsockname()[1]
        (own,) = ports.ports({"Locust page": port}, {os.getpid()})
        (other,) = ports.ports({"Locust page": port}, {1})
    assert own.level is Level.WARNING
    assert own.says == f"the Locust page process of a lab that is up answers on port {port}"
    assert other.level is Level.PROBLEM
