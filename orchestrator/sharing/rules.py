"""The times by which processes share a limit. All of them must go by the same."""

SLOT_S = 0.5
"""What was granted within such a time leaves a window together."""
HOLD_S = 1.0
"""How long what was granted may lie about before it is used; it counts for that much longer.

Longer than an exchange may take, and a loop that is busy with all that wait for it."""
MEMBER_S = 3.0
"""A process that was not heard of for so long takes part no more."""
LEASE_S = 5.0
"""What such a process held is free again after this."""
SETTLE_S = 2.5
"""Longer than the longest pause between two tries to reach a server, and a sign of life."""
RETURN_S = 0.3
"""What is granted beyond the need is used within this time, or comes back.

Who would be refused meanwhile waits for it before it is."""
PART = 4
"""Beyond the need, a process gets at most this part of its share of what is left."""
