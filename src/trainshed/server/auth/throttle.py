"""Slows down whoever guesses: wrong tries are counted by address, by account, and by both.

A lock-out must not become a weapon. So what is locked is first the pair of address and account;
an account as a whole is only closed to addresses that have never opened it, and for a minute at
most; and a token or key that is right is always let in, since nobody guesses 200 random bits.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict, deque
from collections.abc import Generator
from contextlib import contextmanager

from trainshed.core.clock import Clock
from trainshed.core.errors import Code, TooManyRequests

WINDOW_S = 60.0
# Wrong tries within the window: for one account from one address, from one address, for one account.
PAIR_TRIES, ADDRESS_TRIES, ACCOUNT_TRIES = 5, 30, 50
KEYS_AT_MOST = 20_000

Key = tuple[str, str]


class Throttle:
    """Counts wrong tries in memory; a restart forgets them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[Key, deque[float]] = OrderedDict()
        self._friends: OrderedDict[Key, None] = OrderedDict()

    @contextmanager
    def password_try(self, address: str, account: str) -> Generator[None]:
        """A try to sign in with a password: refused before it costs anything, counted if it fails.

        Raises:
            TooManyRequests: there were too many wrong ones; it says how long to wait.
        """
        self._check(address, account)
        # counted before the password is looked at: tries side by side are tries too
        self._count(_keys(address, account))
        yield
        self._right(address, account)

    def wrong_credential(self, address: str) -> None:
        """A token or signature was wrong.

        Raises:
            TooManyRequests: it was not the first from there.
        """
        key = ("address", address)
        self._count([(key, ADDRESS_TRIES)])
        if wait := self._wait(key, ADDRESS_TRIES + 1):
            raise _too_many(wait)

    def _check(self, address: str, account: str) -> None:
        known = (address, account) in self._friends
        for key, most in _keys(address, account):
            if known and key[0] == "account":
                continue
            if wait := self._wait(key, most):
                raise _too_many(wait)

    def _wait(self, key: Key, most: int) -> float:
        """Seconds until the next try is taken; 0 for at once."""
        now = self._clock.now()
        with self._lock:
            failures = self._failures.get(key)
            while failures and failures[0] <= now - WINDOW_S:
                failures.popleft()
            if not failures or len(failures) < most:
                return 0.0
            return max(1.0, failures[-most] + WINDOW_S - now)

    def _count(self, keys: list[tuple[Key, int]]) -> None:
        now = self._clock.now()
        with self._lock:
            for key, most in keys:
                failures = self._failures.setdefault(key, deque(maxlen=most + 1))
                failures.append(now)
                self._failures.move_to_end(key)
            while len(self._failures) > KEYS_AT_MOST:
                self._failures.popitem(last=False)

    def _right(self, address: str, account: str) -> None:
        """The password was right: the try counts no more, and the address is known from now on."""
        with self._lock:
            self._failures.pop(("pair", f"{address}\n{account}"), None)
            for key, _ in _keys(address, account):
                if failures := self._failures.get(key):
                    failures.pop()
            self._friends[(address, account)] = None
            self._friends.move_to_end((address, account))
            while len(self._friends) > KEYS_AT_MOST:
                self._friends.popitem(last=False)


def _keys(address: str, account: str) -> list[tuple[Key, int]]:
    return [
        (("pair", f"{address}\n{account}"), PAIR_TRIES),
        (("address", address), ADDRESS_TRIES),
        (("account", account), ACCOUNT_TRIES),
    ]


def _too_many(wait: float) -> TooManyRequests:
    seconds = math.ceil(wait)
    message = f"too many wrong tries to sign in: wait {seconds} s, then try again"
    return TooManyRequests(message, code=Code.TOO_MANY_TRIES, retry_after=seconds)
