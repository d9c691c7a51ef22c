//! probe: every function of the SDK, in Rust.
#![no_std]

use covey::{Kind, Out};

const THINGS: &str = "things";
const COUNTS: &str = "counts";
const GONE: &[u8] = b"gone";

#[no_mangle]
pub extern "C" fn everything() {
    let args = covey::args("key value list flag message signature signer");
    let key = args.text("key", 1, 64);
    let value = args.hex("value", 4);
    let message = args.text("message", 0, 1000);
    let signature = args.hex("signature", 64).try_into().unwrap();
    let signer = args.hex("signer", 32).try_into().unwrap();
    let (me, mut drawn) = (covey::member(), [0; 8]);
    covey::random(&mut drawn);
    covey::log("probe");
    covey::put(THINGS, covey::join(&me, key), value);
    covey::put(THINGS, GONE, message);
    let there = covey::has(THINGS, GONE);
    covey::delete(THINGS, GONE);
    covey::add(COUNTS, key, -3);
    covey::emit("touched", key);

    let mut out = Out::new();
    out.object();
    out.name("member").did(&me);
    out.name("device").hex(&covey::device());
    out.name("context").hex(&covey::context());
    out.name("time").int(covey::time());
    out.name("random").hex(&drawn);
    out.name("there").boolean(there);
    out.name("gone").boolean(!covey::has(THINGS, GONE));
    out.name("count").int(covey::get(COUNTS, key).map_or(0, covey::counter));
    out.name("sha256").hex(&covey::sha256(message));
    out.name("verified").boolean(covey::verify(signature, signer, message));
    out.name("flag").boolean(args.boolean("flag"));
    out.name("characters").int(covey::utf8_count(message) as i64);
    out.name("elements").array();
    for element in args.array("list", 1, 8) {
        match element.kind {
            Kind::Int(value) => out.int(value),
            _ => out.null(),
        };
    }
    out.end_array().name("things").array();
    for (key, value) in covey::scan(THINGS, &me, b"") {
        out.hex(covey::join(key, value));
    }
    out.end_array().end_object().done();
}
