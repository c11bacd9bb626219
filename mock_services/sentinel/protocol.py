"""What the sentinel makes of a DNS question, without sockets: read, judge, answer (RFC 1035 by dnspython).

Every name is of one of three kinds:

- `double`: a vendor's host name. It is answered with the address of the double that stands in for the vendor.
- `outside`: any other name that could be somebody's. It is answered with the sentinel's own address, so that the
  connection that follows comes to the sentinel, which counts and refuses it. NXDOMAIN would hide what was wanted: many
  clients look a name up once, and never say on which port they would have called.
- `nowhere`: a name that leads nowhere outside of a lab either. NXDOMAIN is the right answer, and a false address would
  do harm: an unqualified name (a service of the lab that is not running: the engine answers for those that are), the
  special-use domains that no public name server knows, and the reverse lookup of an address, which is no way out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

TTL_S = 1
"""Answers are all but not kept: every lookup is to be seen."""
UDP_MOST = 512
"""What a datagram may carry when the client does not say (RFC 1035)."""
SPECIAL_USE = tuple(
    dns.name.from_text(domain)
    for domain in (
        *("localhost", "invalid", "test", "local", "internal", "home.arpa", "onion"),  # RFC 6761, 6762, 7686, 8375
        *("in-addr.arpa", "ip6.arpa"),
    )
)


class Kind(StrEnum):
    """What a name that was looked up is to the lab."""

    DOUBLE = "double"
    OUTSIDE = "outside"
    NOWHERE = "nowhere"


class UnreadableQuestion(Exception):
    """A packet that is no DNS question, nor so much like one that it could be answered."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question as it came: `name` in lower case and without its last dot, `record` the type that is wanted."""

    query: dns.message.Message
    name: str
    record: str
    kind: Kind
    double: str = ""
    """For a vendor's name, the service that stands in for the vendor."""
    refused: dns.rcode.Rcode | None = None
    """The answer's code, when it is a question that no name server of this sort answers."""

    @property
    def wants_address(self) -> bool:
        """Say whether an IPv4 address is asked for: the lab has no others, and says so by an empty answer."""
        return self.record == "A" and self.refused is None


def read(wire: bytes, doubles: Mapping[str, str]) -> Question:
    """Read one packet and judge its name; raise `UnreadableQuestion`. `doubles` gives the service by vendor's name."""
    try:
        query = dns.message.from_wire(wire, ignore_trailing=True)
    except dns.exception.DNSException as unreadable:
        raise UnreadableQuestion(str(unreadable) or type(unreadable).__name__) from unreadable
    if query.flags & dns.flags.QR:
        raise UnreadableQuestion("it is an answer")
    if query.opcode() != dns.opcode.QUERY:
        return Question(query, "", "", Kind.NOWHERE, refused=dns.rcode.NOTIMP)
    if len(query.question) != 1:
        return Question(query, "", "", Kind.NOWHERE, refused=dns.rcode.FORMERR)
    asked = query.question[0]
    name = asked.name.to_text(omit_final_dot=True).lower()
    record = dns.rdatatype.to_text(asked.rdtype)
    kind = judge(asked.name, doubles)
    refused = None if asked.rdclass == dns.rdataclass.IN else dns.rcode.REFUSED
    return Question(query, name, record, kind, doubles.get(name, ""), refused)


def judge(name: dns.name.Name, doubles: Mapping[str, str]) -> Kind:
    """Say what a name is to the lab."""
    if name.to_text(omit_final_dot=True).lower() in doubles:
        return Kind.DOUBLE
    # The root counts as a label: an unqualified name has two.
    if len(name) <= 2 or any(name.is_subdomain(domain) for domain in SPECIAL_USE):
        return Kind.NOWHERE
    return Kind.OUTSIDE


def answer(question: Question, address: str | None, datagram: bool) -> bytes:
    """Write the answer: `address` for a name that has one, None where the double's is not known.

    An answer that a datagram cannot hold is cut off and says so, and the client asks again over TCP.
    """
    response = dns.message.make_response(question.query, recursion_available=True)
    response.flags |= dns.flags.AA
    response.set_rcode(_rcode(question, address))
    if response.rcode() == dns.rcode.NOERROR and question.wants_address:
        assert address is not None
        name = question.query.question[0].name
        response.answer.append(dns.rrset.from_text(name, TTL_S, dns.rdataclass.IN, dns.rdatatype.A, address))
    if not datagram:
        return response.to_wire()
    most = max(UDP_MOST, question.query.payload)
    try:
        return response.to_wire(max_size=most)
    except dns.exception.TooBig:
        response.answer.clear()
        response.flags |= dns.flags.TC
        return response.to_wire(max_size=most)


def _rcode(question: Question, address: str | None) -> dns.rcode.Rcode:
    if question.refused is not None:
        return question.refused
    if question.kind is Kind.NOWHERE:
        return dns.rcode.NXDOMAIN
    if question.wants_address and address is None:
        return dns.rcode.SERVFAIL
    return dns.rcode.NOERROR
