"""Several logs as one: the union of their entries, in an order that all of them keep.

What a log amounts to does not depend on how the steps of two experts lie between each other (see
`ledger`), so any order that keeps each log's own would do. This one is always the same: of the
entries that may come next, the one with the smallest key. A log is never shortened, so it holds
all that was there when an entry was added; therefore the order of any two is settled by what came
before either, whatever else is joined, and joining is commutative, associative and idempotent to
the last row. (Kahn, Commun. ACM 5 (1962) 558-562, with the smallest first.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from heapq import heappop, heappush

from .model import Entry, K2CError

Key = tuple[str, str, str]


def join(logs: Sequence[Sequence[Entry]]) -> tuple[Entry, ...]:
    """Join logs by the uids of their entries.

    Parameters
    ----------
    logs : sequence of sequence of Entry
        Each in its own order.

    Returns
    -------
    tuple of Entry
        Every entry once, after all that it comes after in any of the logs; what one step holds
        together in its log stays together. The key is when the step began, then its id: the
        clock orders what is read, and decides nothing.

    Raises
    ------
    K2CError
        The logs contradict each other: an entry that says something else, another order.
    """
    entries, key = _united(logs)
    ahead = Counter(entry.uid for log in logs for entry in log)
    chains = [iter(log) for log in logs]
    ready: list[Key] = []

    def following(i: int) -> str:
        """The next entry of a log; it may be taken when all logs that hold it come to it."""
        entry = next(chains[i], None)
        if entry is None:
            return ""
        ahead[entry.uid] -= 1
        if not ahead[entry.uid]:
            heappush(ready, key[entry.uid])
        return entry.uid

    head = [following(i) for i in range(len(chains))]
    joined: list[Entry] = []
    while ready:
        uid = heappop(ready)[-1]
        joined.append(entries[uid])
        for i, at in enumerate(head):
            if at == uid:
                head[i] = following(i)
    if len(joined) < len(entries):
        raise K2CError("they hold the same entries in another order.")
    return tuple(joined)


def _united(logs: Sequence[Sequence[Entry]]) -> tuple[dict[str, Entry], dict[str, Key]]:
    entries: dict[str, Entry] = {}
    key: dict[str, Key] = {}
    for log in logs:
        began: dict[str, str] = {}
        for entry in log:
            if entries.setdefault(entry.uid, entry) != entry:
                raise K2CError(f"entry {entry.uid} says one thing here and another there.")
            key[entry.uid] = (began.setdefault(entry.step, entry.at), entry.step, entry.uid)
    return entries, key
