"""
RSA keys in the making. OpenSSL looks for primes from ten milliseconds (1024 bits) to seconds (4096) and cannot be told
to pause, so it does that on a thread, other threads going on meanwhile; a guest holds a ticket and asks for the key
until it is there. What a key costs is charged before the search begins: see `keys.py`.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa

from headgate_runtime.keyforms import RSA_PRIVATE_BITS_MAX, Refused, out_of_range

RSA_MADE_BITS_MIN: Final = 1024
RSA_MADE_BITS_MAX: Final = RSA_PRIVATE_BITS_MAX

EXPONENTS: Final = (3, 65537)
"""Public exponents that OpenSSL, as `cryptography` offers it, makes keys for."""

THREADS_MAX: Final = 2
"""Keys in the making at once; others begin when one of these is done."""

ORDERS_MAX: Final = 1024
"""Tickets that are good at once. One whose key is not begun goes first, of those the one asked for longest ago."""


class Maker:
    """Makes keys, for all sandboxes of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: OrderedDict[str, _Order] = OrderedDict()
        self._threads = 0

    def order(self, bits: int, exponent: int) -> str:
        """A ticket, which nobody else can guess, for a key that `collect` begins. Raises Refused."""
        if not RSA_MADE_BITS_MIN <= bits <= RSA_MADE_BITS_MAX:
            sizes = f"{RSA_MADE_BITS_MIN} to {RSA_MADE_BITS_MAX} bits"
            raise out_of_range(f"RSA keys of {bits} bits are not made, only of {sizes}")
        if exponent not in EXPONENTS:
            known = " and ".join(str(each) for each in EXPONENTS)
            raise out_of_range(
                f"RSA keys with the public exponent {exponent} are not made, only with {known}"
            )
        ticket = secrets.token_hex(16)
        with self._lock:
            self._orders[ticket] = _Order(bits, exponent)
            if len(self._orders) > ORDERS_MAX:
                idle = (each for each, order in self._orders.items() if order.waits and each != ticket)
                self._orders.pop(next(idle, next(iter(self._orders))))
        return ticket

    def collect(self, ticket: str, patience_seconds: float) -> rsa.RSAPrivateKey | None:
        """
        The key that *ticket* is for, once; None while it is not ready, after waiting for so long at most. Raises Refused
        for a ticket that is not good, or is no longer.
        """
        with self._lock:
            order = self._orders.get(ticket)
            if order is None:
                raise Refused("ERR_CRYPTO_OPERATION_FAILED", "too many RSA keys are being made at once")
            self._orders.move_to_end(ticket)
            if order.waits and self._threads < THREADS_MAX:
                self._begin(order)
        if not order.ready.wait(patience_seconds):
            return None
        with self._lock:
            self._orders.pop(ticket, None)
        if order.key is None:
            raise Refused("ERR_CRYPTO_OPERATION_FAILED", "the RSA key could not be made")
        return order.key

    def _begin(self, order: _Order) -> None:
        try:
            threading.Thread(target=self._make, args=(order,), name="headgate-rsa").start()
        except RuntimeError:  # the system has no thread to spare now; perhaps when somebody asks again
            return
        order.waits = False
        self._threads += 1

    def _make(self, order: _Order) -> None:
        try:
            order.key = rsa.generate_private_key(order.exponent, order.bits)
        finally:
            with self._lock:
                self._threads -= 1
            order.ready.set()


class _Order:
    __slots__ = ("bits", "exponent", "key", "ready", "waits")

    def __init__(self, bits: int, exponent: int) -> None:
        self.bits = bits
        self.exponent = exponent
        self.waits = True
        self.ready = threading.Event()
        self.key: rsa.RSAPrivateKey | None = None
