//! covey: what a Rust application for covey uses. No allocator, no cargo, no other crate.
//!
//! An application is a WebAssembly module that imports only from "covey" and exports its methods,
//! each without parameters and results. A method reads its arguments (JSON), reads and changes
//! entries of its collections, and writes one result (JSON). A whole application with one method:
//!
//!     #![no_std]
//!
//!     #[no_mangle]
//!     pub extern "C" fn greet() {
//!         let name = covey::args("name").text("name", 1, 64);
//!         covey::put("greeted", name, b"yes");
//!         let mut out = covey::Out::new();
//!         out.object().name("hello").text(name).end_object().done();
//!     }
//!
//! Rules worth knowing:
//! - Each call begins with fresh memory: no variable survives it. What must last is an entry of a
//!   collection.
//! - Memory is handed out upwards and never freed: it goes when the call ends. That is why views
//!   are `'static`: within a call they stay valid.
//! - `fail` refuses the call with a message and does not return; nothing that the call did takes
//!   effect. A panic traps, and its message is lost.
//! - A query may not write, emit or draw random bytes: the host stops it.
//! - There are no floats, files, clocks or network. Two nodes that run one call get the same bytes.
//! - The stack is 16 KiB: do not recurse over data.
#![no_std]

#[path = "covey_json.rs"]
mod json;
#[path = "covey_out.rs"]
mod out;

use core::arch::wasm32;
use core::slice;

pub use json::{refuse, Json, Kind, List};
pub use out::{utf8_count, Out};

/// A view of memory that lasts as long as the call.
pub type Bytes = &'static [u8];

/// The host's functions, as the interface covey/1 names them. Below are easier ones.
pub mod host {
    #[link(wasm_import_module = "covey")]
    extern "C" {
        pub fn input(to: *mut u8, cap: usize) -> usize;
        pub fn output(json: *const u8, len: usize);
        pub fn fail(message: *const u8, len: usize);
        pub fn get(
            c: *const u8, clen: usize, key: *const u8, klen: usize, to: *mut u8, cap: usize,
        ) -> i32;
        pub fn put(
            c: *const u8, clen: usize, key: *const u8, klen: usize, value: *const u8, vlen: usize,
        );
        pub fn delete(c: *const u8, clen: usize, key: *const u8, klen: usize);
        pub fn add(c: *const u8, clen: usize, key: *const u8, klen: usize, amount: i64);
        pub fn scan(
            c: *const u8, clen: usize, prefix: *const u8, plen: usize, after: *const u8,
            alen: usize,
        ) -> i32;
        pub fn next(handle: i32, to: *mut u8, cap: usize) -> usize;
        pub fn member(to_32_bytes: *mut u8);
        pub fn device(to_32_bytes: *mut u8);
        pub fn context(to_36_bytes: *mut u8);
        pub fn time() -> i64;
        pub fn random(to: *mut u8, len: usize);
        pub fn emit(name: *const u8, nlen: usize, data: *const u8, dlen: usize);
        pub fn log(text: *const u8, len: usize);
        pub fn verify(sig_64: *const u8, key_32: *const u8, message: *const u8, len: usize) -> i32;
        pub fn sha256(of: *const u8, len: usize, to_32_bytes: *mut u8);
    }
}

// ---- Memory: it is handed out upwards and goes when the call ends. -----------------------------

extern "C" {
    static __heap_base: u8;
}

static mut ARENA_TOP: usize = 0;

/// `len` bytes, aligned to 8. The host bounds memory; with none left, the call fails.
/// Fresh memory is zero, but memory that `trim` gave back may hold what was there.
pub fn alloc(len: usize) -> &'static mut [u8] {
    // Safety: WebAssembly here has one thread, and no two allocations overlap.
    unsafe {
        let top = if ARENA_TOP == 0 { &__heap_base as *const u8 as usize } else { ARENA_TOP };
        let start = (top + 7) & !7;
        let end = start as u64 + len as u64;
        let have = (wasm32::memory_size(0) as u64) << 16;
        if end > have {
            let pages = (end - have + 65535) >> 16;
            if end >= u32::MAX as u64 || wasm32::memory_grow(0, pages as usize) == usize::MAX {
                fail("the application is out of memory");
            }
        }
        ARENA_TOP = end as usize;
        slice::from_raw_parts_mut(start as *mut u8, len)
    }
}

