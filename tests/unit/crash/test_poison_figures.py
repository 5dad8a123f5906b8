"""A letter that is missing is a figure that falls short, not the end of the run."""

from random import Random

from libs.common.bus.base import Delivered
from tests.crash.bad_events import MENDED, bad_event
from tests.crash.consuming_services import SERVICES
from tests.crash.good_events import GoodEvents
from tests.crash.poison import READS, Sent, Told, figures


def test_a_bad_event_without_a_letter_is_counted() -> None:
    kind = next(iter(MENDED))
    good = GoodEvents(Random(1))
    good.beginning()
    message = bad_event(kind, good, Random(1))
    sent = Sent(bad={message: kind}, log={topic: [] for topic in READS["notifications"]})
    sent.log[message.topic].append(Delivered(message, 0, 0))
    nothing = {name: Told({}, {}) for name in SERVICES}
    reading = sum(message.topic in READS[name] and bool(sent.bad_for(name)) for name in SERVICES)

    found = {figure.name: figure for figure in figures(0, sent, nothing, nothing, 1)}

    assert reading
    assert (found["poison_unburied"].value, found["poison_unburied"].verdict) == (reading, "short")
    assert (found["poison_unhealed"].value, found["poison_unhealed"].verdict) == (reading, "short")
