"""To whom a context is shown: for all others it looks like one that is not held."""

from __future__ import annotations

from covey.codec import Know, decode_frame, topic_hash
from covey.sync import AskCharter, CharterAnswered, Close, ContextOpened, FrameArrived, Shared
from tests.unit.sync.session.conversation import delivered, sides, talk, tick, write


def test_context_that_is_not_shown_looks_like_one_that_is_not_held() -> None:
    """The same frames, to the byte: a greeting, and nothing about the context."""
    hidden, curious = sides()
    hidden.is_shown = False
    absent, other = sides()
    absent.knows = False
    write(hidden, 3)

    seen = []
    for one, two in ((hidden, curious), (absent, other)):
        talk(one, two)
        tick(one, two)
        seen.append(([type(effect) for effect in two.said], one.session.shared()))

    assert seen[0] == seen[1] == ([], ())
    assert not hidden.session.has_shown(hidden.founding.context)
    assert delivered(curious) == []


def test_charter_is_told_to_nobody_from_whom_the_context_is_hidden() -> None:
    """The one thing that is told before a proof is not told either."""
    hidden, curious = sides()
    hidden.is_shown = False
    talk(hidden, curious)

    curious.tell(AskCharter(topic_hash(curious.founding.context)))
    talk(hidden, curious)

    (answer,) = curious.heard(CharterAnswered)
    assert answer.charter is None


def test_context_that_is_shown_later_is_shared_at_once() -> None:
    """A peer that is admitted, or for whom there is room now: its proof was kept."""
    hidden, curious = sides()
    hidden.is_shown = False
    write(hidden, 3)
    talk(hidden, curious)

    hidden.is_shown = True
    hidden.tell(ContextOpened(hidden.founding.context))
    talk(hidden, curious)

    assert hidden.session.shared() == (hidden.founding.context,)
    assert len(delivered(curious)) == 3


def test_proof_of_a_peer_that_is_not_wanted_any_more_ends_the_stream_without_blame() -> None:
    """It had this side's own proof already; a new stream begins without it."""
    one, two = sides()
    one_hello, two_hello = one.out.popleft(), two.out.popleft()
    one.tell(FrameArrived(two_hello))
    assert [type(decode_frame(frame)) for frame in one.out] == [Know]
    one.is_shown = False
    two.tell(FrameArrived(one_hello))
    one.tell(FrameArrived(two.out.popleft()))

    assert one.heard(Close) == [Close("")]
    assert one.heard(Shared) == []
