"""Routes about installed applications."""

from __future__ import annotations

from dataclasses import dataclass

from litestar import get, post
from litestar.datastructures import State
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import FromPath, RawBody

from covey.api.described import errors
from covey.api.present import application_reply
from covey.api.schema import PATHS_ROOT, ApplicationList, ApplicationReply
from covey.api.state import service_of
from covey.model import limits

__all__ = ["ROUTES"]

_PATH = f"{PATHS_ROOT}/applications"


def _bundle_body() -> RequestBody:
    schema = Schema(type=OpenAPIType.STRING, content_media_type="application/octet-stream")
    return RequestBody(
        content={"application/octet-stream": OpenAPIMediaType(schema=schema)},
        required=True,
        description=f"a signed bundle, at most {limits.BUNDLE_SIZE_BYTES_MAX} bytes",
    )


@dataclass
class _BundleOperation(Operation):
    """A request whose body is a bundle."""

    def __post_init__(self) -> None:
        """The framework sees a raw body and describes none."""
        self.request_body = _bundle_body()


@get(_PATH, summary="The installed releases", responses=errors(507), sync_to_thread=False)
def list_applications(state: State) -> ApplicationList:
    """Every release that contexts can be founded with."""
    rows = service_of(state).applications()
    return ApplicationList(applications=tuple(application_reply(row) for row in rows))


@post(
    _PATH,
    summary="Install a bundle",
    status_code=200,
    responses=errors(413, 507),
    operation_class=_BundleOperation,
)
async def install_application(body: RawBody, state: State) -> ApplicationReply:
    """Check a bundle and keep it; installing it again changes nothing."""
    return application_reply(await service_of(state).install(body))


@get(
    f"{_PATH}/{{name:str}}",
    summary="One installed release",
    responses=errors(404, 507),
    sync_to_thread=False,
)
def read_application(name: FromPath[str], state: State) -> ApplicationReply:
    """name: id, package, local name or unique prefix."""
    return application_reply(service_of(state).application(name))


ROUTES = (list_applications, install_application, read_application)
