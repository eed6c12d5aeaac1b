"""Known answers of what the proof measures beside a score."""

import pytest
import torch

from kdcore.measure import calibration_error, reliability
from kdcore.measure.alike import cka, procrustes
from kdcore.measure.corruptions import Given, disturbances
from kdcore.measure.energy import rapl
from kdcore.measure.holm import holm
from kdcore.measure.shift import mmd_test, shift, wasserstein


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_cka_is_one_for_a_rotated_feature_and_small_for_an_independent_one() -> None:
    features = random(500, 8)
    rotation, _ = torch.linalg.qr(random(8, 8, seed=1))
    ((same, other),) = cka([features], [3 * features @ rotation + 1, random(500, 8, seed=2)])
    assert same == pytest.approx(1)
    assert other < 0.05


def test_procrustes_undoes_rotation_and_scale() -> None:
    teacher = random(60, 5)
    rotation, _ = torch.linalg.qr(random(5, 5, seed=1))
    led, residual = procrustes(0.3 * teacher @ rotation - 2, teacher)
    assert residual == pytest.approx(0, abs=1e-9)
    assert torch.allclose(led, teacher)


def test_w2_of_gaussians_that_are_moved_and_stretched() -> None:
    rows = random(400, 3)
    assert wasserstein(rows, rows + 2) == pytest.approx(12)
    spread = float(rows.var(0, correction=0).sum())
    assert wasserstein(rows - rows.mean(0), 3 * (rows - rows.mean(0))) == pytest.approx(4 * spread)


def test_a_permutation_test_sees_a_shift_and_none_where_there_is_none() -> None:
    assert mmd_test(random(100, 4), random(80, 4, seed=1))[1] > 0.05
    assert mmd_test(random(100, 4), random(80, 4, seed=1) + 1)[1] < 0.01
    found = shift(random(100, 4), random(80, 4, seed=1) + 1)
    assert found["w2"] > found["floor"]["w2"]
    with pytest.raises(ValueError, match="finite"):
        shift(random(10, 2), torch.full((10, 2), torch.nan))


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_the_bins_add_up_to_the_calibration_error() -> None:
    logits, labels = random(200, 4), torch.arange(200) % 4
    found = reliability(logits, labels)
    gaps = sum(b["examples"] * abs(b["confidence"] - b["accuracy"]) for b in found["bins"] if b["examples"])  # type: ignore[operator]  # known where there are examples
    assert found["error"] == pytest.approx(gaps / 200)
    assert found["error"] == calibration_error(logits, labels)


def test_corruptions_keep_shape_and_type_repeat_and_grow() -> None:
    pictures = torch.randint(0, 256, (16, 3, 16, 16), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    far: dict[str, list[float]] = {}
    for one in disturbances(Given("image", (3, 16, 16))):
        changed = one(pictures, 7)
        assert changed.shape == pictures.shape
        assert changed.dtype == torch.uint8
        assert torch.equal(changed, one(pictures, 7))
        far.setdefault(one.name, []).append(float((changed.float() - pictures.float()).square().mean()))
    for name in ("gaussian_noise", "gaussian_blur", "contrast", "brightness", "occlusion"):
        assert far[name] == sorted(far[name])


def test_energy_goes_on_over_the_end_of_its_counter(tmp_path) -> None:  # type: ignore[no-untyped-def]  # a fixture
    counter = tmp_path / "energy_uj"
    counter.write_text("9000000")
    joules = rapl({counter: 10.0})
    counter.write_text("2000000")
    assert joules() == pytest.approx(3)
