"""Templates of mails: `/api/crm/email-templates`."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.responses import Response

from mock_services.backend.accounts.access import Access
from mock_services.backend.accounts.state import User
from mock_services.backend.crm.state import Row
from mock_services.backend.errors import BadRequest
from mock_services.backend.mailing.letters import placeholders
from mock_services.backend.mailing.schemas import (
    TemplateCreate,
    TemplateForm,
    TemplatePath,
    TemplateQuery,
    TemplateUpdate,
    TemplateUploaded,
    TemplateView,
)
from mock_services.backend.mailing.state import Mailing
from mock_services.backend.routes import Area
from mock_services.backend.schemas import Message
from mock_services.core.forms import Upload
from mock_services.core.operations import Exchange, Operation, json_response

NEEDED = frozenset({"name", "subject", "html_content", "variables"})
LONGEST_NAME, LONGEST_SUBJECT = 100, 255


class Templates:
    """The template endpoints. Any valid token of the tenant will do."""

    def __init__(self, mailing: Mailing, access: Access) -> None:
        self._mailing = mailing
        self._access = access

    def operations(self) -> Iterable[Operation]:
        """Give the operations that are served."""
        area = Area("mail", "/api/crm/email-templates", self._access.token)
        one, view = TemplatePath, TemplateView
        return (
            area("GET", "", self.list, gives=list[TemplateView]),
            area("POST", "", self.create, body=TemplateCreate, gives=view, refuses=(400,)),
            area(
                "POST",
                "/upload",
                self.upload,
                query=TemplateQuery,
                body=TemplateForm,
                form=True,
                gives=TemplateUploaded,
                refuses=(400,),
            ),
            area("GET", "/{template_id}", self.show, path_params=one, gives=view, refuses=(404,)),
            area(
                "PATCH",
                "/{template_id}",
                self.update,
                path_params=one,
                body=TemplateUpdate,
                gives=view,
                refuses=(400, 404),
            ),
            area("DELETE", "/{template_id}", self.delete, path_params=one, gives=Message, refuses=(404,)),
        )

    async def list(self, exchange: Exchange) -> Response:
        """List the tenant's templates."""
        return json_response([*self._mailing.of(exchange.principal.tenant.id).templates.values()])

    async def create(self, exchange: Exchange) -> Response:
        """Add a template."""
        user: User = exchange.principal
        return json_response(self._mailing.add_template(user.tenant.id, user.id, exchange.body.model_dump()))

    async def upload(self, exchange: Exchange) -> Response:
        """Add a template from an HTML file; its variables are the placeholders in it."""
        query: TemplateQuery = exchange.query
        if not (0 < len(query.name) <= LONGEST_NAME and 0 < len(query.subject) <= LONGEST_SUBJECT):
            raise BadRequest(f"name takes 1 to {LONGEST_NAME} characters, subject 1 to {LONGEST_SUBJECT}")
        html = _html(exchange.body.file)
        user: User = exchange.principal
        values = {
            "name": query.name,
            "subject": query.subject,
            "html_content": html,
            "text_content": None,
            "variables": placeholders(html),
        }
        row = self._mailing.add_template(user.tenant.id, user.id, values)
        return json_response({"message": "Email template uploaded successfully", "template": row})

    async def show(self, exchange: Exchange) -> Response:
        """Show a template."""
        return json_response(self._row(exchange))

    async def update(self, exchange: Exchange) -> Response:
        """Change some fields of a template."""
        row = self._row(exchange)
        given = exchange.body.model_dump(exclude_unset=True)
        self._mailing.change_template(
            row, {name: value for name, value in given.items() if value is not None or name not in NEEDED}
        )
        return json_response(row)

    async def delete(self, exchange: Exchange) -> Response:
        """Delete a template; the campaigns that it was used for stay."""
        self._mailing.remove_template(self._row(exchange))
        return json_response({"message": "Email template deleted successfully"})

    def _row(self, exchange: Exchange) -> Row:
        return self._mailing.template(exchange.principal.tenant.id, exchange.path.template_id)


def _html(upload: Upload) -> str:
    if not upload.filename.lower().endswith((".html", ".htm")):
        raise BadRequest(f"the file is called {upload.filename!r}; it takes one that ends in .html or .htm")
    try:
        html = upload.content.decode()
    except UnicodeDecodeError:
        raise BadRequest("the file is not UTF-8") from None
    if not html:
        raise BadRequest("the file is empty")
    return html