/// Keep only the first `len` bytes of the newest allocation.
fn trim(newest: &'static mut [u8], len: usize) -> Bytes {
    // Safety: the caller gives the slice up, so nothing refers to the bytes after `len`.
    unsafe { ARENA_TOP = newest.as_ptr() as usize + len };
    &newest[..len]
}

/// Two views joined, for keys such as member ‖ field.
pub fn join(a: &[u8], b: &[u8]) -> Bytes {
    let both = alloc(a.len() + b.len());
    both[..a.len()].copy_from_slice(a);
    both[a.len()..].copy_from_slice(b);
    both
}

/// A growing buffer.
pub struct Buf {
    room: &'static mut [u8],
    len: usize,
}

impl Buf {
    pub fn new() -> Buf {
        Buf { room: &mut [], len: 0 }
    }

    pub fn add(&mut self, more: &[u8]) {
        let need = self.len + more.len();
        if need > self.room.len() {
            let bigger = alloc(if need < 128 { 256 } else { need * 2 });
            bigger[..self.len].copy_from_slice(&self.room[..self.len]);
            self.room = bigger;
        }
        self.room[self.len..need].copy_from_slice(more);
        self.len = need;
    }

    pub fn byte(&mut self, byte: u8) {
        self.add(&[byte]);
    }

    /// A number in decimal digits.
    pub fn int(&mut self, value: i64) {
        let (mut digits, mut at, mut rest) = ([0; 20], 20, value.unsigned_abs());
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if value < 0 {
            at -= 1;
            digits[at] = b'-';
        }
        self.add(&digits[at..]);
    }

    /// What is in it. Nothing can be added to it any more.
    pub fn into_bytes(self) -> Bytes {
        &self.room[..self.len]
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.room[..self.len]
    }
}

// ---- How a call ends ---------------------------------------------------------------------------

/// Refuse the call with a message for the caller. Does not return.
pub fn fail(message: &str) -> ! {
    fail_bytes(message.as_bytes())
}

pub fn fail_bytes(message: &[u8]) -> ! {
    unsafe { host::fail(message.as_ptr(), message.len()) };
    wasm32::unreachable()
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    wasm32::unreachable()
}

/// The arguments of the call: an object with no other names than `allowed` (a space between two).
/// No input counts as {}.
pub fn args(allowed: &str) -> &'static Json {
    let mut text = alloc(1024);
    let mut len = unsafe { host::input(text.as_mut_ptr(), text.len()) };
    if len > text.len() {
        text = alloc(len);
        len = unsafe { host::input(text.as_mut_ptr(), len) };
    }
    let args = Json::read(if len == 0 { b"{}" } else { &text[..len] });
    if !matches!(args.kind, Kind::Object(_)) {
        fail("the arguments must be a JSON object");
    }
    args.only(allowed);
    args
}

// ---- Entries -----------------------------------------------------------------------------------

/// The value of an entry. Sees what this call has written.
pub fn get(collection: &str, key: &[u8]) -> Option<Bytes> {
    let mut cap = 512;
    loop {
        let room = alloc(cap);
        let (c, to) = (collection, room.as_mut_ptr());
        let len = unsafe { host::get(c.as_ptr(), c.len(), key.as_ptr(), key.len(), to, cap) };
        if len < 0 {
            trim(room, 0);
            return None;
        }
        if len as usize <= cap {
            return Some(trim(room, len as usize));
        }
        trim(room, 0);
        cap = len as usize;
    }
}

/// Whether there is such an entry, without copying its value.
pub fn has(collection: &str, key: &[u8]) -> bool {
    let (c, none) = (collection, 0 as *mut u8);
    unsafe { host::get(c.as_ptr(), c.len(), key.as_ptr(), key.len(), none, 0) >= 0 }
}

pub fn put(collection: &str, key: &[u8], value: &[u8]) {
    let (c, v) = (collection, value);
    unsafe { host::put(c.as_ptr(), c.len(), key.as_ptr(), key.len(), v.as_ptr(), v.len()) }
}

