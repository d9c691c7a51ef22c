"""The page of a run shows everything that is in its timeline, and runs nothing of it."""

from __future__ import annotations

import base64
import copy
import hashlib
import random
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest

from covey.testkit.sim.explain import render
from covey.testkit.sim.timeline import Arrival, Band, Lane, Mark, Timeline, Written

NODES = ("n0", "n1", "n2", "n3", "n4")
ROLES = ("founder", "founder", "member", "companion", "doctored")
VOID = frozenset({"meta", "input"})
HOSTILE = (
    '</script><script>alert(1)</script><img src=x onerror="alert(2)">',
    "\"'><svg onload=alert(3)>",
    "]]></title></style><!-- --!><b>&lt;&amp;",
    "\0\x01\n\r\x1b[31m\x7f\x9b\u202e\u2066\u200b\ufeff\ud800\U000e0041\ufffe",
    "javascript:alert(4) \u2028 {{7*7}} %s ${x}",
)


@dataclass
class Element:
    """One start tag. words: those of the whole page, of which some are its own."""

    tag: str
    attributes: dict[str, str]
    words: list[str]
    begin: int = 0
    end: int = 0

    @property
    def text(self) -> str:
        """All text that it holds, that of further elements too."""
        return "".join(self.words[self.begin : self.end])


@dataclass
class Page(HTMLParser):
    """Every element of a page. It fails where tags do not match."""

    source: str
    elements: list[Element] = field(default_factory=list)
    _open: list[Element] = field(default_factory=list)
    _words: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.feed(self.source)
        self.close()
        assert not self._open

    def handle_starttag(self, tag, attrs):
        """An element begins."""
        assert len(dict(attrs)) == len(attrs), f"an attribute of {tag} is there twice"
        attributes = {name: value or "" for name, value in attrs}
        self.elements.append(Element(tag, attributes, self._words, len(self._words)))
        if tag not in VOID:
            self._open.append(self.elements[-1])

    def handle_startendtag(self, tag, attrs):
        """One of SVG's that holds nothing."""
        self.handle_starttag(tag, attrs)
        self._open.pop()  # its text is empty

    def handle_endtag(self, tag):
        """An element ends."""
        element = self._open.pop()
        assert element.tag == tag
        element.end = len(self._words)

    def handle_data(self, data):
        """Text."""
        self._words.append(data)

    def of_class(self, name: str) -> list[Element]:
        """The elements of a class."""
        return [e for e in self.elements if name in e.attributes.get("class", "").split()]

    def by_id(self, name: str) -> Element:
        """The one element of that name."""
        (element,) = [e for e in self.elements if e.attributes.get("id") == name]
        return element


def timeline_of(deltas: int = 60, *, nodes: tuple[str, ...] = NODES, seed: int = 7) -> Timeline:
    """A run as it might have been, with a finding: five nodes, overlapping faults, a crash."""
    rng = random.Random(seed)
    timeline = Timeline(seed, "everything", faults_s=48.0, ended_s=60.0)
    timeline.lanes = [Lane(n, ROLES[i % len(ROLES)]) for i, n in enumerate(nodes)]
    timeline.bands = [
        Band("partition", "partition: n1, n2 cut off", 5.0, 20.0, ("n1", "n2")),
        Band("partition", "partition: n2 cut off", 10.0, 25.0, ("n2",)),
        Band("loss", "loss: probability 0.1", 0.0, 48.0, ()),
        Band("delay", "delay: mean_s 0.5", 12.0, 40.0, ()),
        Band("full-disk", "full-disk", 12.0, 14.0, ("n3",)),
        Band("moonlight", "a kind that nobody drew", 30.0, 31.0, ("n0",)),
    ]
    timeline.marks = [Mark(0.0, node, "start", "comes up with 0 deltas") for node in nodes]
    timeline.marks += [
        Mark(13.0, "n3", "disk-failure", "disk failure"),
        Mark(17.5, "n3", "start", "comes up again with 3 deltas"),
        Mark(21.0, "n4", "misdeed", "fork"),
        Mark(21.5, "n0", "accused", "blames n4: fork"),
        Mark(22.0, "n1", "eclipse", "a kind that nobody drew"),
    ]
    for number in range(deltas):
        node, at_s = rng.choice(nodes), rng.uniform(0.5, 55.0)
        label = f"sequence {number}: put notes k{number % 5} = v{number}"
        written = Written(rng.randbytes(32).hex(), node, at_s, label, [Arrival(node, at_s)])
        written.arrivals += [
            Arrival(other, at_s + rng.expovariate(2))
            for other in nodes
            if other != node and rng.random() < 0.95
        ]
        timeline.deltas[written.delta] = written
        timeline.marks.append(Mark(at_s + 0.01, node, "reply", f"call {number}"))
    named = next(reversed(timeline.deltas), "nothing")
    timeline.finding = f"n2 releases {named[:8]} before it is safe (durability:_promise)"
    timeline.marks.append(Mark(60.0, "n2", "finding", "n2 releases it before it is safe"))
    return timeline


