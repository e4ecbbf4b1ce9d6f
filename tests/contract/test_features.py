"""Every algorithm honours what an Experiment asks for, or refuses it by name when the Experiment is created."""

from __future__ import annotations

import pytest

import features
from features import FEATURES, Feature
from katib_control.suggestion.engine import Engine
from katib_control.suggestion.registry import ALGORITHMS


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_a_feature_is_honoured_or_refused_by_name(feature: Feature, name: str) -> None:
    errors = Engine().validate(features.owner(feature, name).build())
    if errors:
        assert all(error.field.startswith("spec.") and name in error.rule for error in errors), errors
        return
    points = features.search(feature, name)
    assert points
    assert feature.honoured(points), points
