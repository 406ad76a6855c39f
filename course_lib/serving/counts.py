"""What the service counts about itself, in the text format of Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
REQUESTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Counts:
    """The counts of one service; each has a list of its own, so that two in one process do not mix."""

    def __init__(self):
        self._all = CollectorRegistry()
        ProcessCollector(registry=self._all)
        to = {"registry": self._all}
        self.requests = Counter("course_requests", "Requests, by what became of them.", ["path", "status"], **to)
        self.seconds = Histogram(
            "course_predict_seconds", "Seconds from the first byte of a request to its answer.", buckets=SECONDS, **to
        )
        self.decisions = Counter("course_decisions", "Decisions that were answered.", ["version"], **to)
        self.unknown = Counter("course_unknown_words", "Words that the model never met.", ["column"], **to)
        self.shared = Histogram("course_call_requests", "Requests that shared a call.", buckets=REQUESTS, **to)
        self.rows = Counter("course_call_rows", "Rows that the model was called with.", **to)
        self.waiting = Gauge("course_waiting_requests", "Requests accepted and not answered.", **to)
        self.version = Gauge("course_champion_version", "Version that answers.", **to)
        self.refused = Gauge("course_champion_refused", "1 while the registry's champion is not the one served.", **to)

    def called(self, requests: int, rows: int) -> None:
        """Count a call of the model."""
        self.shared.observe(requests)
        self.rows.inc(rows)

    def page(self) -> bytes:
        """Give all counts as text."""
        return generate_latest(self._all)
