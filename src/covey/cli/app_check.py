"""`covey app check`: the word on a module, and all that its author may want to know of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from covey.cli.app_files import open_application, require_engine
from covey.cli.exits import REFUSED
from covey.cli.output import emit, say
from covey.cli.progress import progress
from covey.errors import ConfigError
from covey.runtime import new_engine
from covey.workbench.check import (
    Checked,
    ModuleRow,
    PriceRow,
    Refusal,
    check_application,
    price_rows,
    refusal_of,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["check_file"]

_PAGE_KIB = 64


def check_file(path: Path, *, engine: str, with_prices: bool, as_json: bool) -> None:
    """Check a file and show what was found; exits with 1 where it is refused."""
    require_engine(engine)
    checked, message = _checked(path, engine, with_prices=with_prices)
    emit(checked, as_json=as_json, show=lambda: _page(checked))
    if not checked.accepted:
        say(message)
        raise typer.Exit(REFUSED)


def _checked(path: Path, engine: str, *, with_prices: bool) -> tuple[Checked, str]:
    prices = price_rows() if with_prices else ()
    runner = new_engine(engine)  # Its absence is no word on the file.
    module = b""
    try:
        application = open_application(path)
        module = application.module
        with progress("checking"):
            row = check_application(application, runner, engine)
    except ConfigError as error:
        refusal = refusal_of(error, module)
        return Checked(False, str(path), None, refusal, prices), str(error)
    return Checked(True, str(path), row, None, prices), ""


def _page(checked: Checked) -> RenderableType:
    from rich.console import Group  # noqa: PLC0415 - draws only what is asked for

    parts: list[RenderableType] = []
    if checked.refusal is not None:
        parts.append(_refusal(checked.file, checked.refusal))
    if checked.module is not None:
        parts += _module(checked.file, checked.module)
    if checked.prices:
        parts.append(_prices(checked.prices))
    return Group(*parts)


def _refusal(file: str, refusal: Refusal) -> RenderableType:
    from rich.console import Group  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    from covey.cli.layout import facts  # noqa: PLC0415 - as above

    place = "not in one place" if refusal.byte is None else f"byte {refusal.byte}"
    if refusal.function is not None:
        place += f", in function {refusal.function}"
    pairs = [("rule", refusal.rule), ("why", refusal.reason), ("where", place)]
    if refusal.hint:
        pairs.append(("what helps", refusal.hint))
    return Group(Text(f"{file} is refused", style="bold"), facts(pairs))


def _module(file: str, row: ModuleRow) -> list[RenderableType]:
    from rich.text import Text  # noqa: PLC0415 - as above

    from covey.cli.layout import facts, new_table  # noqa: PLC0415 - as above

    compiled = "not kept" if row.compiled_size_bytes is None else _bytes(row.compiled_size_bytes)
    pages = f"{row.memory_pages} at the start, {row.memory_pages_max} at most"
    pairs = [
        ("module", f"{_bytes(row.size_bytes)}, {_bytes(row.data_size_bytes)} of them data"),
        ("metered", f"{_bytes(row.metered_size_bytes)}, prepared in {row.prepare_ms} ms"),
        ("compiled", f"{compiled} by {row.engine}, in {row.compile_ms} ms"),
        ("functions", f"{row.functions} of its own, {row.globals} globals"),
        ("imports", ", ".join(row.imports) or "none"),
        ("memory", f"pages of {_PAGE_KIB} KiB: {pages}"),
        ("floats", "yes, with canonical NaNs" if row.floats else "no"),
        ("instances", "serve many runs" if row.reusable else "serve one run each: it drops data"),
        ("each run costs", f"{row.entry_fuel:,} fuel before its first instruction"),
        ("fuel at most", f"{row.call_fuel_max:,} a call, {row.query_fuel_max:,} a query"),
        ("stack", f"{row.stack_slots:,} slots, the largest frame fits {row.depth_max:,} times"),
        ("validate", "yes, after each call" if row.validate else "no"),
    ]
    methods = new_table("method", "kind")
    for method in row.methods:
        methods.add_row(method.name, method.kind)
    collections = new_table("collection", "rule", "written by")
    for collection in row.collections:
        collections.add_row(collection.name, collection.rule, ", ".join(collection.roles) or "all")
    frames = new_table("largest frames", "slots")
    for frame in row.frames:
        name = f"{frame.function} ({frame.method})" if frame.method else str(frame.function)
        frames.add_row(f"function {name}", str(frame.slots))
    head = Text(f"{file} is accepted", style="bold")
    return [head, facts(pairs), methods, collections, frames]


def _prices(rows: tuple[PriceRow, ...]) -> RenderableType:
    from covey.cli.layout import new_table  # noqa: PLC0415 - as above

    table = new_table("what", "fuel")
    for row in rows:
        table.add_row(row.what, f"{row.fuel:,}")
    return table


def _bytes(size_bytes: int) -> str:
    return f"{size_bytes:,} bytes"
