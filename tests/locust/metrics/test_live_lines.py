"""What is known of a run besides its requests becomes points, all of which are listed."""

from collections.abc import Mapping
from types import SimpleNamespace

from metrics.histogram import Histogram
from metrics.live_lines import ScenarioLines, outbox_line, user_lines
from metrics.merge import Worker
from metrics.points import strange_in
from metrics.recorder import Recorder
from metrics.run import Ending, Run
from metrics.sustained import Bearing, Sustained
from metrics.targets import Target, Targets
from tests.locust.metrics.test_run import Writer

START = 1_700_000_000
SO_FAR = Ending(planned=[], workers_lost={}, cpu_warning=False, task_errors={})


def worker(number: int, *cpu: float, process: Mapping[str, object] | None = None) -> Worker:
    bearing = Bearing(Sustained(cpu))
    return Worker(number=number, seen=START, clock=START, bearing=bearing, process=process)


def test_users_and_workers_have_points_of_their_own() -> None:
    lag = Histogram()
    for micros in (1000, 3000):
        lag.record(micros)
    figures = {"cpu": 7.0, "rss": 5, "threads": 2, "fds": 9, "sockets": None}
    process = {"figures": figures, "lag": lag.encode(), "held_up": 4.0, "throttled": 0.0}
    workers = [worker(1, 99.0, 10.0), worker(2), worker(3, 30.0, process=process)]
    assert list(user_lines("r", START, 5, workers)) == [
        f"users,run_id=r users=5i,workers=3i,cpu_avg=20.0,cpu_max=30.0 {START}000",
        f"workers,run_id=r,worker=1 cpu=10.0 {START}000",
        "workers,run_id=r,worker=3 cpu=30.0,rss=5i,threads=2i,fds=9i,lag_p50=1.0,lag_p99=3.0,lag_max=3.0,held_up=4.0,"
        f"throttled=0.0 {START}000",
    ]


def test_a_scenario_counts_since_its_last_point_and_so_far() -> None:
    lines = ScenarioLines("r")
    assert list(lines.at(START, {"A": [5, 1]}, {"A": 2, "B": 1})) == [
        f"scenarios,run_id=r,scenario=A users=2i,count=5i,failures=1i,count_total=5i,failures_total=1i {START}000",
        f"scenarios,run_id=r,scenario=B users=1i,count=0i,failures=0i,count_total=0i,failures_total=0i {START}000",
    ]
    again, _ = lines.at(START + 1, {"A": [7, 1]}, {"A": 2, "B": 1, "C": 0})
    assert again.startswith("scenarios,run_id=r,scenario=A users=2i,count=2i,failures=0i,count_total=7i")
    (later_in_that_second,) = lines.at(START + 1, {"A": [8, 1]}, {})
    assert "users=0i,count=3i,failures=0i,count_total=8i" in later_in_that_second, "its point replaces the one before"


def test_the_outbox_says_how_the_points_fare() -> None:
    outbox = SimpleNamespace(points_waiting=3, bytes_waiting=400, points_written=7, points_lost=0, delay_s=1.5)
    expected = f"outbox,run_id=r waiting=3i,bytes=400i,written=7i,lost=0i,delay=1.5 {START}000"
    assert outbox_line("r", START, outbox) == expected


def finished(targets: Targets) -> Writer:
    """A run of three seconds with a CRM request in each, ended."""
    writer, clock = Writer(), [float(START)]
    recorder = Recorder(clock=lambda: clock[0], cpu_clock=lambda: 0.0)
    run = Run("r", 7, "http://t", targets, writer, START)
    for second in range(3):
        clock[0] = START + second
        context = {"scenario": "A", "intended_start": clock[0] - 1}
        recorder.record("GET", "/api/crm/x", 2000.0, context=context, start_time=clock[0])
        run.report("w", recorder.take(), clock[0] + 0.9)
        run.tick(users=3, now=clock[0] + 0.9, by_scenario={"A": 3}, so_far=SO_FAR)
    run.finish(SO_FAR, 0, START + 4)
    return writer


def test_the_verdict_so_far_and_its_targets_are_written_every_second() -> None:
    slow = Targets((Target("crm average", "crm", "avg_ms", 1000), Target("calls", "telephony", "avg_ms", 1)))
    lines = finished(slow).lines
    target = r"targets,run_id=r,target=crm\ average,group=crm,measure=avg_ms value=2000.0,limit=1000.0,ok=0i "
    assert len([line for line in lines if line.startswith(target)]) == 4
    assert not [line for line in lines if "target=calls" in line], "nothing is known of it"
    verdicts = [line for line in lines if line.startswith("verdict,run_id=r ")]
    assert verdicts[0].startswith('verdict,run_id=r verdict="fail",code=1i,missed=1i,reasons="crm average: 2,000 ms, ')


def test_what_stays_of_a_run_goes_to_a_bucket_of_its_own() -> None:
    writer = finished(Targets())
    kept = {line.partition(" ")[0]: line for line in writer.summaries}
    assert set(kept) == {
        "run_summary,run_id=r",
        "area_summary,run_id=r,area=crm",
        "endpoint_summary,run_id=r,type=GET,name=/api/crm/x,area=crm",
    }
    run = kept["run_summary,run_id=r"]
    assert f'verdict="pass",code=0i,started={START}000i,ended={START + 4}000i,duration=4.0,' in run
    assert ',duration=4.0,users=3i,workers=1i,seed=7i,host="http://t",profile="",missed=0i' in run
    endpoint = kept["endpoint_summary,run_id=r,type=GET,name=/api/crm/x,area=crm"]
    assert "count=3i,failures=0i,rps=0.75,error_percent=0.0,p50=2000.0," in endpoint
    assert "intended_p50=3000.0" in endpoint
    assert all(line.endswith(f" {START + 4}000") for line in kept.values())


def test_every_point_of_a_run_is_one_that_is_listed() -> None:
    writer = finished(Targets((Target("crm average", "crm", "avg_ms", 1000),)))
    assert {strange_in(line) for line in [*writer.lines, *writer.summaries]} == {""}
