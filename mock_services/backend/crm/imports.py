"""Contacts from a file: `POST /api/crm/contacts/import`."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Iterable
from itertools import islice
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from starlette.responses import Response

from mock_services.backend.accounts.access import Access
from mock_services.backend.accounts.state import User
from mock_services.backend.crm.schemas import ContactRow, Imported, ImportForm, ImportQuery
from mock_services.backend.crm.state import POISON, Crm
from mock_services.backend.defects import Defect, Defects
from mock_services.backend.errors import BadRequest
from mock_services.backend.routes import Area
from mock_services.core.forms import Upload
from mock_services.core.operations import Exchange, Operation, json_response

Line = dict[str, str | None]

NO_NAME = "-"
ROWS_A_TURN = 100
AMOUNTS = ("contract_amount_cents", "amount_paid_cents", "balance_due_cents")
TYPED = (*POISON, *AMOUNTS, "is_unsubscribed", "unsubscribed_at")
"""The fields that the platform's database keeps as something other than text."""


class Imports:
    """The import endpoint. Each line succeeds or fails by itself."""

    def __init__(self, crm: Crm, access: Access, defects: Defects, max_rows: int) -> None:
        self._crm = crm
        self._access = access
        self._defects = defects
        self._max_rows = max_rows

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("crm", "/api/crm/contacts", self._access.token)
        return (
            area(
                "POST",
                "/import",
                self.run,
                query=ImportQuery,
                body=ImportForm,
                form=True,
                gives=Imported,
                refuses=(400,),
            ),
        )

    async def run(self, exchange: Exchange) -> Response:
        """Add a contact for each line of a CSV file, or change the one with its e-mail."""
        query: ImportQuery = exchange.query
        mapping = _mapping(query.field_mapping)
        lines = self._lines(exchange.body.file)
        created: list[UUID] = []
        updated: list[UUID] = []
        errors: list[dict[str, Any]] = []
        for number, line in enumerate(lines, 1):
            if number % ROWS_A_TURN == 0:
                await asyncio.sleep(0)  # others are served too while a long file is read
            try:
                contact_id, is_new = self._store(exchange.principal, mapping, line, update=query.update_existing)
            except (BadRequest, ValueError) as refusal:
                errors.append({"row": number, "error": _sentence(refusal), "data": line})
            else:
                (created if is_new else updated).append(contact_id)
        return json_response(
            {
                "total_rows": len(lines),
                "successful_imports": len(created) + len(updated),
                "failed_imports": len(errors),
                "errors": errors,
                "created_contacts": created,
                "updated_contacts": updated,
            }
        )

    def _store(self, user: User, mapping: dict[str, str], line: Line, *, update: bool) -> tuple[UUID, bool]:
        """Store one line: give the contact's id, and whether it is new. Raise `ValueError` or `BadRequest`."""
        values = {field: text for header, field in mapping.items() if (text := (line.get(header) or "").strip())}
        if values.get("contact_name") == NO_NAME:
            del values["contact_name"]
        if not values.get("business_name") or not (values.get("contact_name") or values.get("contact_email")):
            raise ValueError("a contact needs a business_name, and a contact_name or a contact_email")
        if Defect.CRM_IMPORT_TYPED_COLUMNS in self._defects:
            for name in TYPED:
                if name in values:
                    raise ValueError(f"invalid input for query argument {name}: {values[name]!r} ('str' object)")
        row = ContactRow.model_validate(values)
        tenant_id = user.tenant.id
        known = self._crm.of(tenant_id).by_email.get(row.contact_email or "")
        if known is not None and update:
            self._crm.change_contact(tenant_id, known, row.model_dump(exclude_unset=True))
            return known.row["id"], False
        return self._crm.add_contact(tenant_id, user.id, row.model_dump()).row["id"], True

    def _lines(self, upload: Upload) -> list[Line]:
        """Read a CSV file's lines by its headers; raise `BadRequest` for what is none."""
        if not upload.filename.lower().endswith(".csv"):
            raise BadRequest(f"the file is called {upload.filename!r}; it takes one that ends in .csv")
        try:
            text = upload.content.decode("utf-8-sig")
            lines = list(islice(csv.DictReader(io.StringIO(text, newline="")), self._max_rows + 1))
        except (UnicodeDecodeError, csv.Error) as unreadable:
            raise BadRequest(f"the file cannot be read as CSV: {unreadable}") from None
        if len(lines) > self._max_rows:
            raise BadRequest(f"the file has more than {self._max_rows} lines, which BACKEND_MAX_IMPORT_ROWS allows")
        return [{name: value for name, value in line.items() if name is not None} for line in lines]


def _mapping(text: str) -> dict[str, str]:
    """Read a field mapping, leaving out what is no field of a contact; raise `BadRequest`."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as unreadable:
        raise BadRequest(f"field_mapping is not JSON: {unreadable}") from None
    if not isinstance(given, dict):
        raise BadRequest("field_mapping is JSON, but not an object")
    return {header: field for header, field in given.items() if field in [*ContactRow.model_fields]}


def _sentence(refusal: Exception) -> str:
    if isinstance(refusal, ValidationError):
        return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in refusal.errors())
    return str(refusal)