def hostile_timeline() -> Timeline:
    """A run in which every string is somebody's attack."""
    timeline = Timeline(1, HOSTILE[0], faults_s=5.0, ended_s=10.0, finding=" ".join(HOSTILE))
    for number, text in enumerate(HOSTILE):
        timeline.lanes.append(Lane(text, text))
        timeline.bands.append(Band(text, text, 1.0, 4.0, (text,) if number % 2 else ()))
        timeline.bands.append(Band(text, text, 20.0, 30.0, (text,)))
        timeline.marks.append(Mark(2.0, text, text, text))
        timeline.marks.append(Mark(10.0, text, "finding", text))
        timeline.deltas[text] = Written(text, text, 3.0, text, [Arrival(HOSTILE[0], 3.5)])
    return timeline


def test_every_node_has_a_lane_with_its_name_and_role():
    """A node that is not shown is a node nobody suspects."""
    page = Page(render(timeline_of()))
    names = page.of_class("name")
    assert [name.attributes["data-node"] for name in names] == list(NODES)
    assert all(role in name.text for role, name in zip(ROLES, names, strict=True))
    assert len(page.of_class("row")) == len(NODES)


def test_every_delta_is_there_with_where_it_came_to_and_where_it_never_was():
    """What a person looks for first is the delta that did not come."""
    timeline = timeline_of()
    shown = {e.attributes["data-id"]: e for e in Page(render(timeline)).of_class("delta") if e.text}
    assert set(shown) == set(timeline.deltas)
    for written in timeline.deltas.values():
        element = shown[written.delta]
        came = {NODES[int(p.split(":")[0])] for p in element.attributes["data-to"].split()}
        never = {NODES[int(place)] for place in element.attributes["data-never"].split()}
        assert came == {a.node for a in written.arrivals} - {written.node}
        assert never == set(NODES) - came - {written.node}
        assert element.attributes["data-label"] == written.label
        assert NODES[int(element.attributes["data-node"])] == written.node
        assert ("part" in element.attributes["class"]) == bool(never)
        assert all(f"{node} applied it at" in element.text for node in came)


def test_delta_that_a_node_applies_again_is_no_second_arrow():
    """After a power cut a node applies what it had; it did not come from anywhere."""
    timeline = timeline_of(1)
    (written,) = timeline.deltas.values()
    written.arrivals = [Arrival(written.node, written.at_s)]
    other = next(node for node in NODES if node != written.node)
    written.arrivals += [Arrival(other, written.at_s + 1), Arrival(other, written.at_s + 4)]
    element = Page(render(timeline)).by_id("d0")
    place = NODES.index(other)
    assert element.attributes["data-to"] == f"{place}:{written.at_s + 1:.3f}"
    assert element.attributes["data-again"] == f"{place}:{written.at_s + 4:.3f}"


def test_every_band_is_on_the_lanes_it_hits_or_across_all():
    """The page is to say what was the matter with whom."""
    timeline = timeline_of()
    page = Page(render(timeline))
    bands = page.of_class("band")
    titles = sorted(band.text.split("\n")[0] for band in bands)
    told = ["moonlight: a kind that nobody drew" if b.kind == "moonlight" else b.label
            for b in timeline.bands]  # fmt: skip
    assert titles == sorted(told)
    strips = [e for e in page.of_class("strip") if "data-a" in e.attributes]
    assert len(strips) == sum(max(len(band.nodes), 1) for band in timeline.bands)
    assert len(page.of_class("wash")) == sum(not band.nodes for band in timeline.bands)


