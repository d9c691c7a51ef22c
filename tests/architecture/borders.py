"""Where each dependency may be imported, and where everything may be caught."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from tests.architecture.source import Source, imports

# The modules that may import a dependency: an exact module, or a package with all below it.
_WAITING = ("network", "node", "api", "client", "cli", "runtime", "store", "testkit")
_READS_BYTES = ("codec", "api", "client", "node", "cli", "testkit", "network.remembered")
HOMES: dict[str, tuple[str, ...]] = {
    "anyio": ("api",),  # litestar's streams
    "base58": ("codec", "crypto", "network"),  # did:key and peer ids
    "cffi": ("runtime.wasmtime_engine.library",),  # comes with PyNaCl
    "exceptiongroup": _WAITING,  # comes with trio, for Python 3.10
    "google": ("network",),  # protobuf, the wire format of py-libp2p's gossip
    "httpx": (),  # tests of the HTTP interface
    "hypercorn": ("api",),
    "hypothesis": ("testkit",),  # strategies, for tests alone
    "ifaddr": ("network",),  # comes with py-libp2p
    "libp2p": ("network",),
    "litestar": ("api",),
    # A hash packs its parts, below the codec; the oracle does so without the codec on purpose.
    "msgpack": ("codec", "crypto.hashing", "testkit.sim.checkers.reference"),
    # Where outside bytes become values.
    "msgspec": (
        *(*_READS_BYTES, "runtime.module", "runtime.cache", "workbench"),
        "runtime.abi.covey1.text",  # what an application says is checked to be JSON
    ),
    "multiaddr": ("network",),  # comes with py-libp2p
    "multihash": ("network",),  # comes with py-libp2p
    "nacl": ("crypto", "network"),  # gossip checks many envelopes at once
    "plyvel": ("store",),
    "psutil": (),  # tests and benchmarks
    "rfc8785": ("codec", "cli.app_build"),
    "rich": ("cli", "testkit.commands"),
    "sortedcontainers": ("model", "merge", "sync", "store", "testkit"),
    "trio_typing": ("network", "node", "api", "cli"),  # the type of task_status
    "trio": _WAITING,
    "typer": ("cli", "testkit.commands"),
    "wasmer": ("runtime.wasmer_engine.library",),
    "wasmer_compiler_cranelift": ("runtime.wasmer_engine.library",),
    "wasmtime": ("runtime", "cli.app_compilers", "testkit.modules"),  # assembles WAT; the reference
    "ziglang": (),  # run as a program
    "zeroconf": ("network.mdns",),
}

# Where everything may be caught without being raised again: the function, and why.
CATCH_ALL = {
    "covey.api.server.converse": "ends one connection, never the node",
    "covey.cli.main.run_command": "the last resort of a command: one line, no traceback",
    "covey.network.gossip._on_stream": "a crash of ours stops the network, in order",
    "covey.network.muxer.start": "ends one connection, whatever its peer sent",
    "covey.network.network._serve_stream": "py-libp2p's task: a crash of ours stops the network",
    "covey.network.opening.tell": "py-libp2p's callback: a crash of ours stops the network",
    "covey.network.punch._on_stream": "ends one attempt, whatever its peer sent; the relay stays",
    "covey.network.punch._succeeds": "py-libp2p lets errors of every layer through a handshake",
    "covey.network.relay_client._on_stream": "ends one stream, whatever a stranger sent",
    "covey.network.swarm.attempt": "py-libp2p lets errors of every layer through a dial",
    "covey.network.transport._serve": "ends one socket, whatever a stranger sent",
    "covey.runtime.executor.serve": "crosses threads: raised again where the job is awaited",
    "covey.testkit.sim.run.simulate": "whatever a machine raises is what a simulation looks for",
    "covey.runtime.wasmer_engine.module.callback": "may not cross C: raised again after it",
    "covey.runtime.wasmtime_engine.imports.callback": "may not cross C: raised again after it",
}

_BROAD = frozenset({"Exception", "BaseException"})


def strangers(module: Source) -> Iterator[str]:
    """Imports of a dependency outside its home, and of what is no dependency."""
    for statement, name in imports(module):
        top = name.split(".")[0]
        if top == "covey" or top in sys.stdlib_module_names:
            continue
        if top not in HOMES:
            yield module.at(statement, f"imports {top}, which has no home in HOMES")
        elif not any(_is_within(module.module, "covey." + home) for home in HOMES[top]):
            yield module.at(statement, f"imports {top}, whose home is {HOMES[top] or 'outside'}")


def _is_within(module: str, home: str) -> bool:
    return module == home or module.startswith(home + ".")


def catches_all(module: Source) -> Iterator[str]:
    """Handlers that would also swallow a mistake of ours."""
    for function, node in broad_handlers(module):
        if f"{module.module}.{function}" not in CATCH_ALL:
            yield module.at(node, f"{function} catches everything; name the class")


def broad_handlers(module: Source) -> Iterator[tuple[str, ast.AST]]:
    """Every place that catches everything and does not raise it again, with its function."""
    for function, node in _with_function(module.tree, ""):
        if isinstance(node, ast.ExceptHandler):
            if _is_broad(node.type) and not _raises_again(node):
                yield function, node
        elif isinstance(node, ast.Call) and _is_suppress(node):
            yield function, node


def _with_function(node: ast.AST, function: str) -> Iterator[tuple[str, ast.AST]]:
    """Every node below, each with the name of the innermost function around it."""
    for child in ast.iter_child_nodes(node):
        is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        inside = child.name if is_function else function
        yield inside, child
        yield from _with_function(child, inside)


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _is_broad(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(_is_broad(part) for part in caught.elts)
    return caught is None or (isinstance(caught, ast.Name) and caught.id in _BROAD)


def _is_suppress(call: ast.Call) -> bool:
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name == "suppress" and any(_is_broad(argument) for argument in call.args)


def heavy_schema(module: Source) -> Iterator[str]:
    """What client and HTTP interface share brings neither server nor node into a command."""
    words = ("covey.api.schema", "covey.api.rules_schema")
    if not any(_is_within(module.module, home) for home in words):
        return
    allowed = (*words, "covey.model", "covey.errors")
    for statement, name in imports(module):
        is_ours = any(_is_within(name, home) for home in allowed)
        top = name.split(".")[0]
        if not (is_ours or top == "msgspec" or top in sys.stdlib_module_names):
            yield module.at(statement, f"imports {name}; the shared schema is only words")
