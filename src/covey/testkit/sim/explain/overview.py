"""The whole run in one thin strip, on which a script marks the part that is shown below."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Final

from covey.testkit.sim.explain.looks import look_of
from covey.testkit.sim.explain.scene import Scene
from covey.testkit.sim.explain.text import attributes, px

__all__ = ["overview_html"]

_WIDTH: Final = 1000
_HEIGHT: Final = 40
_BINS: Final = 250
_BANDS_MAX: Final = 60


def overview_html(scene: Scene) -> str:
    """How much was written and applied when, the faults, and the finding."""
    content = "".join(_parts(scene))
    return (
        '<div class="overview scripted" id="overview">'
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
        f'{content}</svg><div id="brush"><i></i><i></i></div></div>\n'
        '<div class="tools scripted">'
        '<button type="button" id="closer" title="closer (+)">+</button>'
        '<button type="button" id="wider" title="wider (\u2212)">\u2212</button>'
        '<button type="button" id="all" title="the whole run (0)">whole run</button>'
        '<span id="range"></span>'
        '<input type="search" id="find" placeholder="Find: id, node, key, value \u2026" '
        'aria-label="Find"><span id="found"></span></div>'
    )


def _parts(scene: Scene) -> Iterator[str]:
    def x(at_s: float) -> float:
        return min(max(at_s / scene.end_s, 0), 1) * _WIDTH

    from_s = scene.timeline.faults_s
    if 0 < from_s < scene.end_s:
        where = attributes(x=x(from_s), width=_WIDTH - x(from_s), height=_HEIGHT)
        yield f'<rect class="healing"{where}/>'
    bins: Counter[int] = Counter()
    for delta in scene.deltas:
        times = [delta.written.at_s, *(arrival.at_s for arrival in delta.firsts)]
        bins.update(min(int(at_s / scene.end_s * _BINS), _BINS - 1) for at_s in times)
    most = math.sqrt(max(bins.values(), default=1))
    step = _WIDTH / _BINS
    bars = "".join(
        f"M{px((place + 0.5) * step)} 26v{px(-24 * math.sqrt(count) / most)}"
        for place, count in sorted(bins.items())
    )
    yield f'<path class="bars" d="{bars}"/>'
    for number, band in enumerate(scene.bands[:_BANDS_MAX]):
        place = scene.band_kinds.index(band.kind)
        y = 28 + number % 6 * 2
        width = max(x(band.to_s) - x(band.from_s), 1)
        yield (
            f'<rect class="thin c-{look_of(band.kind, place).colour} f{place}" '
            f'x="{px(x(band.from_s))}" y="{y}" width="{px(width)}" height="1.5"/>'
        )
    if scene.timeline.finding:
        at = px(x(scene.finding_s))
        yield f'<path class="wrong-line" d="M{at} 0V{_HEIGHT}"/>'
