"""Finds places where the order of a set, which differs from run to run, can reach a result.

A set is recognised by how it is written (a literal, a comprehension, `set(...)`, an operation on
one) and by what this file says of a name or attribute (an assignment, an annotation). That misses
sets that come from elsewhere: the simulator, which runs every seed under two hash seeds, finds
those.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from tests.architecture.source import Source

_SET_TYPES = frozenset({"set", "frozenset", "Set", "AbstractSet", "MutableSet"})
_SET_METHODS = frozenset({"union", "intersection", "difference", "symmetric_difference"})
# What these make of a set does not depend on its order.
_ORDERLESS = frozenset({"sorted", "any", "all", "sum", "len", "set", "frozenset", "min", "max"})
_ORDERED = frozenset({"tuple", "list", "iter", "enumerate", "zip", "map", "filter", "reversed"})
_Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.Module


def set_order(module: Source) -> Iterator[str]:
    """Every place where a set is walked in its own order."""
    attributes = _set_attributes(module.tree)
    scopes = [node for node in module.nodes() if isinstance(node, _Scope)]
    found = {finding: None for scope in scopes for finding in _in_scope(module, scope, attributes)}
    yield from found


def _in_scope(module: Source, scope: _Scope, attributes: frozenset[str]) -> Iterator[str]:
    names = _set_names(scope)

    def is_set(node: ast.expr) -> bool:
        return _is_set(node, names, attributes)

    harmless = _harmless_comprehensions(scope)
    for node in _own_nodes(scope):
        if isinstance(node, ast.For) and is_set(node.iter):
            yield module.at(node, "walks a set; sort it or keep a dict")
        elif isinstance(node, ast.ListComp | ast.GeneratorExp | ast.DictComp):
            if id(node) not in harmless and any(is_set(part.iter) for part in node.generators):
                yield module.at(node, "builds from a set in its order; sort it or keep a dict")
        elif isinstance(node, ast.Starred) and is_set(node.value):
            yield module.at(node, "unpacks a set in its order; sort it or keep a dict")
        elif isinstance(node, ast.Call):
            yield from _in_call(module, node, is_set)


def _in_call(module: Source, call: ast.Call, is_set: Callable[[ast.expr], bool]) -> Iterator[str]:
    function = call.func
    if isinstance(function, ast.Name) and function.id in _ORDERED:
        if any(is_set(argument) for argument in call.args):
            yield module.at(call, f"{function.id}() of a set has its order; use sorted()")
    elif isinstance(function, ast.Attribute):
        if function.attr == "pop" and not call.args and is_set(function.value):
            yield module.at(call, "pops from a set; which element is not determined")
        elif function.attr in {"join", "extend"} and any(is_set(item) for item in call.args):
            yield module.at(call, f"{function.attr}() of a set has its order; use sorted()")


def _own_nodes(scope: _Scope) -> Iterator[ast.AST]:
    """The nodes of a scope without those of the functions in it, which are scopes themselves."""
    waiting: list[ast.AST] = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting.extend(ast.iter_child_nodes(node))


def _harmless_comprehensions(scope: _Scope) -> frozenset[int]:
    return frozenset(
        id(argument)
        for node in _own_nodes(scope)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in _ORDERLESS
        for argument in node.args
    )


def _set_names(scope: _Scope) -> frozenset[str]:
    """The names that this scope holds sets under, and no other thing."""
    sets: set[str] = set()
    others: set[str] = set()
    if not isinstance(scope, ast.Module):
        arguments = scope.args
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            (sets if _is_set_type(argument.annotation) else others).add(argument.arg)
    for node in _own_nodes(scope):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            (sets if _is_set_type(node.annotation) else others).add(node.target.id)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    known = frozenset(sets)
                    is_set = _is_set(node.value, known, frozenset())
                    (sets if is_set else others).add(target.id)
    return frozenset(sets - others)


def _set_attributes(tree: ast.Module) -> frozenset[str]:
    """The attributes that the classes of a file declare or fill as sets."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            fields = [part for part in node.body if isinstance(part, ast.AnnAssign)]
            sets = [part.target for part in fields if _is_set_type(part.annotation)]
            found.update(target.id for target in sets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Attribute):
            if _is_set_type(node.annotation):
                found.add(node.target.attr)
        elif isinstance(node, ast.Assign) and _is_set(node.value, frozenset(), frozenset()):
            found.update(item.attr for item in node.targets if isinstance(item, ast.Attribute))
    return frozenset(found)


def _is_set_type(annotation: ast.expr | None) -> bool:
    if isinstance(annotation, ast.Subscript):
        annotation = annotation.value
    if isinstance(annotation, ast.Attribute):
        return annotation.attr in _SET_TYPES
    return isinstance(annotation, ast.Name) and annotation.id in _SET_TYPES


def _is_set(node: ast.expr, names: frozenset[str], attributes: frozenset[str]) -> bool:
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Name(id=name):
            return name in names
        case ast.Attribute(attr=name):
            return name in attributes
        case ast.Call(func=ast.Name(id=name)):
            return name in {"set", "frozenset"}
        case ast.Call(func=ast.Attribute(attr=name)):
            return name in _SET_METHODS
        case ast.BinOp(left=left, op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor()):
            # Operations on the keys of dicts make sets too.
            sides = (left, node.right)
            return any(_is_set(side, names, attributes) or _is_keys(side) for side in sides)
        case ast.IfExp(body=body, orelse=orelse):
            return _is_set(body, names, attributes) or _is_set(orelse, names, attributes)
    return False


def _is_keys(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"keys", "items"}
    )
