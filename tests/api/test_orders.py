"""What a body says of where files lie must not be what a format calls one of its options."""

from __future__ import annotations

import pytest

from api.model_orders import BroughtModel
from api.orders import Brought
from kdcore.spec.base import Strict
from kdcore.spec.bringing import FORMATS
from kdcore.spec.bringing import models as of_models

MODELS = [of_models.WeightsModel, of_models.HuggingFaceModel, of_models.OnnxModel, of_models.OutputsModel]


@pytest.mark.parametrize("options", FORMATS.values(), ids=FORMATS)
def test_no_option_of_a_dataset_is_called_like_a_field_of_its_order(options: type[Strict]) -> None:
    assert not set(options.model_fields) & set(Brought.model_fields)


@pytest.mark.parametrize("options", MODELS, ids=lambda options: options.__name__)
def test_no_option_of_a_model_is_called_like_a_field_of_its_order(options: type[Strict]) -> None:
    assert not set(options.model_fields) & set(BroughtModel.model_fields)
