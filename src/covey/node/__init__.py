"""The node: its home, the interface that commands it, and what it says of itself.

The composition is `covey.node.running`; it is imported by name, because it brings the network
library and the engine along, and most commands need neither.
"""

from covey.node.governing import RulesRow, Wish
from covey.node.home import ApiAddress, Home, HomeBusy, Ports, init_home
from covey.node.interface import NodeService
from covey.node.rulebook import (
    ConstraintRow,
    Rulebook,
    WrongRule,
    check_rulebook,
    constraint_of_row,
)
from covey.node.settings import ContextSettings, SettingsChange, changed
from covey.node.views import (
    ApplicationRow,
    ApprovalRow,
    AuditRow,
    CallResult,
    ChangeCount,
    ChangeRow,
    CollectionRow,
    ContextRow,
    ContextStatus,
    DeltaRow,
    InForceRow,
    JoinResult,
    LeaveResult,
    MemberRow,
    MethodRow,
    NodeStatus,
    PeerRow,
    QueryResult,
    RefusedRow,
    RehearsalRow,
    SettingsRow,
    VoteRow,
)

__all__ = [
    "Wish",
    "Rulebook",
    "RulesRow",
    "MemberRow",
    "ChangeCount",
    "ChangeRow",
    "CollectionRow",
    "ConstraintRow",
    "ApiAddress",
    "ApplicationRow",
    "ApprovalRow",
    "AuditRow",
    "CallResult",
    "ContextRow",
    "ContextSettings",
    "ContextStatus",
    "DeltaRow",
    "Home",
    "HomeBusy",
    "InForceRow",
    "JoinResult",
    "LeaveResult",
    "MethodRow",
    "NodeService",
    "NodeStatus",
    "PeerRow",
    "Ports",
    "QueryResult",
    "RehearsalRow",
    "RefusedRow",
    "SettingsChange",
    "SettingsRow",
    "VoteRow",
    "WrongRule",
    "changed",
    "check_rulebook",
    "constraint_of_row",
    "init_home",
]
