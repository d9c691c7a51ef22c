"""The application: every route, its errors and its OpenAPI document."""

from __future__ import annotations

import msgspec
import trio
from litestar import Litestar
from litestar.datastructures import State
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, Schema, SecurityScheme
from litestar.plugins import OpenAPISchemaPlugin, PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin
from litestar.types import ASGIApp
from litestar.typing import FieldDefinition

from covey import __version__
from covey.api import (
    application_routes,
    call_routes,
    context_routes,
    history_routes,
    node_routes,
    rules_routes,
)
from covey.api.failures import HANDLERS
from covey.api.guard import Guard
from covey.node import NodeService

__all__ = ["build_app", "build_routes"]

_SUMMARY = """Commands a running covey node, from this machine only.

Every request shows the token of the node's home: `Authorization: Bearer TOKEN`. A failed request
answers `{"error": {"code", "message"}}`; the codes are in the reference of the interface.
Streams are JSON lines; an empty line is a heartbeat."""


class _RawSchema(OpenAPISchemaPlugin):
    """A part that is passed on as it came is any JSON value."""

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        return field_definition.annotation is msgspec.Raw

    def to_openapi_schema(
        self,
        field_definition: FieldDefinition,  # noqa: ARG002 - given by the framework
        schema_creator: object,  # noqa: ARG002 - given by the framework
    ) -> Schema:
        return Schema(description="any JSON value")


class _Routes(Litestar):
    """Without plugins for types that the interface does not use: pydantic's take 8 MB of memory."""

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        return [*plugins, MsgspecDIPlugin()]


def build_app(service: NodeService, token: str, stopping: trio.Event) -> ASGIApp:
    """The application as it is served: its routes behind the guard.

    stopping: set when the node stops; streams that have no end of their own end then.
    """
    return Guard(build_routes(service, stopping), token)


def build_routes(service: NodeService, stopping: trio.Event) -> Litestar:
    """The routes, without the guard before them."""
    return _Routes(
        [
            *node_routes.ROUTES,
            *application_routes.ROUTES,
            *context_routes.ROUTES,
            *rules_routes.ROUTES,
            *history_routes.ROUTES,
            *call_routes.ROUTES,
        ],
        state=State({"service": service, "stopping": stopping}),
        request_max_body_size=None,  # The guard has read it, within its bounds.
        exception_handlers=dict(HANDLERS),
        logging_config=None,
        openapi_config=_openapi(),
        plugins=[_RawSchema()],
    )


def _openapi() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="covey",
        version=__version__,
        description=_SUMMARY,
        path="/",
        use_handler_docstrings=True,
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        components=Components(
            security_schemes={"token": SecurityScheme(type="http", scheme="bearer")}
        ),
        security=[{"token": []}],
    )
