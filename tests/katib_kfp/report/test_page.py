import json
import re

from builders import experiment, trial
from katib_kfp.report import render
from katib_kfp.report.page import script_json
from studies import finished, growing, hopeless, hostile, with_best


def visible(page: str) -> str:
    """The page without scripts and styles, and without tags."""
    text = re.sub(r"<(script|style).*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


def test_it_says_how_it_ended_and_what_was_best() -> None:
    text = visible(render(*finished()))
    assert "digits-tune Succeeded" in text
    assert "24 trials are done, which is maxTrialCount ExperimentMaxTrialsReached" in text
    assert "Goal 0.99 (not reached)" in text
    assert "18 Succeeded, 3 Failed, 2 MetricsUnavailable, 1 EarlyStopped" in text
    assert "Algorithm tpe (random_state=7)" in text
    best = finished()[0].status.current_optimal_trial
    assert best is not None
    assert f"--lr={best.parameter_assignments[0].value} --layers=" in text


def test_a_goal_that_is_reached_is_told() -> None:
    builder = experiment("x").objective("loss", goal=0.5)
    one = trial().of(builder.build()).assign(lr=0.05).succeeded(loss=0.4).build()
    assert "Goal 0.5 (reached)" in visible(render(with_best(builder, one), [one]))


def test_failures_have_their_reason_and_last_log_lines() -> None:
    page = render(*finished())
    assert "TrialFailed Trial has failed: exit code 1 Traceback" in visible(page)
    assert "<pre>Traceback (most recent call last):\nRuntimeError: no memory</pre>" in page


def test_logs_that_were_read_win_over_those_in_the_message() -> None:
    owner, trials = finished()
    page = render(owner, trials, logs={trials[5].metadata.name: ["first", "second"]})
    assert "<pre>first\nsecond</pre>" in page
    assert page.count("<pre>Traceback") == 2


def test_many_failures_are_counted() -> None:
    builder = experiment("x").condition("Failed", "ExperimentFailed")
    owner = builder.build()
    trials = [trial(f"x-{index}").of(owner).index(index).assign(lr=0.05).failed().build() for index in range(25)]
    page = render(owner, trials)
    assert page.count("<article>") == 20
    assert "And 5 more" in page


def test_nothing_is_asked_of_the_network() -> None:
    page = render(*finished())
    without_library = re.sub(r"/\*\*\n\* plotly\.js.*?return Plotly;", "", page, flags=re.DOTALL)
    assert len(without_library) < 100_000
    assert not re.search(r"(src|href)\s*=|https?://|localStorage|sessionStorage|cookie", without_library)


def test_the_licence_of_the_library_is_in_the_page() -> None:
    assert "Licensed under the MIT license" in render(*finished())


def test_a_page_without_figures_has_no_library() -> None:
    page = render(*hopeless())
    assert len(page) < 30_000
    assert "hopeless Failed 3 trials have failed ExperimentFailed" in visible(page)


def test_an_experiment_that_has_just_begun_has_a_page() -> None:
    text = visible(render(experiment("new").build(), []))
    assert "new Created" in text
    assert "There are no trials yet." in text


def test_markup_in_values_is_escaped() -> None:
    page = render(*hostile())
    assert "<img src=x" not in page
    assert page.count("</script>") == page.count("<script")


def test_json_cannot_end_its_element() -> None:
    value = {"a": "</script><!--&\u2028"}
    text = script_json(value)
    assert not set("<>&") & set(text)
    assert json.loads(text) == value


def test_a_long_table_is_cut_and_says_so() -> None:
    page = render(*growing(1100))
    assert page.count("<td data-key") + page.count('<td class="number" data-key') == 1000 * 11
    assert "The first 1000 of 1100 trials" in page
    assert "1000 of 1100 trials are drawn" in page


def test_the_same_input_gives_the_same_page() -> None:
    assert render(*finished()) == render(*finished())