def test_faults_that_overlap_do_not_cover_each_other():
    """Two partitions of one node at once are two strips, one above the other."""
    places = []
    for element in Page(render(timeline_of())).of_class("strip"):
        if "data-a" in element.attributes:
            a, b, y = (float(element.attributes[name]) for name in ("data-a", "data-b", "y"))
            assert not any(a < d and c < b and abs(y - z) < 3 for c, d, z in places)
            places.append((a, b, y))


def test_marks_of_one_moment_are_one_glyph_that_tells_of_all():
    """Nine replies to one batch are not nine glyphs on top of each other."""
    timeline = timeline_of(0)
    timeline.marks += [Mark(30.0, "n1", "reply", f"call {number}") for number in range(9)]
    marks = Page(render(timeline)).of_class("mark")
    assert len(marks) == len(timeline.marks) - 8
    (reply,) = [mark for mark in marks if "reply" in mark.text]
    assert all(f"call {number}" in reply.text for number in range(9))


def test_finding_is_at_the_top_and_in_its_place_and_leads_to_the_delta():
    """Why the page is looked at in the first place."""
    timeline = timeline_of()
    page = Page(render(timeline))
    box = page.by_id("finding")
    assert timeline.finding in box.text
    assert "60.000 s at n2" in box.text
    (link,) = [e for e in page.elements if e.tag == "a" and e.text == timeline.finding.split()[2]]
    named = page.by_id(link.attributes["href"].removeprefix("#"))
    assert named.attributes["data-id"].startswith(link.text)
    assert [e.attributes["data-t"] for e in page.of_class("wrong")] == ["60.000"] * 2
    assert len(page.of_class("found")) == 1
    assert page.of_class("worst")[0] is [e for e in page.elements if e.tag == "li"][-1]


def test_run_without_a_finding_says_so():
    """Nothing on the page looks like a fault of ours then."""
    timeline = timeline_of()
    timeline.finding = ""
    timeline.marks = [mark for mark in timeline.marks if mark.kind != "finding"]
    page = Page(render(timeline))
    assert "No promise was broken" in page.of_class("verdict")[0].text
    assert not page.of_class("wrong")


def test_healing_is_set_off_and_absent_where_the_run_did_not_get_there():
    """After the last fault the nodes must agree: that time is another one."""
    timeline = timeline_of()
    assert Page(render(timeline)).of_class("healing")
    timeline.faults_s = 80.0
    assert not Page(render(timeline)).of_class("healing")


def test_time_when_a_node_was_not_there_is_shown():
    """A delta cannot come to a node that is down; that is why it did not."""
    timeline = timeline_of()
    timeline.marks = [m for m in timeline.marks if (m.node, m.kind) != ("n1", "start")]
    timeline.marks.append(Mark(8.0, "n1", "start", "comes up with 0 deltas"))
    outages = Page(render(timeline)).of_class("outage")
    assert sorted(e.text.split("\n")[0] for e in outages) == ["n1: not up yet", "n3: down"]


def test_planned_things_after_the_end_are_listed_and_not_drawn():
    """A finding ends a run; a fault that had not begun is not to blame."""
    timeline = timeline_of()
    timeline.bands.append(Band("reorder", "reorder: later", 70.0, 80.0, ()))
    timeline.marks.append(Mark(75.0, "n0", "clock-jump", "clock later"))
    page = Page(render(timeline))
    (ahead,) = page.of_class("ahead")
    assert "reorder: later" in ahead.text
    assert "clock later" in ahead.text
    assert not [band for band in page.of_class("band") if "later" in band.text]


def test_each_kind_has_a_box_that_hides_it_without_a_script():
    """The page is a picture before it is a program."""
    page = Page(render(timeline_of()))
    boxes = [e.attributes["id"] for e in page.elements if e.tag == "input" and "id" in e.attributes]
    labels = {e.attributes["for"]: e.text for e in page.elements if e.tag == "label"}
    for kind in (
        "partition",
        "loss",
        "full-disk",
        "moonlight",
        "disk-failure",
        "eclipse",
        "arrows",
    ):
        (name,) = [name for name, text in labels.items() if text.startswith(f"{kind} ")]
        assert name in boxes
        (style,) = [e for e in page.elements if e.tag == "style"]
        assert f"#{name}:not(:checked) ~ main" in style.text


