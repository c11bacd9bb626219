"""How an area of the API lists its operations: what follows from the parts is documented without being said."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from mock_services.backend.schemas import BODIES
from mock_services.core.operations import Authenticate, Handler, Operation


@dataclass(frozen=True, slots=True)
class Authentication:
    """How callers are recognised, and the statuses with which those are refused who are not."""

    check: Authenticate
    refuses: frozenset[int]


@dataclass(frozen=True, slots=True)
class Area:
    """Makes the operations of one area, whose paths begin with `prefix`, for everybody unless it says `by` whom."""

    tag: str
    prefix: str
    authentication: Authentication | None = None

    def by(self, authentication: Authentication) -> Area:
        """The operations of the same area that are for callers who are recognised so."""
        return replace(self, authentication=authentication)

    def __call__(
        self,
        method: str,
        path: str,
        handler: Handler,
        *,
        gives: Any = None,
        refuses: tuple[int, ...] = (),
        path_params: type[BaseModel] | None = None,
        query: type[BaseModel] | None = None,
        body: Any = None,
        form: bool = False,
        extension: bool = False,
    ) -> Operation:
        """Make an operation that answers 200 with `gives`, and `refuses` with what its parts do not imply.

        Authentication implies its own refusals, anything to validate implies 422. The handler's docstring is the
        summary. An `extension` is what the platform lacks; it is not served where extensions are switched off.
        """
        statuses = {*refuses}
        if self.authentication is not None:
            statuses |= self.authentication.refuses
        if path_params is not None or query is not None or body is not None:
            statuses |= {422}
        return Operation(
            method=method,
            path=self.prefix + path,
            handler=handler,
            summary=(handler.__doc__ or "").partition("\n")[0],
            tag=self.tag,
            authenticate=None if self.authentication is None else self.authentication.check,
            path_params=path_params,
            query=query,
            body=body,
            form=form,
            extension=extension,
            responses={200: gives} | {status: BODIES[status] for status in statuses},
        )
