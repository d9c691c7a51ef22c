"""What the colours and shapes mean, and what of them is shown; the choice needs no script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from covey.testkit.sim.explain.looks import glyph_of, look_of
from covey.testkit.sim.explain.scene import Scene
from covey.testkit.sim.explain.text import cut, escape

__all__ = ["legend_html", "toggles_css", "toggles_html"]

_KIND_CHARS_MAX = 40
_COMMON, _COMMON_MAX = frozenset({"calls", "reply"}), 500  # not shown at first beyond it


@dataclass(frozen=True, slots=True)
class _Toggle:
    """A box to tick. hides: what it hides, where it is not ticked (or is, if `is_inverse`)."""

    name: str
    swatch: str
    told: str
    count: int
    hides: str
    is_on: bool = True
    is_inverse: bool = False


def toggles_html(scene: Scene) -> str:
    """The boxes themselves, unseen: they stand before all that they show and hide.

    So a rule of the style sheet is enough, and no script is needed.
    """
    return "".join(
        f'<input type="checkbox" class="toggle" id="s-{toggle.name}"'
        f"{' checked' if toggle.is_on else ''}>\n"
        for toggle in _toggles(scene)
    )


def toggles_css(scene: Scene) -> str:
    """Rules that hide whatever is not ticked."""
    rules = []
    for toggle in _toggles(scene):
        box = f"#s-{toggle.name}"
        label = f".legend [for=s-{toggle.name}]"
        when = ":checked" if toggle.is_inverse else ":not(:checked)"
        rules.append(f"{box}{when} ~ main {toggle.hides} {{ display: none; }}")
        rules.append(f"{box}:checked ~ {label} {{ --ticked: 1; color: var(--ink); }}")
        rules.append(f"{box}:focus-visible ~ {label} {{ outline: 2px solid var(--chosen); }}")
    return "\n".join(rules)


def legend_html(scene: Scene) -> str:
    """What each box is for: a line for faults, marks and deltas each."""
    groups = {"Faults": _faults(scene), "Moments": _marks(scene), "Deltas": _deltas(scene)}
    lines = (_group(name, list(toggles)) for name, toggles in groups.items())
    return f'<section class="legend" aria-label="Legend">\n{"".join(lines)}</section>'


def _toggles(scene: Scene) -> list[_Toggle]:
    return [*_faults(scene), *_marks(scene), *_deltas(scene)]


def _group(name: str, toggles: list[_Toggle]) -> str:
    if not toggles:
        return ""
    labels = "".join(
        f'<label for="s-{toggle.name}"><svg class="box" viewBox="0 0 13 13" aria-hidden="true">'
        '<rect x="1" y="1" width="11" height="11" rx="2.5"/><path d="M3.5 6.8L5.7 9L9.7 4"/></svg>'
        f'<svg class="swatch" viewBox="0 0 24 14" aria-hidden="true">{toggle.swatch}</svg>'
        f"<span>{escape(cut(toggle.told, _KIND_CHARS_MAX))} <small>{toggle.count:,}</small></span>"
        "</label>"
        for toggle in toggles
    )
    return f"<div><b>{name}</b>{labels}</div>\n"


def _faults(scene: Scene) -> Iterator[_Toggle]:
    counts = Counter(band.kind for band in scene.bands)
    for place, kind in enumerate(scene.band_kinds):
        colour = look_of(kind, place).colour
        shape = (
            f'<rect class="strip c-{colour}" x="1" y="1" width="22" height="12" '
            f'fill="url(#p{place})"/>'
        )
        yield _Toggle(f"f{place}", shape, kind, counts[kind], f".f{place}")


def _marks(scene: Scene) -> Iterator[_Toggle]:
    counts: Counter[str] = Counter()
    for moment in scene.moments:
        counts[moment.kind] += len(moment.labels)
    for place, kind in enumerate(scene.mark_kinds):
        glyph = glyph_of(kind, place)
        look = "drawn" if glyph.is_drawn else "filled"
        scale = 0.55 if kind == "finding" else 0.9
        shape = (
            f'<path class="glyph {look} c-{glyph.colour}" d="{glyph.shape}" '
            f'transform="translate(12 7) scale({scale})"/>'
        )
        told = "batches of calls" if kind == "calls" else kind
        is_on = kind not in _COMMON or counts[kind] <= _COMMON_MAX
        yield _Toggle(f"m{place}", shape, told, counts[kind], f".m{place}", is_on)


def _deltas(scene: Scene) -> Iterator[_Toggle]:
    if not scene.deltas:
        return
    arrow = (
        '<g class="delta whole"><path class="line" d="M5 3L19 11"/>'
        '<path class="tip" d="M20 11.5L13.5 11L16 6.5Z"/><circle cx="5" cy="3" r="2.8"/></g>'
    )
    arrows = ":is(#deltas .line, #deltas .tip, #densities, .arrival)"
    yield _Toggle("arrows", arrow, "arrows", scene.arrows_count, arrows)
    dots = ":is(#deltas circle, .writing)"
    dot = '<g class="delta whole"><circle cx="12" cy="7" r="3.8"/></g>'
    yield _Toggle("dots", dot, "written", len(scene.deltas), dots)
    missing = sum(bool(delta.never) for delta in scene.deltas)
    part = '<g class="delta part"><circle cx="12" cy="7" r="3.8"/></g>'
    told = "only those that did not reach every node"
    whole = "#deltas .whole"
    yield _Toggle("part", part, told, missing, whole, is_on=False, is_inverse=True)
