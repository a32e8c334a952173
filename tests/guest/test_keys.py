"""Public and private keys of `crypto` in a real sandbox: against Node's recorded answers, and as functions use them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from headgate_runtime import Record, ReplayError, replay
from tests.stage import TRACK, Stage, track, value

if TYPE_CHECKING:
    from tests.guest.evaluate import Evaluate

VECTORS = json.loads(Path(__file__).with_name("key-vectors.json").read_text())

FUEL = 100_000_000_000


def test_answers_are_those_of_node(evaluate: Evaluate) -> None:
    cases = VECTORS["cases"]
    expressions = ",".join(f"outcome(() => ({code}))" for code, _ in cases)
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
    text = VECTORS["preamble"].partition("const K=")[2]
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


def test_patched_builtins_do_not_see_keys(evaluate: Evaluate) -> None:
    code = f"""
    const key = {json.dumps(vector_key("ed", "priv"))}
    crypto.sign(null, Buffer.from('a'), key)
    const seen = []
    for (const [object, name] of [[JSON, 'stringify'], [JSON, 'parse'], [Array.prototype, 'slice'], [Reflect, 'apply']]) {{
      const original = object[name]
      object[name] = function (...given) {{ seen.push(name); return original.apply(this, given) }}
    }}
    crypto.sign(null, Buffer.from('a'), key)
    return seen
    """

    assert evaluate(code).value == []
