from concurrent.futures import ThreadPoolExecutor

from deskhand.mirror.mirror import Mirror
from tests.core.mirror.examples import closed, note


def test_many_threads_read_and_write_at_once_and_lose_nothing(mirror: Mirror) -> None:
    def work(worker: int) -> int:
        for number in range(20):
            key = f"{worker}-{number}"
            mirror.save_tickets([closed(key, summary=f"printer {worker}")])
            mirror.save_notes(key, [note("it beeps", key)])
            assert mirror.ticket(key) is not None
            assert mirror.search(f"printer {worker}", limit=3)
        return len(mirror.closed_tickets())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert mirror.counts()["past_tickets"] == mirror.counts()["notes"] == 160
