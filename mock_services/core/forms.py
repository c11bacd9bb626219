"""Reads forms: URL-encoded ones, and multipart ones with files in them (RFC 7578)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated
from urllib.parse import parse_qsl

from pydantic import InstanceOf, WithJsonSchema
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

MAX_PARTS = 1_000


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a form: the name that it was sent under, and what is in it."""

    filename: str
    content: bytes


File = Annotated[InstanceOf[Upload], WithJsonSchema({"type": "string", "format": "binary"})]
"""The type of a form's field that is a file; a form with one is documented as multipart."""


class FormError(Exception):
    """A multipart body that cannot be taken apart; the message says why."""


def read_form(content_type: str, body: bytes) -> dict[str, str | Upload]:
    """Give the fields of a form, the last of each name; without a multipart type it is read as URL-encoded.

    Raise `FormError` for a multipart body that is broken or has more than `MAX_PARTS` parts.
    """
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    if not options.get(b"boundary"):
        raise FormError("the multipart body's type names no boundary")
    collected = _Parts()
    try:
        parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": collected.begin,
                "on_part_data": collected.data,
                "on_part_end": collected.end,
                "on_header_field": collected.header_field,
                "on_header_value": collected.header_value,
                "on_header_end": collected.header_end,
            },
        )
        parser.write(body)
        parser.finalize()
    except FormParserError as broken:
        raise FormError(str(broken)) from None
    return collected.values


@dataclass(slots=True)
class _Parts:
    """Puts a multipart body's fields together from what the parser tells."""

    values: dict[str, str | Upload] = field(default_factory=dict)
    count: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    header: tuple[bytearray, bytearray] = field(default_factory=lambda: (bytearray(), bytearray()))
    content: bytearray = field(default_factory=bytearray)

    def begin(self) -> None:
        self.count += 1
        if self.count > MAX_PARTS:
            raise FormError(f"the form has more than {MAX_PARTS} parts")
        self.headers = {}
        self.content = bytearray()

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self.header[0].extend(data[start:end])

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self.header[1].extend(data[start:end])

    def header_end(self) -> None:
        self.headers[bytes(self.header[0]).lower()] = bytes(self.header[1])
        self.header = bytearray(), bytearray()

    def data(self, data: bytes, start: int, end: int) -> None:
        self.content.extend(data[start:end])

    def end(self) -> None:
        _, options = parse_options_header(self.headers.get(b"content-disposition", b""))
        if b"name" not in options:
            raise FormError("a part's Content-Disposition names no field")
        name = options[b"name"].decode("utf-8", "replace")
        if b"filename" in options:
            filename = options[b"filename"].decode("utf-8", "replace")
            self.values[name] = Upload(filename, bytes(self.content))
        else:
            self.values[name] = self.content.decode("utf-8", "replace")
