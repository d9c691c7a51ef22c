/* probe: every function of the SDK, in C. */
#include "covey.h"

#define THINGS CV_TEXT("things")
#define COUNTS CV_TEXT("counts")
#define GONE CV_TEXT("gone")

CV_EXPORT(everything) void everything(void) {
    const cv_json *args = cv_args("key value list flag message signature signer");
    cv_bytes key = cv_arg_string(args, "key", 1, 64);
    cv_bytes value = cv_arg_hex(args, "value", 4), found;
    cv_bytes message = cv_arg_string(args, "message", 0, 1000);
    cv_bytes signature = cv_arg_hex(args, "signature", 64), signer = cv_arg_hex(args, "signer", 32);
    uint8_t device[32], context[36], drawn[8];
    covey_device(device);
    covey_context(context);
    covey_random(drawn, 8);
    cv_log("probe");
    cv_put(THINGS, cv_join(cv_member(), key), value);
    cv_put(THINGS, GONE, message);
    bool there = cv_has(THINGS, GONE);
    cv_delete(THINGS, GONE);
    cv_add(COUNTS, key, -3);
    cv_emit("touched", key);

    cv_out_object();
    cv_out_name("member"), cv_out_did(cv_member());
    cv_out_name("device"), cv_out_hex(cv_view(device, 32));
    cv_out_name("context"), cv_out_hex(cv_view(context, 36));
    cv_out_name("time"), cv_out_int(covey_time());
    cv_out_name("random"), cv_out_hex(cv_view(drawn, 8));
    cv_out_name("there"), cv_out_bool(there);
    cv_out_name("gone"), cv_out_bool(!cv_has(THINGS, GONE));
    cv_out_name("count"), cv_get(COUNTS, key, &found), cv_out_int(cv_counter(found));
    cv_out_name("sha256"), cv_out_hex(cv_sha256(message));
    bool verified = covey_verify(signature.ptr, signer.ptr, message.ptr, message.len) == 1;
    cv_out_name("verified"), cv_out_bool(verified);
    cv_out_name("flag"), cv_out_bool(cv_arg_bool(args, "flag"));
    cv_out_name("characters"), cv_out_int(cv_utf8_count(message));
    cv_out_name("elements"), cv_out_array();
    const cv_json *list = cv_arg_array(args, "list", 1, 8);
    for (const cv_json *element = list->first; element; element = element->next)
        if (element->kind == CV_INT) cv_out_int(element->integer);
        else cv_out_null();
    cv_out_end_array();
    cv_out_name("things"), cv_out_array();
    cv_scan scan = cv_scan_open(THINGS, cv_member(), CV_NONE);
    cv_bytes at;
    while (cv_scan_next(&scan, &at, &found)) cv_out_hex(cv_join(at, found));
    cv_out_end_array();
    cv_out_end_object();
    cv_out_done();
}
