// js-libp2p needs Node 22 for one function; 20 has everything else.

Promise.withResolvers ??= function () {
  let resolve, reject
  const promise = new Promise((...settle) => { [resolve, reject] = settle })
  return { promise, resolve, reject }
}
