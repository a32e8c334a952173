"""
Generation of RSA keys. OpenSSL searches for primes from 10 ms (1024 bits) to seconds (4096 bits) and cannot
pause, so it runs on a thread. The guest holds a ticket and polls until the key is ready. `keys.py` charges
the cost before the search begins.
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
"""Public exponents for which `cryptography` generates keys."""

THREADS_MAX: Final = 2
"""Concurrent generations; further ones wait for one of these to finish."""

ORDERS_MAX: Final = 1024
"""
Valid tickets at a time. Beyond that the least recently used one is dropped, those whose generation has not
begun first.
"""


class Maker:
    """Generates the RSA keys of all sandboxes of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: OrderedDict[str, _Order] = OrderedDict()
        self._threads = 0

    def order(self, bits: int, exponent: int) -> str:
        """Return an unguessable ticket for a key, whose generation `collect` starts. Raises Refused."""
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
        Return the key of *ticket*, which ends the ticket, or None if it is not ready after
        *patience_seconds*. Raises Refused for a ticket that is not valid or no longer valid.
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
        except RuntimeError:  # the system is out of threads; the next `collect` tries again
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
