"""How much to measure. Figures get steadier with more of it; what is measured stays the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Effort:
    """
    peers                    whether what is fetched to be measured beside takes part
    warm_up_s                CPU seconds that every contestant serves before it counts
    rounds, round_s          times that every contestant has its turn, and the CPU seconds of a turn
    latency_s                wall seconds per turn in which every event is timed by itself
    cold_starts              first results, of each kind
    crowds, crowd_rounds     sandboxes alive at once; rounds in each of which every sandbox serves an event
    tenants, tenant_rounds, tenant_events
                             functions in one process; rounds, and events in each of their turns
    hog_s                    wall seconds beside each hog in an executor, twice
    hog_destinations, hog_street_s
                             which destinations take part in a server (sections/tenants.py), and wall seconds of each
    growth_rounds, growth_s  rounds, and CPU seconds of an executor's turns
    growth_retries, growth_hours, growth_events
                             outstanding retries; hours of counters stored; events in each turn of a server
    neighbour_rounds, neighbour_s, neighbour_rate
                             rounds, wall seconds of each of their parts, and the events per second arriving in them
    compile_rounds           rounds in each of which every source is compiled once
    event_rounds             rounds in each of which what was compiled serves every event once
    boundary_rounds          rounds of the boundary alone, and of hashing
    street_rounds, street_s, street_rate
                             rounds, wall seconds of each of their parts, and events per second, to fifty destinations each
    retries, retries_rounds, retries_events
                             outstanding retries, rounds, and events in each of their turns
    administered, administered_requests
                             functions in the registry, with ten instances each and a hundred audit events; requests of
                             each list and get
    counter_rounds, counted_events
                             rounds with counters and without, and events of each of their turns
    pipeline_cases, pipeline_latencies
                             cases of the whole pipeline (sections/pipeline.py), and those that latencies are taken of
    pipeline_rounds, pipeline_s, pipeline_open_s
                             rounds, wall seconds of each of their turns, and of each rate that latencies are taken at
    processes, processes_rounds, processes_s
                             numbers of workers, rounds, and wall seconds of each of their turns
    transform_functions, transform_kinds
                             functions that are served by HTTP, and by whom where no peers take part
    transform_rounds, transform_s
                             rounds, and wall seconds of each of their turns
    """

    peers: bool
    warm_up_s: float
    rounds: int
    round_s: float
    latency_s: float
    cold_starts: int
    crowds: tuple[int, ...]
    crowd_rounds: int
    tenants: tuple[int, ...]
    tenant_rounds: int
    tenant_events: int
    hog_s: float
    hog_destinations: tuple[str, ...]
    hog_street_s: float
    growth_rounds: int
    growth_s: float
    growth_retries: tuple[int, ...]
    growth_hours: tuple[int, ...]
    growth_events: int
    neighbour_rounds: int
    neighbour_s: float
    neighbour_rate: int
    compile_rounds: int
    event_rounds: int
    boundary_rounds: int
    street_rounds: int
    street_s: float
    street_rate: float
    retries: int
    retries_rounds: int
    retries_events: int
    administered: int
    administered_requests: int
    counter_rounds: int
    counted_events: int
    pipeline_cases: tuple[str, ...]
    pipeline_latencies: tuple[str, ...]
    pipeline_rounds: int
    pipeline_s: float
    pipeline_open_s: float
    processes: tuple[int, ...]
    processes_rounds: int
    processes_s: float
    transform_functions: tuple[str, ...]
    transform_kinds: tuple[str, ...]
    transform_rounds: int
    transform_s: float


QUICK: Final = Effort(
    peers=True,
    warm_up_s=0.25,
    rounds=5,
    round_s=0.05,
    latency_s=0.03,
    cold_starts=100,
    crowds=(1_000, 5_000),
    crowd_rounds=4,
    tenants=(100, 1_000, 10_000),
    tenant_rounds=3,
    tenant_events=1_000,
    hog_s=0.5,
    hog_destinations=("none", "slow", "failing"),
    hog_street_s=2.0,
    growth_rounds=3,
    growth_s=0.02,
    growth_retries=(100_000,),
    growth_hours=(48,),
    growth_events=1_000,
    neighbour_rounds=3,
    neighbour_s=1.2,
    neighbour_rate=500,
    compile_rounds=15,
    event_rounds=5,
    boundary_rounds=7,
    street_rounds=3,
    street_s=8.0,
    street_rate=5.0,
    retries=1_000_000,
    retries_rounds=7,
    retries_events=2_000,
    administered=1_000,
    administered_requests=15,
    counter_rounds=9,
    counted_events=8_000,
    pipeline_cases=("accept", "deliver", "f1", "f2", "single"),
    pipeline_latencies=("f1", "f2", "single"),
    pipeline_rounds=2,
    pipeline_s=1.6,
    pipeline_open_s=1.5,
    processes=(1, 2),
    processes_rounds=3,
    processes_s=1.0,
    transform_functions=("f1",),
    transform_kinds=(),
    transform_rounds=3,
    transform_s=0.25,
)

FULL: Final = Effort(
    peers=True,
    warm_up_s=0.5,
    rounds=17,
    round_s=0.06,
    latency_s=0.06,
    cold_starts=1_000,
    crowds=(1_000, 5_000),
    crowd_rounds=15,
    tenants=(100, 1_000, 10_000),
    tenant_rounds=9,
    tenant_events=4_000,
    hog_s=3.0,
    hog_destinations=("none", "slow", "failing"),
    hog_street_s=10.0,
    growth_rounds=9,
    growth_s=0.1,
    growth_retries=(10_000, 100_000, 1_000_000),
    growth_hours=(1, 12, 48),
    growth_events=2_000,
    neighbour_rounds=15,
    neighbour_s=4.0,
    neighbour_rate=500,
    compile_rounds=101,
    event_rounds=31,
    boundary_rounds=31,
    street_rounds=7,
    street_s=30.0,
    street_rate=5.0,
    retries=1_000_000,
    retries_rounds=21,
    retries_events=4_000,
    administered=1_000,
    administered_requests=101,
    counter_rounds=25,
    counted_events=8_000,
    pipeline_cases=("accept", "filter", "deliver", "f1", "f2", "single", "track", "ones"),
    pipeline_latencies=("f1", "f2", "single", "track", "ones"),
    pipeline_rounds=5,
    pipeline_s=2.0,
    pipeline_open_s=5.0,
    processes=(1, 2),
    processes_rounds=7,
    processes_s=3.0,
    transform_functions=("f1", "f2", "f3", "f4"),
    transform_kinds=(),
    transform_rounds=7,
    transform_s=0.5,
)
