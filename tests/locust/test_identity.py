"""What tells users and runs apart."""

import ipaddress
import re

from hypothesis import given
from hypothesis import strategies as st

from utils.identity import client_address, mail_domain, run_label

run_ids = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


@given(run_ids, st.integers(min_value=0, max_value=1 << 23), st.integers(min_value=1, max_value=1 << 23))
def test_no_two_users_of_a_run_share_an_address(run_id: str, serial: int, apart: int) -> None:
    one, other = client_address(run_id, serial), client_address(run_id, serial + apart)
    assert one != other
    assert ipaddress.ip_address(one) in ipaddress.ip_network("10.0.0.0/8")


def test_two_runs_begin_at_other_addresses() -> None:
    assert client_address("20250101-120000-aaaa", 1) != client_address("20250101-120030-bbbb", 1)


@given(run_ids)
def test_a_runs_mail_domain_is_a_host_name_under_example_com(run_id: str) -> None:
    domain = mail_domain(run_id)
    assert domain.endswith(".example.com")
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", domain.removesuffix(".example.com"))


def test_run_ids_that_look_alike_keep_labels_of_their_own() -> None:
    ids = ["nightly", "Nightly", "night.ly", "night-ly", "night_ly", "x" * 60, "x" * 61]
    assert len({run_label(run_id) for run_id in ids}) == len(ids)
