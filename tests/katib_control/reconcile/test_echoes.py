from __future__ import annotations

from katib_control.reconcile.echoes import Echoes

AGAIN = 1.0
KEY = ("n", "x")


def test_what_needs_no_echo_is_not_woken_by_one() -> None:
    echoes = Echoes(lambda key: None, AGAIN)
    assert echoes.reconcile(KEY) is None
    assert not echoes.heard(KEY)


def test_what_waits_for_an_echo_is_woken_by_it() -> None:
    echoes = Echoes(lambda key: AGAIN, AGAIN)
    assert echoes.reconcile(KEY) == AGAIN
    assert echoes.heard(KEY)
    assert not echoes.heard(("n", "other"))


def test_an_echo_that_comes_while_the_key_is_reconciled_repeats_it_at_once() -> None:
    def reconcile(key: tuple[str, str]) -> float | None:
        assert not echoes.heard(key), "not known yet that it waits"
        return AGAIN

    echoes = Echoes(reconcile, AGAIN)
    assert echoes.reconcile(KEY) == 0.0


def test_another_time_to_come_back_is_no_wait_for_an_echo() -> None:
    echoes = Echoes(lambda key: 5.0, AGAIN)
    assert echoes.reconcile(KEY) == 5.0
    assert not echoes.heard(KEY)


def test_it_waits_no_more_once_it_has_been_reconciled_or_is_gone() -> None:
    answers = iter([AGAIN, None, AGAIN])
    echoes = Echoes(lambda key: next(answers), AGAIN)
    echoes.reconcile(KEY)
    echoes.reconcile(KEY)
    assert not echoes.heard(KEY)
    echoes.reconcile(KEY)
    echoes.forget(KEY)
    assert not echoes.heard(KEY)
