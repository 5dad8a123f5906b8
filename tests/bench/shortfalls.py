"""What is to be said when an aim is missed: the floor, where the time goes, what would move it."""

from collections.abc import Mapping, Sequence

from tests.evidence.rounds import Spread


def against_pgbench(cost: Mapping[str, float]) -> str:
    """Why a report is not as near to pgbench as it should be; `cost` is processor time a report, in µs, by process."""
    return (
        f"{_where(cost)} pgbench sends prepared statements without HTTP, JSON, tokens or rules, and nothing reads what "
        "it wrote; the floors below say what HTTP alone costs here. Batches already share one transaction among the "
        "reports that wait, so what would move this is processor time a report outside the database: fewer "
        "array parameters to encode, fewer events to read again in relay and consumer, or a second process of the "
        "service on a machine with more cores."
    )


def against_session(cost: Mapping[str, float]) -> str:
    """Why a report is not so many times as fast as the session idiom; `cost` as above."""
    return (
        f"{_where(cost)} The peer spends its time in the unit of work and in one round trip a statement, ours in HTTP, "
        "validation and rules, which the peer has as well, and in relay and consumers, which it has not: its floor is "
        "the empty route below. What would move this is what would move the ratio to pgbench."
    )


def against_alerta(aim: float, rate: float, floor: Spread | None, ours: str, theirs: str) -> str:
    """Why a report is not `aim` times as fast as Alerta at `rate` reports a second.

    `floor` is pgbench ÷ Alerta, `ours` and `theirs` the processor time of one report.
    """
    bare = (
        f"The floor is pgbench, which does nothing but our statements: {floor} × Alerta. "
        if floor
        else "The floor is not known without pgbench. "
    )
    return (
        f"Alerta takes {rate:.0f} reports a second here, so the aim stands for {aim * rate:.0f} a second. {bare}"
        f"Processor time a report, ours: {ours}; Alerta's: {theirs}. Its repeat is one row read and one row counted "
        "up, ours is a new hazard with its number, log entry, deadline, idempotency key and event, which is carried "
        "over the bus, opens an alert and is sent, all within the same cores. What would move this is what would move "
        "the ratio to pgbench: less processor time a report in PostgreSQL and behind the answer."
    )


def woken(flush: float, stages: str, cost: Mapping[str, float]) -> str:
    """Why an alert follows later than it should; `flush` is one flush of the log in ms, `cost` as above."""
    return (
        f"The floor is three flushes of the log after that of the report ({flush:.2f} ms each here) and eleven round "
        f"trips to the database, three of them the relay's. p50 (p99): {stages}. {_where(cost)} At this rate a "
        "transaction holds one or two reports, so every round trip is paid by one report alone, several times what it "
        "costs at full load: what would move this is a core of its own for the consumer, and acknowledging beside the "
        "next poll."
    )


def answered_late(load: str, p50: float, cores: str, cost: str, flush: float, floor: float) -> str:
    """Why reports wait longer than they should under that load.

    `p50`, one `flush` of the log and the `floor` at p99 in ms, `cores` which were busy meanwhile, `cost` of one report
    in processor time.
    """
    return (
        f"The floor is {floor:.1f} ms at p99: half load on an `app` whose events nobody carries, where a report waits "
        f"for the batch under way and for its own. The median report {load} waits {p50:.1f} ms, of which a flush of "
        f"the log is {flush:.2f} ms. Busy meanwhile: {cores}. Processor time a report: {cost}. Below saturation "
        "batches are small, here, in relay and in consumer: every transaction is paid by few reports, and the cores "
        "are busier than the rate suggests. The slowest hundredth are the reports whose batch or whose event loop had "
        "to wait for a core. Fewer transactions an event behind the answer do not help: a relay that gathered for "
        "20 ms saved a tenth of the processor time and left p50 and p99 where they were. What would move this: less "
        "processor time a transaction, or `app` and `worker` as processes of their own on a machine with more cores."
    )


def occupied(name: str, sizes: Sequence[float], events: Sequence[int]) -> str:
    """Why a process is larger than it should be, or grows: resident MB `sizes` when so many `events` had been told."""
    middle = next(size for size, seen in zip(sizes, events, strict=True) if seen * 2 >= events[-1])
    return (
        f"The floor is the process before any work, {sizes[0]:.0f} MB: interpreter, framework, drivers. {name} had "
        f"{middle:.0f} MB after half of the events and {sizes[-1]:.0f} MB after {events[-1]:,}, {max(sizes):.0f} MB at "
        "most. What is held beyond the floor are the batches under way (a request of a thousand reports and its "
        "answer, what relay and consumer have fetched) and what the allocator keeps of them; a process that goes on "
        "growing at an even pace holds on to something of every event, one that grows in steps has met a larger batch. "
        "What would move the first is finding what holds on, what would move the second are smaller batches."
    )


def _where(cost: Mapping[str, float]) -> str:
    return "Processor time a report: " + ", ".join(f"{name} {spent:.0f} µs" for name, spent in cost.items()) + "."


def relayed(relay: float, producer: float, batches: float) -> str:
    """Why the relay is slower than it should be; processor time an event, in µs, of the sending process of each arm."""
    return (
        f"The floor is the bus alone, {batches:.1f} µs of processor time an event; the relay spends {relay:.1f}, the "
        f"bare producer {producer:.1f}. The difference between relay and bus is the decoding of rows and the building "
        "of headers; PostgreSQL and the broker share the same two cores. What would move this: a machine with a core "
        "for each of the three, or headers that are written into the outbox as they go out."
    )


def handled(peer: str, ours: float, theirs: float) -> str:
    """Why that job queue is nearer than it should be; processor time of both processes for one unit, in µs."""
    return (
        f"{peer} spends {theirs:.0f} µs of its own processor time on an empty job, "
        f"ours {ours:.1f} µs for an event that is read, encoded with its headers and marked. The floor of ours is the "
        "decoding of the row, which a queue of empty jobs does not have; PostgreSQL's share is a few microseconds, "
        "since a batch is marked by one row a shard. What would move this: reading fewer columns, with the headers "
        "written into the outbox as they go out."
    )


def consumed(batch: float, single: float, flush: float) -> str:
    """Why consuming is slower than it should be; processor time an event in µs, one `flush` of the log in ms."""
    return (
        f"An event in a batch costs the consuming process {batch:.0f} µs, one by one {single:.0f} µs. The floor of one "
        f"by one is a flush of the log ({flush:.2f} ms) and an acknowledgement by the broker for every event; that of "
        "batches is reading the envelope and checking the body against its contract, which is done event by event. "
        "What would move this: a second member of the group on a machine with more cores, since a partition is read by "
        "one process."
    )


def snapshot(course: str) -> str:
    """Why a held snapshot makes a difference; `course` is the ratio in ten parts of the time."""
    return (
        f"The floor is 1, the same work in a database that nobody looks at. In ten parts of the time the ratio was "
        f"{course}: where it falls, dead rows are in the way of a scan; where "
        "it does not, the two databases met different moments of the machine. The relay reads and writes only what is "
        "added; what is updated under it are its eight leases, every second or two. A consumer's own tables are "
        "updated as often as their aggregates change. What would move this: nothing but shorter snapshots, such as a "
        "dump from a replica."
    )
