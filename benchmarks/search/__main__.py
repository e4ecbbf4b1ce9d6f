"""Compare algorithms: python -m benchmarks.search --algorithms tpe,optuna-tpe --set tuning --seeds 10 --batch 4."""

from __future__ import annotations

import argparse
import sys

from benchmarks.search.loop import Plan
from benchmarks.search.peers import PEERS
from benchmarks.search.run import BY_NAME, SETS, read, run, table, tasks
from katib_control.suggestion.registry import ALGORITHMS


def main() -> int:
    """Read the command line, run, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    names = f"{','.join(ALGORITHMS)}; peers: {','.join(PEERS)}"
    parser.add_argument(
        "--algorithms",
        default="random,tpe",
        help=f"comma-separated, with settings as tpe:gamma=1+n_startup_trials=5: {names}",
    )
    parser.add_argument("--set", choices=SETS, default="tuning", help="problems (default: tuning)")
    parser.add_argument("--problems", default="", help="only these, comma-separated, of either set")
    parser.add_argument("--seeds", type=int, default=5, help="searches of each problem (default: 5)")
    parser.add_argument("--first-seed", type=int, default=0, help="other seeds are other places of the optimum")
    parser.add_argument("--budget", type=int, default=60, help="trials (default: 60)")
    parser.add_argument("--batch", type=int, default=1, help="trials side by side (default: 1)")
    parser.add_argument("--asynchronous", action="store_true", help="ask for one as one ends, not batch by batch")
    parser.add_argument("--setting", action="append", default=[], metavar="NAME=VALUE", help="for all of ours")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    contenders = [_with(name, given.setting) for name in given.algorithms.split(",")]
    if unknown := [item for item in contenders if read(item)[0] not in {*ALGORITHMS, *PEERS}]:
        parser.error(f"no such algorithm: {', '.join(unknown)} (known: {names})")
    problems = [BY_NAME[name] for name in given.problems.split(",")] if given.problems else SETS[given.set]
    plan = Plan(budget=given.budget, batch=given.batch, asynchronous=given.asynchronous)
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    print(table(run(tasks(problems, contenders, seeds, plan), given.processes)))
    return 0


def _with(contender: str, settings: list[str]) -> str:
    if not settings or contender in PEERS:
        return contender
    return f"{contender}{'+' if ':' in contender else ':'}{'+'.join(settings)}"


if __name__ == "__main__":
    sys.exit(main())
