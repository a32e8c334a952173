"""Secrets are sealed to their place, and nothing on disk but the key tells them."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.registry import destinations, instances, lifecycle, secrets
from headgate.registry.errors import KeyUnavailable
from headgate.registry.records import SYSTEM
from headgate.registry.rotation import rotate
from headgate.registry.secrets import Keyring, Place, Undecryptable
from headgate.registry.snapshot_store import SnapshotStore
from headgate.registry.store import Registry
from headgate_runtime import SystemEntropy
from tests.headgate.registry.harness import (
    SECRET,
    RegistryHarness,
    SeededEntropy,
    bytes_below,
    definition,
    open_registry,
)

PLACE = Place("instances", "row", "field")
ENTROPY = SystemEntropy()
KEY, OTHER = bytes(range(32)), bytes(32)


def encoded(*keys: bytes) -> str:
    return ",".join(base64.b64encode(key).decode() for key in keys)


@given(st.binary(max_size=100))
def test_what_is_sealed_opens_with_its_key_at_its_place(plaintext: bytes) -> None:
    ring = Keyring([KEY])
    sealed = ring.seal(secrets.key_id(KEY), plaintext, PLACE, ENTROPY)

    assert ring.open(sealed, PLACE) == plaintext
    assert secrets.sealed_with(sealed) == secrets.key_id(KEY)
    assert Keyring([OTHER, KEY]).open(sealed, PLACE) == plaintext


@pytest.mark.parametrize("field", Place._fields)
def test_what_is_sealed_opens_nowhere_else(field: str) -> None:
    ring = Keyring([KEY])
    sealed = ring.seal(secrets.key_id(KEY), b"x", PLACE, ENTROPY)

    with pytest.raises(Undecryptable):
        ring.open(sealed, PLACE._replace(**{field: "other"}))


def test_another_key_opens_nothing() -> None:
    sealed = Keyring([KEY]).seal(secrets.key_id(KEY), b"x", PLACE, ENTROPY)

    with pytest.raises(Undecryptable):
        Keyring([OTHER]).open(sealed, PLACE)


@given(st.integers(0, 8 * (12 + 9 + 16) - 1))
def test_a_bit_that_fell_is_noticed(bit: int) -> None:
    ring = Keyring([KEY])
    head, _, content = ring.seal(secrets.key_id(KEY), b"plaintext", PLACE, ENTROPY).rpartition(".")
    data = bytearray(base64.b64decode(content))
    data[bit // 8] ^= 1 << bit % 8

    with pytest.raises(Undecryptable):
        ring.open(f"{head}.{base64.b64encode(data).decode()}", PLACE)


@given(st.text())
def test_what_was_never_sealed_is_no_secret(text: str) -> None:
    with pytest.raises(Undecryptable):
        Keyring([KEY]).open(text, PLACE)


def test_equal_secrets_look_different() -> None:
    ring, name = Keyring([KEY]), secrets.key_id(KEY)

    assert ring.seal(name, b"x", PLACE, ENTROPY) != ring.seal(name, b"x", PLACE, ENTROPY)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o601])
def test_a_key_that_others_may_read_is_refused(root: Path, registry: Registry, mode: int) -> None:
    registry.close()
    (root / "master.key").chmod(mode)

    with pytest.raises(
        KeyUnavailable, match=rf"master\.key: accessible to other users \(mode 0{mode:o}\); run: chmod 600"
    ):
        open_registry(root)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "contains no key"),
        (b"\xff", "contains no key"),
        (b"c2hvcnQ=\n", "a master key is 32 random bytes in base64"),
        (b"!" * 44, "a master key is 32 random bytes in base64"),
    ],
)
def test_a_key_file_that_holds_none_is_refused(
    root: Path, registry: Registry, content: bytes, message: str
) -> None:
    registry.close()
    (root / "master.key").write_bytes(content)

    with pytest.raises(KeyUnavailable, match=message):
        open_registry(root)


def test_a_key_that_is_missing_is_not_made_anew(root: Path, registry: Registry) -> None:
    registry.close()
    (root / "master.key").unlink()

    with pytest.raises(KeyUnavailable, match=r"master\.key is missing: restore it"):
        open_registry(root)
    assert not (root / "master.key").exists()


def test_another_key_is_told_from_the_one(root: Path, registry: Registry) -> None:
    registry.close()

    with pytest.raises(KeyUnavailable, match="HEADGATE_MASTER_KEY: not the master key that this registry is"):
        open_registry(root, HEADGATE_MASTER_KEY=encoded(OTHER))


def test_with_a_key_in_the_environment_there_is_no_file(root: Path) -> None:
    with open_registry(root, HEADGATE_MASTER_KEY=encoded(KEY)) as registry:
        filled(RegistryHarness(registry))

    assert not (root / "master.key").exists()
    with pytest.raises(KeyUnavailable, match="is missing"):
        open_registry(root)


@pytest.mark.parametrize("key", ["nonsense", encoded(KEY) + ",", encoded(KEY[:31])])
def test_a_key_in_the_environment_that_is_none(root: Path, key: str) -> None:
    with pytest.raises(KeyUnavailable, match=r"^HEADGATE_MASTER_KEY: a master key is 32 random bytes"):
        open_registry(root, HEADGATE_MASTER_KEY=key)


def test_of_two_first_starts_one_makes_the_key(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    secrets.create(path, SeededEntropy("a"))
    first = path.read_bytes()
    secrets.create(path, SeededEntropy("b"))

    assert path.read_bytes() == first
    assert list(tmp_path.iterdir()) == [path]


def filled(harness: RegistryHarness) -> dict[str, str]:
    """Secrets of every kind; the ids of what has them."""
    hook = harness.destination(headers={"Authorization": f"Bearer {SECRET}"}, signing_secret=SECRET)
    function = harness.function(
        definition("key", sensitive=True),
        definition("list", type="ARRAY", sensitive=True),
        definition("later"),
    )
    instance = harness.instance(
        function, hook, settings={"key": SECRET, "list": ["a", SECRET], "later": "plain at first"}
    )
    return {"hook": hook.id, "instance": instance.id, "function": function.id}


def opened(harness: RegistryHarness, ids: dict[str, str]) -> tuple[object, object]:
    return harness.see(destinations.secrets_of, ids["hook"]), harness.see(
        instances.secrets_of, ids["instance"]
    )


SECRETS = (
    {"headers.Authorization": f"Bearer {SECRET}", "signing_secret": SECRET},
    {"key": SECRET, "list": ["a", SECRET]},
)


def test_no_file_tells_a_secret(root: Path, harness: RegistryHarness) -> None:
    ids = filled(harness)
    harness.do(lambda change: instances.modify(change, ids["instance"], settings={"key": SECRET * 2}))

    assert opened(harness, ids)[0] == SECRETS[0]
    assert b"registry.sqlite" not in bytes_below(root)
    assert b"example.com" in bytes_below(root)
    assert SECRET.encode() not in bytes_below(root)
    assert base64.b64encode(SECRET.encode())[:20] not in bytes_below(root)


def test_a_value_that_becomes_a_secret_leaves_no_trace(root: Path, harness: RegistryHarness) -> None:
    ids = filled(harness)
    assert b"plain at first" in bytes_below(root)

    harness.do(
        lambda change: lifecycle.save(
            change, ids["function"], definitions=[definition("later", sensitive=True)]
        )
    )

    assert b"plain at first" not in bytes_below(root)
    found = harness.see(instances.get, ids["instance"])
    assert (found.settings, found.encrypted_settings["later"]) == ({}, "••••••••")


def test_a_new_key_for_everything(root: Path, harness: RegistryHarness) -> None:
    ids = filled(harness)
    before = (root / "master.key").read_bytes()

    done = rotate(harness.registry, SYSTEM)

    after = (root / "master.key").read_bytes()
    assert done.secrets == 2
    assert done.new != done.old
    assert len(after.split()) == 1
    assert after != before
    assert done.old.encode() not in bytes_below(root)
    assert opened(harness, ids) == SECRETS
    with open_registry(root) as again:
        other = RegistryHarness.__new__(RegistryHarness)
        other.registry = again
        assert opened(other, ids) == SECRETS


def test_a_server_goes_on_while_the_key_changes(root: Path, harness: RegistryHarness) -> None:
    ids = filled(harness)
    with open_registry(root) as server:
        store = SnapshotStore(server)
        before = store.load()
        rotate(harness.registry, SYSTEM)
        after = store.load()

        assert after.revision > before.revision
        assert after.destinations[ids["hook"]].settings == before.destinations[ids["hook"]].settings
        with server.change() as change:
            instances.modify(change, ids["instance"], settings={"key": "new"})
    (root / "master.key").chmod(0o600)
    assert harness.see(instances.secrets_of, ids["instance"])["key"] == "new"


def test_keys_of_the_environment_change_over(root: Path) -> None:
    with open_registry(root, HEADGATE_MASTER_KEY=encoded(OTHER)) as registry:
        harness = RegistryHarness(registry)
        ids = filled(harness)
        with pytest.raises(
            KeyUnavailable, match="its first key is the one in use; put the new one before it"
        ):
            rotate(registry, SYSTEM)
    with open_registry(root, HEADGATE_MASTER_KEY=encoded(KEY, OTHER)) as registry:
        rotate(registry, SYSTEM)
    with open_registry(root, HEADGATE_MASTER_KEY=encoded(KEY)) as registry:
        harness.registry = registry
        assert opened(harness, ids) == SECRETS


def test_a_secret_that_does_not_open_stops_the_change_of_keys(root: Path, harness: RegistryHarness) -> None:
    ids = filled(harness)
    damage(harness, ids["instance"])

    with pytest.raises(KeyUnavailable, match=r"instances .*: a secret cannot be decrypted; set it again"):
        rotate(harness.registry, SYSTEM)

    assert harness.see(destinations.secrets_of, ids["hook"]) == SECRETS[0]
    with open_registry(root) as again, again.view() as view:
        assert destinations.secrets_of(view, ids["hook"]) == SECRETS[0]


def damage(harness: RegistryHarness, instance: str) -> None:
    """Swaps the secrets of an instance, as somebody could who may write the file."""
    with harness.registry.change() as change:
        change.connection.exec_driver_sql(
            "UPDATE instances SET encrypted_settings = "
            "json_object('key', encrypted_settings ->> 'list', 'list', encrypted_settings ->> 'key') WHERE id = ?",
            (instance,),
        )
        change.written += 1
