//! What a call has done, for `validate`. Part of the crate covey.
//!
//! An application may export `validate`. The host runs it after each call that returned, as a query
//! on the state that the call leaves; where it calls `fail`, the call is refused. For example, so
//! that no method leaves an empty entry behind:
//!
//!     #[no_mangle]
//!     pub extern "C" fn validate() {
//!         for effect in covey::effects() {
//!             if matches!(effect.op, covey::Op::Put(value) if value.is_empty()) {
//!                 covey::fail("an entry is empty");
//!             }
//!         }
//!     }
//!
//! It is no method and not in abi.json. It has fresh memory, and what is left of the call's fuel.

use crate::{alloc, fail, host, Bytes};

/// What a call did to one entry.
pub struct Effect {
    pub collection: Bytes,
    pub key: Bytes,
    pub op: Op,
}

pub enum Op {
    Put(Bytes),
    Delete,
    Add(i64),
}

/// The effects in the order of (collection, key). The host writes them in one form, so reading it
/// takes no more than skipping what is always there.
pub struct Effects {
    text: Bytes,
    at: usize,
}

/// The effects of the call that `validate` is asked about.
pub fn effects() -> Effects {
    let mut text = alloc(1024);
    // Safety: the host writes no more than it is given room for.
    let len = unsafe { host::input(text.as_mut_ptr(), text.len()) };
    if len > text.len() {
        text = alloc(len);
        unsafe { host::input(text.as_mut_ptr(), len) };
    }
    if len == 0 || text[0] != b'[' {
        fail("these are not the effects of a call");
    }
    Effects { text: &text[..len], at: 0 }
}

impl Iterator for Effects {
    type Item = Effect;

    fn next(&mut self) -> Option<Effect> {
        if self.text[self.at] == b']' || self.text[self.at + 1] == b']' {
            return None;
        }
        let collection = self.string("[{\"collection\":\"");
        let op = self.string("\",\"op\":\"")[0];
        let key = base64(self.string("\",\"key\":\""));
        let op = match op {
            b'a' => return Some(Effect { collection, key, op: Op::Add(self.number()) }),
            b'p' => Op::Put(base64(self.string("\",\"value\":\""))),
            _ => Op::Delete,
        };
        self.at += "\"}".len();
        Some(Effect { collection, key, op })
    }
}

impl Effects {
    /// The string that begins after `before`; the next one begins at its closing quote.
    fn string(&mut self, before: &str) -> Bytes {
        let start = self.at + before.len();
        self.at = start;
        while self.text[self.at] != b'"' {
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    fn number(&mut self) -> i64 {
        self.at += "\",\"amount\":".len();
        let negative = self.text[self.at] == b'-';
        self.at += negative as usize;
        let mut size = 0u64;
        while self.text[self.at] != b'}' {
            let digit = (self.text[self.at] - b'0') as u64;
            size = size.wrapping_mul(10).wrapping_add(digit);
            self.at += 1;
        }
        self.at += 1;
        (if negative { size.wrapping_neg() } else { size }) as i64
    }
}

/// Base64 with padding.
fn base64(text: Bytes) -> Bytes {
    let padding = text.iter().filter(|c| **c == b'=').count();
    let bytes = alloc(text.len() / 4 * 3);
    for (four, three) in text.chunks_exact(4).zip(bytes.chunks_exact_mut(3)) {
        let word = four.iter().fold(0, |word, c| word << 6 | digit(*c));
        three.copy_from_slice(&word.to_be_bytes()[1..]);
    }
    &bytes[..text.len() / 4 * 3 - padding]
}

fn digit(c: u8) -> u32 {
    match c {
        b'A'..=b'Z' => (c - b'A') as u32,
        b'a'..=b'z' => (c - b'a') as u32 + 26,
        b'0'..=b'9' => (c - b'0') as u32 + 52,
        b'+' => 62,
        b'/' => 63,
        _ => 0,
    }
}
