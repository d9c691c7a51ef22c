//! The arguments of a call. Part of the crate covey.
//!
//! Reading is strict: JSON by RFC 8259 in valid UTF-8, whole numbers of 64 bits only, no name
//! twice in one object, nothing after the value. Whatever deviates refuses the call with a
//! message; nothing here panics.

use crate::out::utf8_next;
use crate::{alloc, fail_bytes, Buf, Bytes};
use core::cell::Cell;
use core::mem::{align_of, size_of};

const DEPTH_MAX: u32 = 32; // Recursion: keeps the reader below the 16 KiB stack.
const MEMBERS_MAX: u32 = 256; // Of one object: looking for double names is quadratic.

/// One value; as a member of an object it has a name.
pub struct Json {
    pub name: Bytes,
    pub kind: Kind,
    next: Cell<Option<&'static Json>>,
}

pub enum Kind {
    Null,
    Bool(bool),
    Int(i64),
    Text(Bytes), // UTF-8, may hold NUL
    Array(List),
    Object(List),
}

/// Elements of an array or members of an object, in their order.
#[derive(Clone, Copy)]
pub struct List {
    pub count: u32,
    first: Option<&'static Json>,
}

impl Iterator for List {
    type Item = &'static Json;

    fn next(&mut self) -> Option<&'static Json> {
        let value = self.first?;
        self.first = value.next.get();
        Some(value)
    }
}

// ---- Reading -----------------------------------------------------------------------------------

struct Reader {
    text: Bytes,
    at: usize,
}

impl Reader {
    fn refuse(&self, why: &str) -> ! {
        let mut message = Buf::new();
        message.add(b"the arguments are not acceptable JSON: ");
        message.add(why.as_bytes());
        message.add(b" at byte ");
        message.int(self.at as i64);
        fail_bytes(message.as_bytes())
    }

    fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\t' | b'\r') {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.text.get(self.at) == Some(&byte);
        self.at += there as usize;
        there
    }

    fn word(&mut self, word: &str) -> bool {
        let there = self.text[self.at..].starts_with(word.as_bytes());
        self.at += if there { word.len() } else { 0 };
        there
    }

    fn unit(&mut self) -> u32 {
        let mut unit = 0;
        for _ in 0..4 {
            match hex_digit(self.peek()) {
                Some(digit) => unit = unit << 4 | digit as u32,
                None => self.refuse("bad \\u escape"),
            }
            self.at += 1;
        }
        unit
    }

    /// What follows a backslash, as UTF-8.
    fn escape(&mut self, to: &mut Buf) {
        let c = self.peek();
        self.at += (self.at < self.text.len()) as usize;
        match c {
            b'"' | b'\\' | b'/' => return to.byte(c),
            b'b' => return to.byte(8),
            b'f' => return to.byte(12),
            b'n' => return to.byte(b'\n'),
            b'r' => return to.byte(b'\r'),
            b't' => return to.byte(b'\t'),
            b'u' => {}
            _ => self.refuse("unknown escape"),
        }
        let mut point = self.unit();
        if (0xD800..0xDC00).contains(&point) && self.take(b'\\') && self.take(b'u') {
            let low = self.unit();
            if !(0xDC00..0xE000).contains(&low) {
                self.refuse("lone surrogate");
            }
            point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
        }
        match char::from_u32(point) {
            Some(character) => to.add(character.encode_utf8(&mut [0; 4]).as_bytes()),
            None => self.refuse("lone surrogate"),
        }
    }

    /// The rest of a string after its opening quote: a view of the input, or a copy if it has
    /// escapes.
    fn string(&mut self) -> Bytes {
        let (start, mut close, mut escaped) = (self.at, self.at, false);
        while close < self.text.len() && self.text[close] != b'"' {
            let escape = self.text[close] == b'\\';
            escaped |= escape;
            close += 1 + escape as usize;
        }
        if close >= self.text.len() {
            self.refuse("string without an end");
        }
        let mut copy = Buf::new();
        while self.at < close {
            if self.take(b'\\') {
                self.escape(&mut copy);
                continue;
            }
            let plain = self.at;
            while self.at < close && self.peek() != b'\\' {
                let len = utf8_next(&self.text[self.at..close]);
                if self.peek() < 0x20 {
                    self.refuse("control character");
                }
                if len == 0 {
                    self.refuse("invalid UTF-8");
                }
                self.at += len;
            }
            if escaped {
                copy.add(&self.text[plain..self.at]);
            }
        }
        self.at = close + 1;
        if escaped { copy.into_bytes() } else { &self.text[start..close] }
    }

    fn number(&mut self) -> i64 {
        let negative = self.take(b'-');
        let (start, mut value) = (self.at, 0i64);
        while self.peek().is_ascii_digit() {
            // Counting down: the range of negative numbers is the larger one.
            let digit = (self.peek() - b'0') as i64;
            value = match value.checked_mul(10).and_then(|tens| tens.checked_sub(digit)) {
                Some(longer) => longer,
                None => self.refuse("number beyond 64 bits"),
            };
            self.at += 1;
        }
        if self.at == start {
            self.refuse("unexpected character");
        }
        if self.text[start] == b'0' && self.at - start > 1 {
            self.refuse("number with a leading zero");
        }
        if matches!(self.peek(), b'.' | b'e' | b'E') {
            self.refuse("number that is not whole");
        }
        if !negative && value == i64::MIN {
            self.refuse("number beyond 64 bits");
        }
        if negative { value } else { -value }
    }

    /// The rest of an array or object after its opening bracket.
    fn list(&mut self, object: bool, depth: u32) -> List {
        let close = if object { b'}' } else { b']' };
        let mut list = List { count: 0, first: None };
        let mut last: Option<&'static Json> = None;
        if depth == 0 {
            self.refuse("too deep nesting");
        }
        self.space();
        if self.take(close) {
            return list;
        }
        loop {
            let name = if object { self.name(list) } else { &[] };
            let value = self.value(name, depth - 1);
            match last {
                Some(before) => before.next.set(Some(value)),
                None => list.first = Some(value),
            }
            last = Some(value);
            list.count += 1;
            if self.take(close) {
                return list;
            }
            if !self.take(b',') {
                self.refuse("no comma");
            }
        }
    }

    fn name(&mut self, mut before: List) -> Bytes {
        self.space();
        if !self.take(b'"') {
            self.refuse("no name");
        }
        let name = self.string();
        if before.count == MEMBERS_MAX {
            self.refuse("too many names in an object");
        }
        if before.any(|member| member.name == name) {
            self.refuse("a name twice");
        }
        self.space();
        if !self.take(b':') {
            self.refuse("no colon");
        }
        name
    }

    fn value(&mut self, name: Bytes, depth: u32) -> &'static Json {
        self.space();
        let kind = if self.take(b'"') {
            Kind::Text(self.string())
        } else if self.take(b'{') {
            Kind::Object(self.list(true, depth))
        } else if self.take(b'[') {
            Kind::Array(self.list(false, depth))
        } else if self.word("true") {
            Kind::Bool(true)
        } else if self.word("false") {
            Kind::Bool(false)
        } else if self.word("null") {
            Kind::Null
        } else {
            Kind::Int(self.number())
        };
        self.space();
        // Safety: the allocation is large enough, aligned to 8, and nothing else refers to it.
        const _: () = assert!(align_of::<Json>() <= 8);
        unsafe {
            let place = alloc(size_of::<Json>()).as_mut_ptr() as *mut Json;
            place.write(Json { name, kind, next: Cell::new(None) });
            &*place
        }
    }
}

pub(crate) fn hex_digit(c: u8) -> Option<u8> {
    match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        b'A'..=b'F' => Some(c - b'A' + 10),
        _ => None,
    }
}

// ---- Arguments ---------------------------------------------------------------------------------

