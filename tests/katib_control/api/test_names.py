import re

from katib_control.api.names import trial_name


def test_a_trials_name_is_derived() -> None:
    assert trial_name("x", "uid", 0) == trial_name("x", "uid", 0)
    assert re.fullmatch(r"x-[bcdfghjklmnpqrstvwxz2456789]{8}", trial_name("x", "uid", 0))


def test_names_differ_by_index_and_by_uid() -> None:
    names = {trial_name("x", uid, index) for uid in ("a", "b") for index in range(5000)}
    assert len(names) == 10_000


def test_the_longest_name_fits_into_a_label() -> None:
    assert len(trial_name("x" * 40, "uid", 10**9)) <= 63
