from __future__ import annotations

import subprocess
import sys

from katib_control.runtime.counters import Counters


def test_counts_are_kept_by_name_and_namespace():
    counters = Counters()
    counters.add("katib_trial_created_total", "a")
    counters.add("katib_trial_created", "a", 2)
    counters.add("katib_trial_created_total", "b")
    assert counters.value("katib_trial_created_total", "a") == 3
    assert counters.value("katib_trial_created_total", "b") == 1
    assert counters.value("katib_trial_failed_total", "a") == 0


def test_the_text_is_prometheus_format():
    counters = Counters({"katib_trial_created": "Trials that were created"})
    counters.add("katib_trial_created_total", "b")
    counters.add("katib_trial_created_total", "a", 2)
    counters.add("katib_experiment_failed_total", "a")
    assert counters.text().decode().splitlines() == [
        "# HELP katib_experiment_failed_total katib_experiment_failed",
        "# TYPE katib_experiment_failed_total counter",
        'katib_experiment_failed_total{namespace="a"} 1.0',
        "# HELP katib_trial_created_total Trials that were created",
        "# TYPE katib_trial_created_total counter",
        'katib_trial_created_total{namespace="a"} 2.0',
        'katib_trial_created_total{namespace="b"} 1.0',
    ]


def test_counting_loads_no_prometheus():
    code = (
        "import sys; from katib_control.runtime.counters import Counters; Counters().add('x');"
        "sys.exit('prometheus_client' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
