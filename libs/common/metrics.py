"""The figures that every process shows at /metrics; one module, so that names stay in one hand."""

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("http_requests_total", "answered requests", ["service", "route", "status"])
LATENCY = Histogram(
    "http_request_seconds",
    "time from the first byte of the request to the last of the answer",
    ["service", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
BATCH_SIZE = Histogram(
    "operation_batch_items", "items in one transaction", ["operation"], buckets=(1, 2, 5, 10, 25, 50, 100, 250, 1000)
)
REFUSED_FULL = Counter("operation_queue_full_total", "requests refused because the queue was full", ["operation"])
RELAYED = Counter("outbox_published_total", "events carried to the bus", ["service"])
OUTBOX_OLDEST = Gauge("outbox_oldest_seconds", "age of the oldest unpublished event", ["service"])
CONSUMED = Counter("consumer_events_total", "events by outcome", ["consumer", "outcome"])
TIMERS_FIRED = Counter("timers_fired_total", "timers that came due", ["service"])
TIMER_LATENESS = Histogram(
    "timer_lateness_seconds", "how late a timer fired", ["service"], buckets=(0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300)
)
DELIVERY_ATTEMPTS = Counter("delivery_attempts_total", "attempts to tell a person", ["channel", "outcome", "error"])
LOOP_FAILURES = Counter("loop_failures_total", "background loops that failed and were started again", ["loop"])
