"""Ids as the mail endpoints take them: any text, and what names nothing is unknown."""

from __future__ import annotations

import uuid

from mock_services.backend.defects import Defect, Defects, DefectShown
from mock_services.backend.errors import ResourceNotFound
from mock_services.core.operations import ServiceError

NOBODY = uuid.UUID(int=0)


def identity(text: str) -> uuid.UUID:
    """Read an id; what is none is nobody's."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return NOBODY


def unknown(reason: str, defects: Defects) -> ServiceError:
    """Make the refusal of an id that nothing has."""
    if Defect.CRM_UNKNOWN_ID in defects:
        return DefectShown(Defect.CRM_UNKNOWN_ID, reason)
    return ResourceNotFound(reason)
