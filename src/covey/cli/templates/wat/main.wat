;; NAME: a shared count. Everybody's additions count, also those made offline and at the same time.
(module
  (import "covey" "add" (func $add (param i32 i32 i32 i32 i64)))
  (import "covey" "get" (func $get (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "covey" "input" (func $input (param i32 i32) (result i32)))
  (import "covey" "output" (func $output (param i32 i32)))
  (import "covey" "fail" (func $fail (param i32 i32)))

  (memory (export "memory") 1)
  (data (i32.const 0) "counts")                                   ;; the collection
  (data (i32.const 16) "total")                                   ;; the key of its only entry
  (data (i32.const 32) "{}")                                      ;; an empty result
  (data (i32.const 48) "this method takes no arguments: give {}")
  (data (i32.const 128) "{\"total\":")                            ;; 9 bytes, then digits and }
  ;; 192: arguments, 200: the value of the counter, 256: digits are written downwards from here

  ;; A call: it may write. increment {} -> {}
  (func (export "increment")
    (call $require_no_arguments)
    (call $add (i32.const 0) (i32.const 6) (i32.const 16) (i32.const 5) (i64.const 1))
    (call $output (i32.const 32) (i32.const 2)))

  ;; A query: it only reads. total {} -> {"total": number}
  (func (export "total")
    (local $rest i64) (local $at i32) (local $negative i32)
    (call $require_no_arguments)
    ;; A counter reads as 8 bytes, little-endian. If nobody has added to it the bytes stay 0.
    (drop (call $get (i32.const 0) (i32.const 6) (i32.const 16) (i32.const 5)
                     (i32.const 200) (i32.const 8)))
    (local.set $rest (i64.load (i32.const 200)))
    (local.set $negative (i64.lt_s (local.get $rest) (i64.const 0)))
    (if (local.get $negative) (then
      (local.set $rest (i64.sub (i64.const 0) (local.get $rest)))))
    (local.set $at (i32.const 255))
    (i32.store8 (local.get $at) (i32.const 125)) ;; }
    (loop $digits
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at)
        (i32.add (i32.const 48) (i32.wrap_i64 (i64.rem_u (local.get $rest) (i64.const 10)))))
      (local.set $rest (i64.div_u (local.get $rest) (i64.const 10)))
      (br_if $digits (i64.ne (local.get $rest) (i64.const 0))))
    (if (local.get $negative) (then
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at) (i32.const 45)))) ;; -
    ;; Put {"total": before the digits: 8 bytes and 1.
    (local.set $at (i32.sub (local.get $at) (i32.const 9)))
    (i64.store align=1 (local.get $at) (i64.load (i32.const 128)))
    (i32.store8 offset=8 (local.get $at) (i32.load8_u (i32.const 136)))
    (call $output (local.get $at) (i32.sub (i32.const 256) (local.get $at))))

  ;; Only an empty object is accepted: an argument that nobody reads is a mistake of the caller.
  (func $require_no_arguments
    (if (i32.or
          (i32.ne (call $input (i32.const 192) (i32.const 2)) (i32.const 2))
          (i32.ne (i32.load16_u (i32.const 192)) (i32.const 0x7d7b))) ;; {} read little-endian
      (then (call $fail (i32.const 48) (i32.const 39)) unreachable))))
