"""Public and private keys of `crypto` in a real sandbox: against Node's recorded answers, and as functions use them."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from headgate_runtime import Limits, Record, ReplayError, replay
from tests.stage import TRACK, Stage, track, value

if TYPE_CHECKING:
    from tests.guest.evaluate import Evaluate

VECTORS = json.loads(Path(__file__).with_name("key-vectors.json").read_text())

FUEL = 100_000_000_000


@pytest.mark.parametrize("section", ["cases", "web"])
def test_answers_are_those_of_node(evaluate: Evaluate, section: str) -> None:
    cases = VECTORS[section]
    expressions = ",".join(f"await later(() => ({code}))" for code, _ in cases)
    result = evaluate(f"{VECTORS['preamble']} return [{expressions}]", fuel=FUEL)

    assert result.thrown is None, result.thrown
    wrong = [(code, want, got) for (code, want), got in zip(cases, result.value, strict=True) if want != got]
    assert wrong == []


PEM = "{publicKeyEncoding: {type: 'spki', format: 'pem'}, privateKeyEncoding: {type: 'pkcs8', format: 'pem'}}"

SIGNER = """
async function onTrack(event, settings) {
  const made = crypto.createSign('sha256').update('hello').sign(settings.privateKey, 'base64')
  event.properties.isGenuine = crypto.createVerify('sha256').update('hello').verify(settings.privateKey, made, 'base64')
  event.properties.signature = made
  return event
}
"""


@pytest.fixture(scope="module")
def curve_key(evaluate: Evaluate) -> str:
    """A private key of P-256, PEM."""
    code = f"return crypto.generateKeyPairSync('ec', {{namedCurve: 'P-256', ...{PEM}}}).privateKey"
    return str(evaluate(code).value)


@pytest.mark.parametrize("isolation", ["warm", "hermetic"])
def test_a_function_signs_with_a_key_from_its_settings(run: Stage, isolation: Any, curve_key: str) -> None:
    outcomes = [run(SIGNER, TRACK, {"privateKey": curve_key}, isolation=isolation) for _ in range(3)]
    properties = [value(outcome)["properties"] for outcome in outcomes]

    assert [each["isGenuine"] for each in properties] == [True] * 3
    assert len({each["signature"] for each in properties}) == 3


def test_what_was_signed_by_chance_replays_to_the_byte(run: Stage, curve_key: str) -> None:
    source = (
        SIGNER
        + f"""
    async function onPage(event) {{
      await new Promise((resolve) => setTimeout(resolve, 1))
      event.made = crypto.generateKeyPairSync('ed25519', {PEM})
      return event
    }}
    """
    )
    image = run.image(source)
    for event in (TRACK, {**TRACK, "type": "page"}):
        outcome = run(source, event, {"privateKey": curve_key}, record=True)
        assert outcome.record is not None
        again = replay(Record.loads(outcome.record.dumps()), image)

        assert not isinstance(again, list)
        assert (again.output, again.fuel) == (outcome.output, outcome.fuel)


def test_a_record_does_not_show_what_it_holds(run: Stage, curve_key: str) -> None:
    outcome = run(SIGNER, TRACK, {"privateKey": curve_key}, record=True)

    assert outcome.record is not None
    assert len(outcome.record.keys) > 0
    assert "PRIVATE" not in repr(outcome.record)


def test_a_record_that_lacks_an_answer_is_refused(run: Stage, curve_key: str) -> None:
    outcome = run(SIGNER, TRACK, {"privateKey": curve_key}, record=True)
    assert outcome.record is not None

    with pytest.raises(ReplayError, match="asks for keys more often than recorded"):
        replay(outcome.record._replace(keys=outcome.record.keys[:1]), run.image(SIGNER))


def test_only_a_top_level_that_depends_on_chance_is_put_off(run: Stage) -> None:
    public = VECTORS["cases"] and json.dumps(vector_key("rsa", "pub"))
    private = json.dumps(vector_key("rsa", "priv"))
    handler = "function onTrack(event) { event.made = made; return event }"

    reads = f"const made = crypto.createPublicKey({public}).asymmetricKeyType\n{handler}"
    signs = f"const made = crypto.createSign('sha256').update('x').sign({private}, 'hex')\n{handler}"
    makes = f"const made = crypto.generateKeyPairSync('ed25519', {PEM}).publicKey\n{handler}"

    assert [run.image(source).deferred for source in (reads, signs, makes)] == [False, False, True]
    assert value(run(reads))["made"] == "rsa"
    assert value(run(makes, isolation="hermetic"))["made"] != value(run(makes))["made"]


def vector_key(name: str, form: str) -> str:
    """A key of the recording."""
    text = VECTORS["preamble"].partition("const K = ")[2]
    keys: dict[str, dict[str, str]] = json.JSONDecoder().raw_decode(text)[0]
    return keys[name][form]


def test_host_work_costs_fuel(run: Stage) -> None:
    source = """
    const key = crypto.createPrivateKey(KEY)
    function onTrack(event) {
      for (let i = 0; i < event.properties.count; i++) crypto.sign('sha256', 'x', key)
      return event
    }
    """.replace("KEY", json.dumps(vector_key("rsa", "priv")))
    run(source, track(count=1))
    one, three = (run(source, track(count=count)).fuel for count in (1, 3))

    assert 20_000_000 < three - one < 30_000_000


def test_endless_work_with_keys_ends_at_the_limits(run: Stage) -> None:
    source = """
    const key = crypto.createPrivateKey(KEY)
    function onTrack(event) { for (;;) crypto.sign('sha256', 'x', key) }
    """.replace("KEY", json.dumps(vector_key("rsa", "priv")))

    exhausted = run(source, fuel=100_000_000)
    assert (exhausted.outcome, exhausted.fuel) == ("retry", 100_000_000)
    late = run(source, fuel=10**15, time_ms=50)
    assert late.outcome == "retry"
    assert late.wall_ms < 1000


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("crypto.generateKeyPairSync('rsa', {modulusLength: 8192})", "RSA keys of 8192 bits are not made"),
        (
            "crypto.generateKeyPairSync('rsa', {modulusLength: 2048, publicExponent: 17})",
            "exponent 17 are not made",
        ),
        ("crypto.generateKeyPairSync('dsa', {modulusLength: 2048})", "Keys of type 'dsa' are not made"),
        ("crypto.createDiffieHellman(512)", "Primes for Diffie-Hellman are not searched for"),
        ("crypto.createDiffieHellman(Buffer.alloc(1025, 255))", "<= 8192 bits"),
        ("new crypto.X509Certificate('x')", "Certificates are not read"),
        ("crypto.sign(null, Buffer.alloc(2 ** 21), ED)", "more than 1048576 bytes"),
        ("crypto.createPrivateKey('x'.repeat(20000))", "keys of more than 16384 bytes are not read"),
    ],
)
def test_what_would_take_long_is_refused(evaluate: Evaluate, code: str, message: str) -> None:
    result = evaluate(f"const ED = {json.dumps(vector_key('ed', 'priv'))}; return {code}")

    assert result.thrown is not None
    assert message in result.thrown.message


MAKES_RSA = """
async function onTrack(event) {
  const { publicKey, privateKey } = await subtle.generateKey(
    { name: 'RSA-PSS', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
    true, ['sign', 'verify'])
  const proof = await subtle.sign({ name: 'RSA-PSS', saltLength: 8 }, privateKey, Buffer.from('x'))
  event.properties.isGenuine = await subtle.verify({ name: 'RSA-PSS', saltLength: 8 }, publicKey, proof, Buffer.from('x'))
  event.properties.key = await subtle.exportKey('jwk', privateKey)
  return event
}
async function onPage(event) {
  const options = { modulusLength: 1024 }
  event.made = await new Promise((resolve, reject) => crypto.generateKeyPair('rsa', options, (error, _, key) =>
    error ? reject(error) : resolve(key.export({ format: 'jwk' }))))
  return event
}
function onScreen(event) {
  event.made = crypto.generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({ format: 'jwk' })
  const mine = crypto.getDiffieHellman('modp14')
  event.agreed = [mine.generateKeys('hex'), mine.computeSecret(Buffer.from([2]), null, 'hex')]
  return event
}
const { subtle } = crypto
"""


@pytest.mark.parametrize("isolation", ["warm", "hermetic"])
@pytest.mark.parametrize("kind", ["track", "page", "screen"])
def test_a_made_rsa_key_replays_to_the_byte(run: Stage, isolation: Any, kind: str) -> None:
    outcome = run(MAKES_RSA, {**TRACK, "type": kind}, isolation=isolation, record=True, fuel=FUEL)
    made = value(outcome)
    assert outcome.record is not None
    again = replay(Record.loads(outcome.record.dumps()), run.image(MAKES_RSA))

    assert made["properties"].get("isGenuine", True)
    assert not isinstance(again, list)
    assert (again.output, again.fuel) == (outcome.output, outcome.fuel)
    other = value(run(MAKES_RSA, {**TRACK, "type": kind}, isolation=isolation, fuel=FUEL))
    assert other != made


def test_a_large_rsa_key_is_made_within_the_default_limits(run: Stage) -> None:
    source = """
    function onTrack(event) {
      event.size = crypto.generateKeyPairSync('rsa', { modulusLength: 4096 }).privateKey.asymmetricKeyDetails.modulusLength
      return event
    }
    """
    outcome = run(source, fuel=Limits().fuel, time_ms=60_000)

    assert value(outcome)["size"] == 4096
    assert outcome.fuel > 9_000_000_000


def test_whoever_cannot_pay_for_an_rsa_key_has_none_made(run: Stage) -> None:
    source = """
    async function onTrack(event) {
      await new Promise((resolve) => crypto.generateKeyPair('rsa', { modulusLength: 4096 }, resolve))
      return event
    }
    """
    before = set(threading.enumerate())
    outcome = run(source, fuel=1_000_000_000)

    assert (outcome.outcome, outcome.fuel) == ("retry", 1_000_000_000)
    assert set(threading.enumerate()) <= before


def test_others_go_on_while_an_rsa_key_is_waited_for(run: Stage) -> None:
    source = """
    function onTrack(event) {
      event.made = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.type
      return event
    }
    """
    slow = run.function(source, tenant="slow", fuel=FUEL)
    quick = run.function("function onTrack(event) { return event }", tenant="quick")

    async def race() -> int:
        making = asyncio.ensure_future(run.executor.invoke(slow, TRACK))
        turns = 0
        while not making.done():
            await run.executor.invoke(quick, TRACK)
            turns += 1
            await asyncio.sleep(0)
        assert value(await making)["made"] == "private"
        return turns

    assert run.loop.run(race()) > 50


def test_what_is_wrong_with_a_made_key_is_told_to_the_callback(evaluate: Evaluate) -> None:
    code = """
    const options = { modulusLength: 1024, publicKeyEncoding: { type: 'sec1', format: 'pem' } }
    return new Promise((resolve) => crypto.generateKeyPair('rsa', options, (error) => resolve(error.code)))
    """
    assert evaluate(code, fuel=FUEL).value == "ERR_INVALID_ARG_VALUE"


def test_endless_waiting_for_rsa_keys_ends_at_the_limits(run: Stage) -> None:
    source = """
    async function onTrack(event) {
      for (;;) await new Promise((resolve) => crypto.generateKeyPair('rsa', { modulusLength: 1024 }, resolve))
    }
    function onPage(event) {
      const found = []
      for (;;) found.push(crypto.createDiffieHellman(crypto.getDiffieHellman('modp18').getPrime()).verifyError)
    }
    """
    for kind in ("track", "page"):
        late = run(source, {**TRACK, "type": kind}, fuel=10**15, time_ms=100)
        assert late.outcome == "retry"
        assert late.wall_ms < 1500


def test_an_rsa_key_of_the_top_level_is_not_shared(run: Stage) -> None:
    source = """
    const made = crypto.generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' }).n
    function onTrack(event) { event.made = made; return event }
    """
    assert run.image(source, fuel=FUEL).deferred
    first, second = (value(run(source, isolation="hermetic", fuel=FUEL))["made"] for _ in range(2))
    assert first != second


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("modulusLength: 8192, publicExponent: new Uint8Array([3])", "RSA keys of 8192 bits are not made"),
        ("modulusLength: 512, publicExponent: new Uint8Array([3])", "RSA keys of 512 bits are not made"),
        ("modulusLength: 4294967295, publicExponent: new Uint8Array([3])", "4294967295 bits are not made"),
        ("modulusLength: 2048, publicExponent: new Uint8Array([17])", "exponent 17 are not made"),
        ("modulusLength: 2048, publicExponent: new Uint8Array([])", "exponent 0 are not made"),
    ],
)
def test_absurd_rsa_keys_are_operation_errors_with_a_reason(
    evaluate: Evaluate, code: str, reason: str
) -> None:
    asked = f"{{ name: 'RSA-PSS', hash: 'SHA-1', {code} }}"
    result = evaluate(f"return crypto.subtle.generateKey({asked}, true, ['sign']).catch((error) => "
                      "[error.name, error.cause.message])")  # fmt: skip

    assert result.thrown is None
    assert result.value[0] == "OperationError"
    assert reason in result.value[1]


@pytest.mark.parametrize(
    "code",
    [
        "crypto.createDiffieHellman(Buffer.alloc(512, 255), Buffer.alloc(512, 254)).generateKeys()",
        "crypto.createDiffieHellman(Buffer.alloc(64), 2)",
        "crypto.createDiffieHellman(Buffer.from([1]), 2)",
        "crypto.createDiffieHellman(Buffer.alloc(128, 254), 2).generateKeys()",
        "crypto.createDiffieHellman(Buffer.from([4])).verifyError",
        "crypto.createDiffieHellman(Buffer.from([2])).verifyError",
        "crypto.createDiffieHellman('f'.repeat(128), 'hex').setPrivateKey(Buffer.alloc(1024, 255)).generateKeys()",
        "crypto.createDiffieHellman('f'.repeat(128), 'hex').setPrivateKey(Buffer.alloc(1025, 255))",
        "crypto.createDiffieHellman(2 ** 40)",
        "crypto.createDiffieHellman(-5)",
        "crypto.createECDH('prime256v1').setPrivateKey(Buffer.alloc(100000, 1))",
        "crypto.ECDH.convertKey(Buffer.alloc(100000, 4), 'prime256v1')",
        "crypto.subtle.importKey('raw', Buffer.alloc(100000, 4), { name: 'ECDH', namedCurve: 'P-256' }, true, [])",
        "crypto.subtle.importKey('spki', Buffer.alloc(100000, 4), 'Ed25519', true, [])",
        "crypto.subtle.importKey('jwk', { kty: 'RSA', n: 'x'.repeat(90000), e: 'AQAB' }, { name: 'RSA-PSS', hash: 'SHA-1' }, true, [])",
        "crypto.subtle.importKey('jwk', new Proxy({}, { get: () => 'EC' }), { name: 'ECDH', namedCurve: 'P-256' }, true, [])",
        "crypto.subtle.importKey('raw', Buffer.alloc(32), 'Ed25519', true, { [Symbol.iterator]: () => ({ next: () => 5 }) })",
        "crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-1', length: 4294967288 }, true, ['sign'])",
        "crypto.subtle.sign({ get name() { throw new Error('mine') } }, KEY, Buffer.alloc(1))",
    ],
)
def test_absurd_arguments_end_in_an_answer_or_an_error(evaluate: Evaluate, code: str) -> None:
    key = json.dumps(vector_key("ed", "pkcs8"))
    code = code.replace(
        "KEY", f"await crypto.subtle.importKey('pkcs8', Buffer.from({key}, 'hex'), 'Ed25519', true, ['sign'])"
    )
    result = evaluate(f"try {{ return typeof (await ({code})) }} catch (error) {{ return error instanceof Error }}",
                      fuel=2 * FUEL)  # fmt: skip

    assert result.thrown is None
    assert result.value in (True, "object", "string", "number")


PATCHED = """
const seen = []
let isLooking = false
const { isView } = ArrayBuffer, { stringify } = JSON, { from } = Buffer
const text = Function.prototype.call.bind(Buffer.prototype.toString)
const shown = (value) => isView(value) ? text(from(value.buffer), 'base64') : stringify(value) + String(value)
function look(name, given) {
  if (isLooking) return
  isLooking = true
  try { if (stringify(Array.from(given, shown)).includes(SECRET)) seen.push(name) } catch {}
  isLooking = false
}
function watch(object, ...names) {
  for (const name of names) {
    const { value, get } = Object.getOwnPropertyDescriptor(object, name)
    const replaced = function (...given) {
      look(String(name), [this, ...given])
      return (value ?? get).call(this, ...given)
    }
    Object.defineProperty(object, name, typeof value === 'function' ? { value: replaced } : { get: replaced })
  }
}
const iterator = Array.prototype[Symbol.iterator]
watch(JSON, 'stringify', 'parse')
watch(Promise.prototype, 'then')
watch(Reflect, 'apply', 'construct', 'ownKeys')
watch(Object.getPrototypeOf(Uint8Array.prototype), 'slice', 'subarray', 'set')
watch(Buffer.prototype, 'toString', 'slice')
watch(Array.prototype, 'slice', 'push', 'includes', 'join')
const MARKS = ['0', '1', 'then', 'der', 'held', 'privateKey']
for (const name of MARKS) {
  const set = (value) => look('set ' + name, [value])
  Object.defineProperty(Object.prototype, name, { configurable: true, set, get() { look('get ' + name, [this]) } })
}
Array.prototype[Symbol.iterator] = function () { look('iterator', [this]); return iterator.call(this) }
"""


def test_patched_builtins_do_not_see_keys(evaluate: Evaluate) -> None:
    pem = vector_key("ed", "priv")
    code = f"""
    const key = {json.dumps(pem)}, der = Buffer.from({json.dumps(vector_key("ed", "pkcs8"))}, 'hex')
    const SECRET = {json.dumps(pem.splitlines()[1][:40])}
    const {{ subtle }} = crypto
    const privateKey = await subtle.importKey('pkcs8', der, 'Ed25519', false, ['sign'])
    {PATCHED}
    crypto.sign(null, Buffer.from('a'), crypto.createPrivateKey(key))
    const proof = await subtle.sign('Ed25519', privateKey, Buffer.from('a'))
    for (const name of ['0', '1']) delete Object.prototype[name] // usages break by them, which are no secret
    await subtle.generateKey('Ed25519', false, ['sign'])
    const made = seen.splice(0)
    JSON.stringify({{ key }}), Buffer.prototype.toString.call(der)
    for (const name of MARKS) delete Object.prototype[name]
    return [made, seen, proof.byteLength]
    """
    result = evaluate(code)

    assert result.thrown is None, result.thrown
    assert result.value == [[], ["iterator", "stringify", "iterator", "toString"], 64]
