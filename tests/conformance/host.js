// What test262 asks of its host (its INTERPRETING.md), as far as one sandbox can give it: other realms and agents it
// cannot. Evaluated before the harness. Nothing here may be felt by a test that tampers with prototypes.
{
  let printed
  const transfer = ArrayBuffer.prototype.transfer
  const call = Function.prototype.call.bind(Function.prototype.call)
  const evaluate = eval
  const define = (name, value) =>
    Object.defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true })

  define('print', (message) => {
    printed ??= `${message}`
  })
  define('$262', {
    global: globalThis,
    detachArrayBuffer(buffer) {
      call(transfer, buffer)
      return null
    },
    evalScript: (text) => evaluate(text),
    gc() {},
    // Ours: how the runner gets what was printed.
    told() {
      throw printed ?? 'nothing was printed'
    },
  })
}
