"""The page around the picture: what was run, what was found, and how to read it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from pathlib import Path

from covey.testkit.sim.explain.legend import legend_html, toggles_css, toggles_html
from covey.testkit.sim.explain.overview import overview_html
from covey.testkit.sim.explain.picture import picture_html
from covey.testkit.sim.explain.scene import Scene, scene_of
from covey.testkit.sim.explain.story import story_html
from covey.testkit.sim.explain.text import counted, cut, escape, seconds
from covey.testkit.sim.timeline import Band, Timeline

__all__ = ["render"]

_HERE = Path(__file__).parent
_SCRIPTS = ("draw.js", "tell.js", "hands.js")  # one block, in this order
_FINDING_CHARS_MAX = 2000
_FAULTS_CHARS_MAX = 400
_AHEAD_MAX = 200
_WORD = re.compile(r"\w+")


def render(timeline: Timeline) -> str:
    """One HTML page that needs nothing else: equal timelines are equal pages.

    No string of a timeline becomes markup or script: all are escaped, and beside that the page's
    policy runs only the one script that came with it.
    """
    scene = scene_of(timeline)
    style = (_HERE / "page.css").read_text("utf-8") + toggles_css(scene)
    parts = "\n".join((_HERE / name).read_text("utf-8") for name in _SCRIPTS)
    script = f'"use strict";\n{{\n{parts}}}\n'
    name = escape(cut(f"seed {timeline.seed}, {timeline.scenario}", 80))
    sign = "\u2716" if timeline.finding else "\u2714"
    policy = (
        f"default-src 'none'; style-src {_digest(style)}; "
        f"script-src {_digest(script)}; base-uri 'none'; form-action 'none'"
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{sign} {name}</title>
<style>{style}</style>
</head>
<body>
{toggles_html(scene)}{_header(scene)}
{legend_html(scene)}
<main>
<section class="picture" aria-label="What happened when">
{overview_html(scene)}
<div class="roll">
{picture_html(scene)}
{_ahead(scene)}
</div>
</section>
<aside>
<section class="card" id="details" aria-live="polite"><h2>Details</h2>
<p class="note scripted">Point at anything to see what it is; click to keep it here. A delta shows
where it came to, and where it never was. The wheel zooms, dragging moves; so do + \u2212 0 and the
arrow keys, and n and p go from delta to delta.</p>
<p class="note unscripted">Rest the pointer on anything to see what it is.</p></section>
<section class="card tall"><h2>What happened <small>in order; the end is at the bottom</small></h2>
{story_html(scene)}</section>
</aside>
</main>
<script>{script}</script>
</body>
</html>
"""


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _header(scene: Scene) -> str:
    timeline = scene.timeline
    facts = [
        counted(len(scene.lanes), "node"),
        counted(len(scene.deltas), "delta"),
        f"{scene.end_s:,.1f} virtual seconds",
    ]
    if timeline.calls:
        facts.insert(1, f"{counted(timeline.calls, 'call')}, {timeline.took_effect:,} took effect")
    if timeline.application:
        facts.insert(0, escape(cut(timeline.application, 120)))
    listed = "".join(f"<li>{fact}</li>" for fact in facts)
    return (
        f"<header><h1>Seed {timeline.seed} <small>{escape(cut(timeline.scenario, 80))}</small></h1>"
        f'<ul class="facts">{listed}</ul>{_faults(scene)}\n{_verdict(scene)}</header>'
    )


def _faults(scene: Scene) -> str:
    """Every kind that did something, by the names of the summary, and how often."""
    met = scene.timeline.faults or Counter(band.kind for band in scene.bands)
    told = ", ".join(f"{kind} {count:,}\u00d7" for kind, count in sorted(met.items()))
    many = counted(len(met), "kind of fault", "kinds of fault")
    listed = f": {escape(cut(told, _FAULTS_CHARS_MAX))}" if told else ""
    return f'<p class="facts">{many}{listed}</p>'


def _verdict(scene: Scene) -> str:
    timeline = scene.timeline
    if not timeline.finding:
        healed_s = scene.end_s - timeline.faults_s
        told = (
            f" All agreed {healed_s:.1f} s after the last fault had ended."
            if 0 < timeline.faults_s < scene.end_s
            else ""
        )
        return f'<p class="verdict fine"><b>No promise was broken.</b>{told}</p>'
    at = ", ".join(scene.found_at)
    where = f" at {escape(cut(at, 80))}" if at else ""
    under_way = [b for b in scene.bands if b.from_s <= scene.finding_s <= b.to_s]
    faults = "; ".join(cut(band.label or band.kind, 80) for band in under_way)
    if faults:
        during = f"Under way then: {escape(cut(faults, _FAULTS_CHARS_MAX))}."
    elif 0 < timeline.faults_s < scene.finding_s:
        during = "No fault was under way: all had ended, and the nodes were to agree."
    else:
        during = "No fault was under way."
    return (
        f'<div class="verdict wrong-box" role="alert" id="finding">'
        f"<p><b>{_linked(scene, cut(timeline.finding, _FINDING_CHARS_MAX))}</b></p>"
        f"<p>{seconds(scene.finding_s)}{where}. {during} "
        f'<button type="button" class="scripted" id="go">Show the moment</button></p></div>'
    )


def _linked(scene: Scene, sentence: str) -> str:
    """A sentence, escaped, in which the deltas that it names lead to the picture."""
    numbers = {delta.written.delta: number for number, delta in enumerate(scene.deltas)}
    parts, end = [], 0
    for word in _WORD.finditer(sentence):
        if len(word.group()) < 8:
            continue
        named = next((d for d in numbers if d.startswith(word.group())), None)
        if named is not None:
            parts.append(escape(sentence[end : word.start()]))
            parts.append(f'<a href="#d{numbers[named]}">{escape(word.group())}</a>')
            end = word.end()
    return "".join([*parts, escape(sentence[end:])])


def _ahead(scene: Scene) -> str:
    """What was planned for later than the run got to."""
    if not scene.ahead:
        return ""
    rows = []
    for planned in scene.ahead[:_AHEAD_MAX]:
        if isinstance(planned, Band):
            whom, at_s = ", ".join(planned.nodes) or "all nodes", planned.from_s
        else:
            whom, at_s = planned.node, planned.at_s
        told = escape(cut(f"{planned.kind} ({whom}): {planned.label}", 200))
        rows.append(f"<li>{at_s:.3f} {told}</li>")
    count = counted(len(scene.ahead), "thing")
    return (
        f'<details class="ahead"><summary>{count} planned for later, which the run did not get to'
        f"</summary><ol>{''.join(rows)}</ol></details>"
    )
