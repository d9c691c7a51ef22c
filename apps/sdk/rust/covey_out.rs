//! The result of a call as JSON. Part of the crate covey.
//!
//! Values go into one buffer in the order they are written; commas set themselves; `done` hands
//! the buffer to the host. Every function returns the writer, so that values can follow each other.

use crate::{fail, host, Buf};

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";
const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

pub struct Out {
    text: Buf,
}

impl Out {
    pub fn new() -> Out {
        Out { text: Buf::new() }
    }

    /// A comma, unless the value is the first in its object or array or follows its name.
    fn comma(&mut self) {
        if !matches!(self.text.as_bytes().last(), None | Some(b'[' | b'{' | b':')) {
            self.text.byte(b',');
        }
    }

    fn value(&mut self, text: &[u8]) -> &mut Out {
        self.comma();
        self.raw(text)
    }

    fn raw(&mut self, text: &[u8]) -> &mut Out {
        self.text.add(text);
        self
    }

    pub fn object(&mut self) -> &mut Out {
        self.value(b"{")
    }

    pub fn end_object(&mut self) -> &mut Out {
        self.raw(b"}")
    }

    pub fn array(&mut self) -> &mut Out {
        self.value(b"[")
    }

    pub fn end_array(&mut self) -> &mut Out {
        self.raw(b"]")
    }

    pub fn null(&mut self) -> &mut Out {
        self.value(b"null")
    }

    pub fn boolean(&mut self, value: bool) -> &mut Out {
        self.value(if value { b"true" } else { b"false" })
    }

    pub fn int(&mut self, value: i64) -> &mut Out {
        self.comma();
        self.text.int(value);
        self
    }

    /// The name of the next value in an object.
    pub fn name(&mut self, name: &str) -> &mut Out {
        self.text(name.as_bytes()).raw(b":")
    }

    pub fn text(&mut self, text: &[u8]) -> &mut Out {
        self.text_begin().escaped(text).text_end()
    }

    /// A string in pieces (a document, say): begin, any number of `escaped`, end. No character may
    /// be cut between two.
    pub fn text_begin(&mut self) -> &mut Out {
        self.value(b"\"")
    }

    pub fn text_end(&mut self) -> &mut Out {
        self.raw(b"\"")
    }

    /// A piece of a string: escapes what JSON asks for and puts U+FFFD for bytes that are not
    /// UTF-8. A key or value in the state may be anything, and must not make a result that nobody
    /// can read.
    pub fn escaped(&mut self, text: &[u8]) -> &mut Out {
        let (mut plain, mut at) = (0, 0);
        while at < text.len() {
            let byte = text[at];
            let special = byte < 0x20 || byte == b'"' || byte == b'\\';
            let len = if special { 0 } else { utf8_next(&text[at..]) };
            if len > 0 {
                at += len;
                continue;
            }
            self.text.add(&text[plain..at]);
            if byte == b'"' || byte == b'\\' {
                self.text.add(&[b'\\', byte]);
            } else if byte < 0x20 {
                self.text.add(if byte < 0x10 { b"\\u000" } else { b"\\u001" });
                self.text.byte(HEX_DIGITS[byte as usize & 15]);
            } else {
                self.text.add("\u{FFFD}".as_bytes());
            }
            at += 1;
            plain = at;
        }
        self.raw(&text[plain..])
    }

    pub fn hex(&mut self, bytes: &[u8]) -> &mut Out {
        self.text_begin();
        for byte in bytes {
            let digits = [HEX_DIGITS[(byte >> 4) as usize], HEX_DIGITS[(byte & 15) as usize]];
            self.text.add(&digits);
        }
        self.text_end()
    }

    /// A member or device key as people see it: did:key:z6Mk… (base58btc of 0xED01 and the key).
    pub fn did(&mut self, key: &[u8]) -> &mut Out {
        let (mut digits, mut count) = ([0u8; 48], 0);
        if key.len() != 32 {
            fail("a member key is not 32 bytes long");
        }
        for byte in [0xED, 0x01].iter().chain(key) {
            let (mut carry, mut j) = (*byte as u32, 0);
            while j < count || carry > 0 {
                carry += 256 * digits[j] as u32;
                digits[j] = (carry % 58) as u8;
                carry /= 58;
                j += 1;
            }
            count = count.max(j);
        }
        self.text_begin().raw(b"did:key:z");
        for digit in digits[..count].iter().rev() {
            self.text.byte(BASE58[*digit as usize]);
        }
        self.text_end()
    }

    /// Hand the result to the host. Without it, the result of a call is null.
    pub fn done(&mut self) {
        let text = self.text.as_bytes();
        unsafe { host::output(text.as_ptr(), text.len()) }
    }
}

// ---- UTF-8 -------------------------------------------------------------------------------------

/// Bytes of the first character (1 to 4), or 0 if it is not valid UTF-8 (too long a form,
/// surrogate, cut off).
pub(crate) fn utf8_next(text: &[u8]) -> usize {
    let a = match text.first() {
        None | Some(0x80..=0xC1 | 0xF5..) => return 0,
        Some(0..=0x7F) => return 1,
        Some(a) => *a,
    };
    let len = if a < 0xE0 { 2 } else if a < 0xF0 { 3 } else { 4 };
    let low = if a == 0xE0 { 0xA0 } else if a == 0xF0 { 0x90 } else { 0x80 };
    let high = if a == 0xED { 0x9F } else if a == 0xF4 { 0x8F } else { 0xBF };
    let valid = text.len() >= len
        && (low..=high).contains(&text[1])
        && text[2..len].iter().all(|byte| byte & 0xC0 == 0x80);
    if valid { len } else { 0 }
}

/// The number of characters (code points); bytes that are not UTF-8 count one each.
pub fn utf8_count(mut text: &[u8]) -> usize {
    let mut count = 0;
    while !text.is_empty() {
        text = &text[utf8_next(text).max(1)..];
        count += 1;
    }
    count
}
