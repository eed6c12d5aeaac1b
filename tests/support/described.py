"""A description held against the network that it describes."""

from kdcore.models import build, landmarks
from kdcore.models.trace import count_macs, dtype_of, on_meta, trace
from kdcore.spec.catalogue import architecture_info, describe, following_options


def assert_described(name, classes, input_shape, vocabulary=None, source_length=None, **options):
    """Every number and path of the description equals the one that is measured on the network."""
    tokens = {"vocabulary": vocabulary, "source_length": source_length}
    described = describe(name, num_classes=classes, input_shape=input_shape, **tokens, **options)
    decided = following_options(name, input_shape, **tokens)
    model = on_meta(lambda: build(name, classes, **options, **decided))
    dtype = dtype_of(architecture_info(name).input)
    assert described.parameters == sum(p.numel() for p in model.parameters())
    if described.exact:
        assert described.macs == count_macs(model, input_shape, dtype)
    seen = {path: entry for path, entry in trace(model, input_shape, dtype).items() if path}
    outputs = {path: [out for _, out in entry.calls] for path, entry in seen.items()}
    captured = {path: [s for s in shapes if s is not None] for path, shapes in outputs.items()}
    told = {layer.path: [layer.shape, *(out for _, out in layer.later)] for layer in described.layers}
    assert told == {path: shapes for path, shapes in captured.items() if shapes}
    assert all(layer.kind == seen[layer.path].kind for layer in described.layers)
    assert all(layer.input_shape == seen[layer.path].calls[0][0] for layer in described.layers)
    found = landmarks(model)
    assert (described.features, described.classifier, described.middle, described.aliases) == (
        found.features,
        found.classifier,
        found.middle,
        found.aliases,
    )
    return described
