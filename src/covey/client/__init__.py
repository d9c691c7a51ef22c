"""Commands a running node over HTTP: what the command line, the demo and scripts use."""

from covey.client.client import Client
from covey.client.connection import NodeNotRunning
from covey.client.streams import Watch, first_error

__all__ = ["Client", "NodeNotRunning", "Watch", "first_error"]
