//! tally: shared counters, as apps/tally/main.c, in Rust.
//! Collection totals (counter): additions made apart from one another all count.
#![no_std]

use covey::{Json, Out};

const NAME_SIZE_BYTES_MAX: usize = 128;
const AMOUNT_MAX: i64 = 9007199254740991; // 2^53 - 1: what every JSON reader keeps exact.
const LIMIT_DEFAULT: i64 = 100;
const LIMIT_MAX: i64 = 1000;

const TOTALS: &str = "totals";

fn name_of(args: &Json) -> &'static [u8] {
    args.text("name", 1, NAME_SIZE_BYTES_MAX)
}

fn answer_total(name: &[u8]) {
    let total = covey::get(TOTALS, name).map_or(0, covey::counter);
    Out::new().object().name("total").int(total).end_object().done();
}

#[no_mangle]
pub extern "C" fn add() {
    let args = covey::args("name amount");
    let name = name_of(args);
    let given = args.has("amount");
    let amount = if given { args.int("amount", -AMOUNT_MAX, AMOUNT_MAX) } else { 1 };
    covey::add(TOTALS, name, amount);
    answer_total(name);
}

#[export_name = "read"]
pub extern "C" fn read_total() {
    answer_total(name_of(covey::args("name")));
}

#[no_mangle]
pub extern "C" fn totals() {
    let args = covey::args("after limit");
    let mut left = LIMIT_DEFAULT;
    let mut after: &[u8] = b"";
    if args.has("limit") {
        left = args.int("limit", 1, LIMIT_MAX);
    }
    if args.has("after") {
        after = args.text("after", 0, NAME_SIZE_BYTES_MAX);
    }
    let mut more = false;
    let mut out = Out::new();
    out.object().name("totals").array();
    for (name, total) in covey::scan(TOTALS, b"", after) {
        more = left == 0;
        if more {
            break;
        }
        left -= 1;
        out.object().name("name").text(name);
        out.name("total").int(covey::counter(total)).end_object();
    }
    out.end_array().name("more").boolean(more).end_object().done();
}