@pytest.mark.parametrize("timeline", [timeline_of(), hostile_timeline()])
def test_page_needs_and_runs_nothing_but_itself(timeline):
    """It works from a file, and its policy refuses any script but the one that came with it."""
    page = Page(render(timeline))
    (script,) = [e for e in page.elements if e.tag == "script"]
    (policy,) = [e.attributes["content"] for e in page.elements if "http-equiv" in e.attributes]
    digest = base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode()
    assert policy.startswith("default-src 'none';")
    assert f"script-src 'sha256-{digest}';" in policy
    assert "unsafe" not in policy
    for element in page.elements:
        assert not [name for name in element.attributes if name.startswith("on")]
        assert not element.attributes.keys() & {"src", "style", "srcset", "xlink:href"}
        assert element.attributes.get("href", "#").startswith("#")
        assert "url(http" not in element.text


def test_hostile_strings_stay_text():
    """Labels come from nodes that cheat: none of them becomes an element or an attribute."""
    tame = Page(render(timeline_of()))
    source = render(hostile_timeline())
    page = Page(source)
    assert {e.tag for e in page.elements} <= {e.tag for e in tame.elements} | {"details", "summary"}
    known = {name for e in tame.elements for name in e.attributes}
    assert {name for e in page.elements for name in e.attributes} <= known
    labels = {e.attributes["data-label"] for e in page.of_class("delta") if e.text}
    assert labels >= {HOSTILE[0], HOSTILE[1], HOSTILE[2]}
    assert len(page.of_class("name")) == len(HOSTILE)
    source.encode()
    assert not [c for c in source if (c < " " and c != "\n") or "\x7f" <= c < "\xa0"]
    assert not set("\u202e\u2066\u200b\u2028\ufeff") & set(source)


def test_what_cannot_be_seen_is_spelled():
    """A hidden character may be the very thing that went wrong."""
    labels = [e.attributes["data-label"] for e in Page(render(hostile_timeline())).of_class("delta")
              if "data-label" in e.attributes]  # fmt: skip
    (spelled,) = [label for label in labels if label.startswith("\u2400")]
    assert spelled.startswith("\u2400\u2401\u240a\u240d\u241b[31m\u2421<U+009B><U+202E>")
    assert "<U+D800>" in spelled


def test_same_timeline_is_the_same_page_whatever_the_order_it_was_kept_in():
    """Pages can be compared, byte for byte."""
    timeline = timeline_of()
    other = copy.deepcopy(timeline)
    other.deltas = dict(reversed(other.deltas.items()))
    assert other == timeline
    assert render(timeline) == render(timeline) == render(other)


def test_nothing_at_all_is_a_page_too():
    """A run can end before it began."""
    page = Page(render(Timeline(0, "")))
    assert page.of_class("verdict")
    assert not page.of_class("delta")


def test_node_that_no_lane_speaks_of_gets_one():
    """A delta of a stranger is shown where it can be seen."""
    timeline = Timeline(3, "few", lanes=[Lane("n0", "founder")], ended_s=5.0)
    timeline.deltas["ab"] = Written("ab", "stranger", 1.0, "empty", [Arrival("n0", 1.0)])
    timeline.marks.append(Mark(2.0, "", "finding", "nobody's"))
    names = Page(render(timeline)).of_class("name")
    assert [name.attributes["data-node"] for name in names] == ["n0", "stranger"]


def test_long_label_is_cut():
    """A call with a large argument is repeated in several places of a page."""
    timeline = timeline_of(0)
    timeline.marks.append(Mark(3.0, "n0", "calls", "x" * 1_000_000))
    assert len(render(timeline)) < 200_000


def test_large_run_draws_densities_in_place_of_arrows():
    """Fifty nodes and three thousand deltas: a picture that still opens, and can be read."""
    nodes = tuple(f"n{number}" for number in range(50))
    timeline = timeline_of(3000, nodes=nodes)
    source = render(timeline)
    page = Page(source)
    assert len(source) < 10_000_000
    deltas = [e for e in page.of_class("delta") if e.text]
    assert len(deltas) == 3000
    assert len(page.of_class("density")) == len(nodes)
    assert not [e for e in page.of_class("line") if len(e.attributes["d"]) > 20]