pub fn delete(collection: &str, key: &[u8]) {
    unsafe { host::delete(collection.as_ptr(), collection.len(), key.as_ptr(), key.len()) }
}

/// Add to an entry of a counter collection.
pub fn add(collection: &str, key: &[u8], amount: i64) {
    unsafe { host::add(collection.as_ptr(), collection.len(), key.as_ptr(), key.len(), amount) }
}

/// The value of a counter entry as `get` and `scan` give it: 8 bytes, little-endian.
pub fn counter(value: &[u8]) -> i64 {
    match value.try_into() {
        Ok(bytes) => i64::from_le_bytes(bytes),
        Err(_) => fail("a counter's value is not 8 bytes long"),
    }
}

/// Entries in the order of their keys, as pairs of key and value. Writing does not move it.
pub struct Scan {
    handle: i32,
    page: Bytes,
}

const SCAN_PAGE_SIZE_BYTES: usize = 16384;

/// The entries whose keys begin with `prefix` and come after the key `after` (b"": from the first).
pub fn scan(collection: &str, prefix: &[u8], after: &[u8]) -> Scan {
    let (c, p, a) = (collection, prefix, after);
    let handle =
        unsafe { host::scan(c.as_ptr(), c.len(), p.as_ptr(), p.len(), a.as_ptr(), a.len()) };
    Scan { handle, page: &[] }
}

impl Iterator for Scan {
    type Item = (Bytes, Bytes);

    fn next(&mut self) -> Option<(Bytes, Bytes)> {
        let mut cap = SCAN_PAGE_SIZE_BYTES;
        while self.page.is_empty() {
            let room = alloc(cap);
            let len = unsafe { host::next(self.handle, room.as_mut_ptr(), cap) };
            if len == 0 || len > cap {
                trim(room, 0);
                if len == 0 {
                    return None;
                }
                cap = len;
            } else {
                self.page = trim(room, len);
            }
        }
        Some((self.sized(), self.sized()))
    }
}

impl Scan {
    fn sized(&mut self) -> Bytes {
        let (len, rest) = self.page.split_at(4);
        let size = u32::from_le_bytes([len[0], len[1], len[2], len[3]]);
        let (taken, rest) = rest.split_at(size as usize);
        self.page = rest;
        taken
    }
}

// ---- Who, when, events, hashes -----------------------------------------------------------------

/// The key of the member who called; in a query, of this node's member.
pub fn member() -> [u8; 32] {
    let mut key = [0; 32];
    unsafe { host::member(key.as_mut_ptr()) };
    key
}

/// The key of the device that called.
pub fn device() -> [u8; 32] {
    let mut key = [0; 32];
    unsafe { host::device(key.as_mut_ptr()) };
    key
}

/// The id of the context.
pub fn context() -> [u8; 36] {
    let mut id = [0; 36];
    unsafe { host::context(id.as_mut_ptr()) };
    id
}

/// Unix milliseconds, as the author's clock claims.
pub fn time() -> i64 {
    unsafe { host::time() }
}

/// The next bytes of the call's stream: equal on every node, and no secret.
pub fn random(to: &mut [u8]) {
    unsafe { host::random(to.as_mut_ptr(), to.len()) }
}

/// Tell subscribers of the context that something happened.
pub fn emit(name: &str, content: &[u8]) {
    unsafe { host::emit(name.as_ptr(), name.len(), content.as_ptr(), content.len()) }
}

/// A line for the developer; never part of the state.
pub fn log(text: &str) {
    unsafe { host::log(text.as_ptr(), text.len()) }
}

/// Whether `signature` is the Ed25519 signature of `message` under `key`.
pub fn verify(signature: &[u8; 64], key: &[u8; 32], message: &[u8]) -> bool {
    let (s, k, m) = (signature.as_ptr(), key.as_ptr(), message);
    unsafe { host::verify(s, k, m.as_ptr(), m.len()) == 1 }
}

pub fn sha256(of: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    unsafe { host::sha256(of.as_ptr(), of.len(), hash.as_mut_ptr()) };
    hash
}

// ---- For `validate`, which covey_effects.rs explains -------------------------------------------

#[path = "covey_effects.rs"]
mod effects;
pub use effects::{effects, Effect, Effects, Op};
