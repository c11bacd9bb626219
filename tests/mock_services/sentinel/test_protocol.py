"""What the sentinel answers to a name, and that no packet confuses it."""

from __future__ import annotations

import contextlib

import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_services.core.vendor_hosts import STUB_HOSTS, VENDOR_HOSTS
from mock_services.sentinel.protocol import Kind, Question, UnreadableQuestion, answer, read
from mock_services.vendors.app import VENDORS

OWN = "198.18.53.53"
LABEL = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20)
NAMES = st.lists(LABEL, min_size=1, max_size=6).map(".".join)


def ask(name: str, record: str = "A") -> Question:
    return read(dns.message.make_query(name, record, id=7).to_wire(), VENDOR_HOSTS)


def reply(question: Question, address: str | None = OWN, datagram: bool = True) -> dns.message.Message:
    return dns.message.from_wire(answer(question, address, datagram))


def test_every_vendor_that_is_served_has_its_hosts() -> None:
    assert STUB_HOSTS.keys() == VENDORS.keys()
    assert VENDOR_HOSTS["api.twilio.com"] == "twilio"


@pytest.mark.parametrize("name", [*VENDOR_HOSTS, "API.OpenAI.com", "api.stripe.com."])
def test_a_vendors_name_is_a_doubles(name: str) -> None:
    question = ask(name)
    assert question.kind is Kind.DOUBLE
    assert question.double == VENDOR_HOSTS[name.lower().rstrip(".")]
    (records,) = reply(question, "198.18.53.4").answer
    assert [record.to_text() for record in records] == ["198.18.53.4"]


@pytest.mark.parametrize("name", ["telemetry.example.org", "openai.com", "api.openai.com.evil.example", "com.com"])
def test_any_other_name_is_outside_and_leads_to_the_sentinel(name: str) -> None:
    question = ask(name)
    assert question.kind is Kind.OUTSIDE
    (records,) = reply(question).answer
    assert [record.to_text() for record in records] == [OWN]


@pytest.mark.parametrize(
    "name",
    ["wpad", "postgres", "printer.local", "db.internal", "x.home.arpa", "1.0.18.198.in-addr.arpa", "a.test", "."],
)
def test_a_name_that_leads_nowhere_does_not_exist(name: str) -> None:
    question = ask(name)
    assert question.kind is Kind.NOWHERE
    assert reply(question).rcode() == dns.rcode.NXDOMAIN


@pytest.mark.parametrize("name", ["api.openai.com", "telemetry.example.org"])
@pytest.mark.parametrize("record", ["AAAA", "MX", "TXT", "HTTPS", "SRV"])
def test_a_name_has_no_records_but_its_ipv4_address(name: str, record: str) -> None:
    said = reply(ask(name, record), None)
    assert (said.rcode(), said.answer) == (dns.rcode.NOERROR, [])


def test_a_double_that_has_no_address_is_the_servers_failure() -> None:
    assert reply(ask("api.openai.com"), None).rcode() == dns.rcode.SERVFAIL


def test_what_is_no_ordinary_question_is_refused_in_its_own_way() -> None:
    notify = dns.message.make_query("a.example.org", "A")
    notify.set_opcode(dns.opcode.NOTIFY)
    assert reply(read(notify.to_wire(), {})).rcode() == dns.rcode.NOTIMP
    chaos = dns.message.make_query("version.bind", "TXT", dns.rdataclass.CH)
    assert reply(read(chaos.to_wire(), {})).rcode() == dns.rcode.REFUSED
    assert reply(read(dns.message.Message().to_wire(), {})).rcode() == dns.rcode.FORMERR


def test_an_answer_is_no_question() -> None:
    with pytest.raises(UnreadableQuestion, match="it is an answer"):
        read(answer(ask("a.example.org"), OWN, True), {})


@given(NAMES, st.sampled_from(["A", "AAAA", "TXT", "PTR", "ANY"]), st.integers(0, 0xFFFF), st.booleans())
def test_an_answer_is_to_the_question_that_was_asked(name: str, record: str, number: int, datagram: bool) -> None:
    query = dns.message.make_query(name, record, id=number)
    said = dns.message.from_wire(answer(read(query.to_wire(), VENDOR_HOSTS), OWN, datagram))
    assert (said.id, said.question) == (number, query.question)
    assert said.flags & dns.flags.AA
    assert query.is_response(said)


@given(st.binary(max_size=600))
def test_any_packet_is_answered_or_known_to_be_unreadable(packet: bytes) -> None:
    with contextlib.suppress(UnreadableQuestion):
        dns.message.from_wire(answer(read(packet, VENDOR_HOSTS), OWN, True))


@given(st.data())
def test_so_is_a_question_with_a_byte_changed(data: st.DataObject) -> None:
    packet = bytearray(dns.message.make_query("telemetry.example.org", "A", use_edns=True).to_wire())
    packet[data.draw(st.integers(0, len(packet) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(UnreadableQuestion):
        assert len(answer(read(bytes(packet), VENDOR_HOSTS), OWN, True)) <= 4096
