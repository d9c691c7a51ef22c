"""Where a recording changes hands: which transactions one agent can make without hearing more."""

from dataclasses import dataclass

from covey.testkit.trace.format import Trace

__all__ = ["Stretch", "stretches"]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring transactions of one agent that need nothing by others but `requires`.

    transactions: indices in order, at least one.
    requires: (other agent, its last transaction that must have arrived), for those it follows.
    """

    agent: int
    transactions: tuple[int, ...]
    requires: tuple[tuple[int, int], ...]


def stretches(trace: Trace, transactions: int | None = None) -> list[Stretch]:
    """Split the first `transactions` (None: all) at every hand-over.

    In order of the first transaction of each, so that what a stretch requires comes before it.
    An agent's next stretch begins where it first follows something by others that its last one did
    not require. A node that already knows more may go ahead: positions are not its to map.
    """
    found: list[tuple[int, list[int], tuple[int, ...]]] = []
    open_of_agent: dict[int, tuple[list[int], tuple[int, ...]]] = {}
    for index in range(trace.prefix_length(transactions)):
        agent = trace.transactions[index].agent
        view = trace.views[index]
        others = (*view[:agent], -1, *view[agent + 1 :])
        current = open_of_agent.get(agent)
        if current is not None and current[1] == others:
            current[0].append(index)
            continue
        indices = [index]
        open_of_agent[agent] = (indices, others)
        found.append((agent, indices, others))
    return [
        Stretch(agent, tuple(indices), tuple((o, i) for o, i in enumerate(others) if i >= 0))
        for agent, indices, others in found
    ]
