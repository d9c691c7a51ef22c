"""Joining a context: charter, manifest and module by CID from peers, then admission.

Source: protocols/membership.md. Whatever a peer sends is believed for its address alone.
"""

from __future__ import annotations

import logging

import trio

from covey.codec import (
    Bundle,
    cid_of,
    decode_charter,
    decode_manifest,
    make_join,
    release_id,
)
from covey.crypto import Signer
from covey.errors import ConfigError, Refused
from covey.model import (
    EXECUTION_ENGINE_FUEL,
    EXECUTIONS,
    Admission,
    Certificate,
    Charter,
    Cid,
    ContextId,
    Encryption,
    Interface,
    PeerId,
    ReleaseId,
    Verification,
    limits,
)
from covey.node.context import ContextDriver
from covey.node.engines import EngineChoice
from covey.node.links import Links
from covey.node.records import Records
from covey.runtime import Executor, read_interface
from covey.sync import AskAdmission

__all__ = ["Fetcher", "check_module", "check_supported", "seek_admission"]

_logger = logging.getLogger(__name__)
_AGAIN_S = 0.25  # between rounds over the peers that are there


def check_supported(charter: Charter) -> None:
    """Whether this version can take part; Refused says what is missing."""
    if charter.admission is not Admission.OPEN:
        raise Refused(f"the context admits by {charter.admission.value}: upgrade covey")
    if charter.encryption is not Encryption.NONE:
        raise Refused("the context is encrypted: upgrade covey")
    is_replayed = charter.verification is Verification.REPLAY
    if is_replayed and charter.execution == EXECUTION_ENGINE_FUEL:
        raise Refused("the context wants calls run again whose fuel differs from node to node")
    if charter.execution not in EXECUTIONS:
        raise Refused(f"the context runs {charter.execution}: upgrade covey")


class Fetcher:
    """Fetches what a node lacks of a context; asks again until it is there."""

    def __init__(self, links: Links, records: Records) -> None:
        self._links = links
        self._records = records

    async def fetch(self, context: ContextId) -> tuple[Charter, ReleaseId]:
        """Fetch and check charter, manifest and module; they are kept when this returns.

        Raises Refused where this version cannot take part, ProtocolViolation where what the
        charter names is not what it should be.
        """
        packed = self._records.blob(context)
        if packed is None:
            packed = await self._blob(context, Cid(context))
        charter = decode_charter(packed)
        check_supported(charter)
        if self._records.application(charter.release) is None:
            manifest = await self._blob(context, Cid(charter.release))
            await self.fetch_release(context, manifest)
        application = self._records.application(charter.release)
        if application is None or application.application_id != charter.application:
            raise Refused("the charter names another application than its release is of")
        self._records.add_charter(packed)
        return charter, charter.release

    async def fetch_release(self, context: ContextId, manifest_bytes: bytes) -> None:
        """Fetch, check and keep what a manifest names."""
        manifest = decode_manifest(manifest_bytes)
        module = await self._blob(context, manifest.module)
        blobs = [(manifest.module, module)]
        for _, cid in manifest.blobs:
            blobs.append((cid, await self._blob(context, cid)))
        bundle = Bundle(release_id(manifest_bytes), manifest, manifest_bytes, module, tuple(blobs))
        check_module(bundle)
        self._records.add_release(bundle)

    async def provide(
        self,
        executor: Executor,
        engines: EngineChoice,
        context: ContextId,
        release: ReleaseId,
        manifest: bytes,
    ) -> Interface:
        """The interface of a release, installed in the engine; asks peers until it is here.

        Raises ConfigError and ProtocolViolation where it cannot run.
        """
        application = self._records.application(release)
        if application is None:
            await self.fetch_release(context, manifest)
            application = self._records.application(release)
            assert application is not None
        engine = engines.engine_for(release, application.manifest)
        await executor.install(release, self._records.module(release), engine)
        return application.interface

    async def _blob(self, context: ContextId, cid: Cid) -> bytes:
        content = await self._links.fetch_blob(context, cid)
        assert cid_of(content) == cid, "the session checks addresses"
        return content


def check_module(bundle: Bundle) -> None:
    """Whether the module says what its manifest says; ConfigError or ProtocolViolation.

    Its code is checked on the engine's thread, when it is installed: that may take seconds.
    """
    interface = read_interface(bundle.module)
    manifest = bundle.manifest
    if interface.abi != manifest.abi or interface.collections != manifest.collections:
        raise ConfigError("the manifest does not say what the module declares")
    if manifest.execution not in EXECUTIONS:
        raise ConfigError(f"the release needs {manifest.execution}: upgrade covey")


async def seek_admission(
    driver: ContextDriver,
    links: Links,
    device: Signer,
    certificate: Certificate,
    inviter: PeerId | None,
) -> None:
    """Ask members' nodes until this device is admitted; who is silent holds up none of them."""
    context = driver.replica.context
    join = make_join(device, context, certificate)
    seeking = _Seeking(driver, links, AskAdmission(context, certificate, join))
    asked: dict[PeerId, None] = {}
    async with trio.open_nursery() as nursery:
        while not driver.replica.is_admitted and not driver.replica.is_removed:
            candidates = [peer for peer in links.sharing(context) if peer not in asked]
            if candidates:
                first = links.asking.ordered(candidates)[0]
                peer = inviter if inviter in candidates and inviter is not None else first
                asked[peer] = None
                seeking.open_count += 1
                nursery.start_soon(seeking.ask, peer)
            elif not seeking.open_count:
                asked.clear()
            await seeking.wait()
        nursery.cancel_scope.cancel()


class _Seeking:
    """Admissions that were asked for. open_count: of peers that have not answered yet."""

    def __init__(self, driver: ContextDriver, links: Links, question: AskAdmission) -> None:
        self.open_count = 0
        self._driver = driver
        self._links = links
        self._question = question
        self._promises = 0
        self._answered = trio.Event()
        self._pause_s = 0.0

    async def ask(self, peer: PeerId) -> None:
        """Ask one member's node."""
        context = self._question.context
        reason = await self._links.ask_admission(peer, self._question, context)
        self.open_count -= 1
        if reason:
            _logger.debug("not admitted", extra={"peer": peer, "why": reason})
            self._pause_s = max(self._pause_s, _AGAIN_S)
        else:
            # The admission comes in its turn, which takes its time; but it may be a lie.
            self._promises += 1
            is_believed = self._promises <= limits.JOIN_PROMISES_MAX
            self._pause_s = limits.JOIN_ASK_S if is_believed else limits.JOIN_NEXT_S
        self._answered.set()

    async def wait(self) -> None:
        """Until another one is to be asked, or this device is admitted."""
        with trio.move_on_after(limits.JOIN_NEXT_S if self.open_count else _AGAIN_S):
            await self._answered.wait()
        self._answered = trio.Event()
        pause_s, self._pause_s = self._pause_s, 0.0
        with trio.move_on_after(pause_s):
            await self._driver.standing.admitted.wait()
