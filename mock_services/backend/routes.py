"""How an area of the API lists its operations: what follows from the parts is documented without being said."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from mock_services.backend.schemas import BODIES
from mock_services.core.operations import Authenticate, Handler, Operation


class Area:
    """Makes the operations of one area, whose paths begin with `prefix`."""

    def __init__(self, tag: str, prefix: str) -> None:
        self._tag = tag
        self._prefix = prefix

    def __call__(
        self,
        method: str,
        path: str,
        handler: Handler,
        *,
        gives: Any = None,
        refuses: tuple[int, ...] = (),
        authenticate: Authenticate | None = None,
        path_params: type[BaseModel] | None = None,
        query: type[BaseModel] | None = None,
        body: Any = None,
        form: bool = False,
        extension: bool = False,
    ) -> Operation:
        """Make an operation that answers 200 with `gives`, and `refuses` with what its parts do not imply.

        Authentication implies 401 and 403, anything to validate implies 422. The handler's docstring is the summary.
        An `extension` is what the platform lacks; it is not served where extensions are switched off.
        """
        statuses = {*refuses}
        if authenticate is not None:
            statuses |= {401, 403}
        if path_params is not None or query is not None or body is not None:
            statuses |= {422}
        return Operation(
            method=method,
            path=self._prefix + path,
            handler=handler,
            summary=(handler.__doc__ or "").partition("\n")[0],
            tag=self._tag,
            authenticate=authenticate,
            path_params=path_params,
            query=query,
            body=body,
            form=form,
            extension=extension,
            responses={200: gives} | {status: BODIES[status] for status in statuses},
        )