impl Json {
    /// Read one JSON value that fills `text`.
    pub fn read(text: Bytes) -> &'static Json {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(&[], DEPTH_MAX);
        if reader.at != text.len() {
            reader.refuse("something after the value");
        }
        value
    }

    /// A member of an object by its name.
    pub fn field(&self, name: &str) -> Option<&'static Json> {
        match self.kind {
            Kind::Object(mut members) => members.find(|member| member.name == name.as_bytes()),
            _ => None,
        }
    }

    /// Refuse an object with a name that is not in `allowed`: names with a space between them.
    pub fn only(&self, allowed: &str) {
        if let Kind::Object(members) = self.kind {
            for member in members {
                if !allowed.split(' ').any(|word| word.as_bytes() == member.name && word != "") {
                    refuse(member.name, b"is unknown");
                }
            }
        }
    }

    /// Whether an argument is there and not null: for what is optional.
    pub fn has(&self, name: &str) -> bool {
        matches!(self.field(name), Some(value) if !matches!(value.kind, Kind::Null))
    }

    /// An argument of any kind; one that is missing refuses the call.
    pub fn arg(&self, name: &str) -> &'static Json {
        self.field(name).unwrap_or_else(|| refuse(name.as_bytes(), b"is missing"))
    }

    /// A string of `from` to `to` bytes.
    pub fn text(&self, name: &str, from: usize, to: usize) -> Bytes {
        match self.arg(name).kind {
            Kind::Text(text) if (from..=to).contains(&text.len()) => text,
            _ => refuse_range(name, "a string of ", from as i64, to as i64, " bytes"),
        }
    }

    pub fn int(&self, name: &str, from: i64, to: i64) -> i64 {
        match self.arg(name).kind {
            Kind::Int(value) if (from..=to).contains(&value) => value,
            _ => refuse_range(name, "a whole number from ", from, to, ""),
        }
    }

    pub fn boolean(&self, name: &str) -> bool {
        match self.arg(name).kind {
            Kind::Bool(value) => value,
            _ => refuse(name.as_bytes(), b"must be true or false"),
        }
    }

    /// An array of `from` to `to` elements.
    pub fn array(&self, name: &str, from: u32, to: u32) -> List {
        match self.arg(name).kind {
            Kind::Array(list) if (from..=to).contains(&list.count) => list,
            _ => refuse_range(name, "an array of ", from as i64, to as i64, " elements"),
        }
    }

    /// Exactly `len` bytes, written as hexadecimal digits.
    pub fn hex(&self, name: &str, len: usize) -> Bytes {
        let bytes = alloc(len);
        let right = match self.arg(name).kind {
            Kind::Text(text) if text.len() == 2 * len => {
                let pairs = text.chunks_exact(2);
                bytes.iter_mut().zip(pairs).all(|(byte, pair)| {
                    let digits = hex_digit(pair[0]).zip(hex_digit(pair[1]));
                    *byte = digits.map_or(0, |(high, low)| high << 4 | low);
                    digits.is_some()
                })
            }
            _ => false,
        };
        if !right {
            refuse_range(name, "", 2 * len as i64, 2 * len as i64, " hexadecimal digits");
        }
        bytes
    }
}

/// Refuse the call because of one argument: "argument 'NAME' WHAT".
pub fn refuse(name: &[u8], what: &[u8]) -> ! {
    let mut message = Buf::new();
    message.add(b"argument '");
    message.add(name);
    message.add(b"' ");
    message.add(what);
    fail_bytes(message.as_bytes())
}

/// The same with bounds: "argument 'NAME' must be WHAT FROM to TO UNIT".
fn refuse_range(name: &str, what: &str, from: i64, to: i64, unit: &str) -> ! {
    let mut text = Buf::new();
    text.add(b"must be ");
    text.add(what.as_bytes());
    text.int(from);
    if from != to {
        text.add(b" to ");
        text.int(to);
    }
    text.add(unit.as_bytes());
    refuse(name.as_bytes(), text.as_bytes())
}
