"""Real nodes in real processes, for the demo, end-to-end tests and experiments.

`Cluster` owns the processes, `Witness` hears what each node applies, `Player` plays a recorded
session through them.
"""

from covey.testkit.cluster.cluster import Cluster, agree, context_status, until
from covey.testkit.cluster.player import HandOver, Player
from covey.testkit.cluster.process import NodeProcess, Ready, Usage, covey_command, guarded
from covey.testkit.cluster.witness import Board, Witness

__all__ = [
    "Board",
    "Cluster",
    "HandOver",
    "NodeProcess",
    "Player",
    "Ready",
    "Usage",
    "Witness",
    "agree",
    "context_status",
    "covey_command",
    "guarded",
    "until",
]
