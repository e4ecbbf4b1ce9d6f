"""Run the benchmarks named on the command line (all, when none is) and write what they saw as JSON."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from datetime import datetime, timezone
from pathlib import Path

from benchmarks.machine import describe

NAMES = ("trials_per_second", "first_trial", "flat_cost", "suggestion", "service", "search", "import_cost")
RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Run, print, write; a benchmark that raises is reported and the others go on."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="benchmarks to run (default: all)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work: to see that they run")
    options = parser.parse_args()
    failed = False
    for name in options.names or NAMES:
        module = importlib.import_module(f"benchmarks.{name}")
        print(f"== {name}: {(module.__doc__ or '').splitlines()[0]}", flush=True)
        try:
            figures = module.measure(quick=options.quick)
        except Exception as error:
            failed = True
            print(f"   failed: {type(error).__name__}: {error}", file=sys.stderr)
            continue
        for key, value in figures.items():
            print(f"   {key}: {value}")
        write(name, figures, quick=options.quick)
    return int(failed)


def write(name: str, figures: dict[str, object], *, quick: bool) -> None:
    """Write one result file; quick runs are marked and kept apart."""
    RESULTS.mkdir(exist_ok=True)
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    content = {"benchmark": name, "quick": quick, "when": now, "machine": describe(), "figures": figures}
    path = RESULTS / f"{name}{'.quick' if quick else ''}.json"
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
