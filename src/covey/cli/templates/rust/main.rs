//! NAME: a shared count. Everybody's additions count, also those made offline and at the same time.
#![no_std]

use covey::Out;

const COUNTS: &str = "counts";
const TOTAL: &[u8] = b"total";

/// A call: it may write. increment {"by": 1 to 1000, 1 if it is left out} -> {}
#[no_mangle]
pub extern "C" fn increment() {
    let args = covey::args("by");
    covey::add(COUNTS, TOTAL, if args.has("by") { args.int("by", 1, 1000) } else { 1 });
    Out::new().object().end_object().done();
}

/// A query: it only reads. total {} -> {"total": number}
#[no_mangle]
pub extern "C" fn total() {
    covey::args("");
    let count = covey::get(COUNTS, TOTAL).map_or(0, covey::counter);
    Out::new().object().name("total").int(count).end_object().done();
}
