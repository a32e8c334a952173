// A function from interface definitions (survey_idl.mjs) to what the global scope has otherwise: { TEST: MESSAGE }. The
// checks are those that Web IDL implies for every interface.
(interfaces) => {
  const failures = {}
  const check = (test, verify) => {
    try {
      verify()
    } catch (error) {
      failures[test] = String(error && error.message)
    }
  }
  const expect = (what, found, wanted) => {
    if (!Object.is(found, wanted)) throw new Error(`${what} is ${String(found)}, not ${String(wanted)}`)
  }
  const expectTypeError = (what, run) => {
    try {
      const result = run()
      // What gives a promise fails by its promise.
      if (result instanceof Promise) {
        result.catch(() => {})
        return
      }
    } catch (error) {
      expect(`the error of ${what}`, error instanceof TypeError, true)
      return
    }
    throw new Error(`${what} did not throw`)
  }
  const describe = (holder, name, wanted) => {
    const found = Object.getOwnPropertyDescriptor(holder, name)
    if (found === undefined) throw new Error('there is none')
    for (const key in wanted) expect(key, found[key], wanted[key])
    return found
  }

  for (const [name, { parent, length, members }] of Object.entries(interfaces)) {
    const Interface = globalThis[name]
    check(name, () => {
      const { value } = describe(globalThis, name, { writable: true, configurable: true, enumerable: false })
      expect('typeof', typeof value, 'function')
      expect('name', value.name, name)
      expect('length', value.length, length ?? 0)
      describe(value, 'prototype', { writable: false, configurable: false, enumerable: false })
      describe(value.prototype, 'constructor', { value, writable: true, configurable: true, enumerable: false })
      describe(value.prototype, Symbol.toStringTag, { value: name, writable: false, configurable: true })
      expect('prototype', Object.getPrototypeOf(value.prototype), globalThis[parent ?? 'Object'].prototype)
      expectTypeError('a call without new', () => value())
      if (length === null) expectTypeError('new', () => new value())
      else if (length > 0) expectTypeError('new without arguments', () => new value())
    })
    for (const { kind, name: member, ...facts } of Object.values(members)) {
      check(`${name}.${member}`, () => {
        const [what, place] = kind.split(' ')
        const holder = place === 'static' ? Interface : Interface.prototype
        if (what === 'constant') {
          const fixed = { value: facts.value, writable: false, configurable: false, enumerable: true }
          describe(Interface, member, fixed)
          describe(Interface.prototype, member, fixed)
        } else if (what === 'iterable') {
          const { value } = describe(holder, Symbol.iterator, { writable: true, configurable: true, enumerable: false })
          expect('Symbol.iterator', value, holder.entries)
          for (const method of ['entries', 'keys', 'values', 'forEach']) {
            const found = describe(holder, method, { writable: true, configurable: true, enumerable: true })
            expect('typeof', typeof found.value, 'function')
            expectTypeError(`${method} of another object`, () => found.value.call({}, () => {}))
          }
        } else if (what === 'attribute') {
          const { get, set } = describe(holder, member, { configurable: true, enumerable: true })
          expect('typeof get', typeof get, 'function')
          expect('name of get', get.name, `get ${member}`)
          expect('typeof set', typeof set, facts.readonly ? 'undefined' : 'function')
          if (place !== 'static') expectTypeError('get of another object', () => get.call({}))
        } else {
          const { value } = describe(holder, member, { writable: true, configurable: true, enumerable: true })
          expect('typeof', typeof value, 'function')
          expect('name', value.name, member)
          expect('length', value.length, facts.length)
          if (place !== 'static') expectTypeError('a call on another object', () => value.call({}))
        }
      })
    }
  }
  return failures
}
