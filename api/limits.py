"""The bounds of what one request may ask for, in one place."""

MAX_BODY_BYTES = 1_048_576
"""Largest JSON body; a spec of a hundred terms is under 20 kB."""

QUICK_BODY_BYTES = 16_384
"""A JSON body so small that it is decoded without a thread, and the largest that a stranger may send."""

MAX_JSON_DEPTH = 32
"""Deepest nesting of a JSON body; a spec needs eight."""

MAX_INTEGER = 2**63 - 1
"""Largest integer of a JSON body, in either direction: what both databases can hold."""

BODY_SECONDS = 30.0
"""How long a client may take to send its body."""

FAILURES_PER_SECOND, FAILURES_AT_ONCE = 1.0, 50
"""Wrong keys that one address may send; beyond that it is not listened to for a while."""

PAGE_DEFAULT = 20
PAGE_MAX = 100

EVENTS_DEFAULT = 100
EVENTS_MAX = 1000

POINTS_DEFAULT = 1000
POINTS_MAX = 5000

POLL_SECONDS = 0.25
"""How often the events of watched jobs are looked for: one query, however many watch."""

HEARTBEAT_SECONDS = 15.0
"""Longest silence of a stream; proxies close what is silent for longer, commonly after 60 s."""

STREAM_BATCH = 200
"""Events that a stream reads or sends at once."""

STREAMS_MAX = 2000
"""Streams one process serves; the next one is told to come back."""

TAIL_EVENTS = 500
"""Recent events kept in memory for each watched job; a slower reader goes back to the database."""

CHUNK_BYTES = 1_048_576

PRESIGNED_SECONDS = 300
"""Life of a redirect to object storage; the download must begin within it."""

SESSION_SECONDS = 12 * 3600
"""Life of a dashboard session."""

STOP_SECONDS = 5
"""How long shutdown waits for requests in flight."""

WEBHOOK_SECONDS = 15.0
"""How long an endpoint may take to answer a webhook."""

WEBHOOK_POLL_SECONDS = 1.0
"""How often webhooks that are due are looked for."""

WEBHOOKS_AT_ONCE = 20
"""Webhooks that one process sends at the same time."""

STUDY_POLL_SECONDS = 1.0
"""How often studies that something has happened to are looked for."""

MONITOR_POLL_SECONDS = 2.0
"""How often monitors that are due are looked for."""

PART_BYTES_MIN, PART_BYTES, PART_BYTES_MAX = 1024**2, 16 * 1024**2, 256 * 1024**2
"""Bytes of an upload's parts: the least (but for a file that is smaller), the usual and the most."""

SILENCE_SECONDS = 30.0
"""How long the sender of a part may say nothing."""

SLOWEST_BYTES_PER_SECOND = 16_000
"""How slowly a part may come on the whole, after a minute's grace."""

PARTS_AT_ONCE = 64
"""Parts that one process takes at the same time."""
