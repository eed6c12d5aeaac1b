"""Pictures of strangers: honest kinds are decoded as people see them, others refused before they cost much."""

import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from drawing import noise
from PIL import Image

from kdcore.bring.caps import Caps
from kdcore.bring.pictures.opening import BadPicture, decode, decode_numbers, header

CAPS = Caps(pixels=10**6)


def saved(folder, picture, suffix="png", **options):
    path = folder / f"picture.{suffix}"
    picture.save(path, **options)
    return path


def pixels(path, grey=False):
    return np.asarray(decode(path, CAPS, grey=grey))


def fault(path, caps=CAPS, read=header):
    with pytest.raises(BadPicture) as caught:
        read(path, caps) if read is not decode else decode(path, caps, grey=False)
    return caught.value.code, str(caught.value)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "ppm", "webp"])
def test_lossless_kinds_are_decoded_to_the_bit(tmp_path, suffix):
    options = {"lossless": True} if suffix == "webp" else {}
    path = saved(tmp_path, noise(1), suffix, **options)
    assert np.array_equal(pixels(path), np.asarray(noise(1)))
    seen = header(path, CAPS)
    assert (seen.width, seen.height, seen.is_grey) == (12, 10, False)


def test_a_jpeg_is_decoded_and_a_grey_one_is_known_as_grey(tmp_path):
    path = saved(tmp_path, noise(1, mode="L"), "jpg")
    assert header(path, CAPS).is_grey
    assert decode(path, CAPS, grey=True).mode == "L"


def test_a_picture_that_lies_on_its_side_is_set_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path, noise(1), exif=exif)
    seen = header(path, CAPS)
    assert (seen.width, seen.height) == (10, 12)
    assert np.array_equal(pixels(path), np.rot90(np.asarray(noise(1)), -1))


def test_a_palette_becomes_its_colours(tmp_path):
    picture = noise(1).quantize(16)
    assert np.array_equal(pixels(saved(tmp_path, picture)), np.asarray(picture.convert("RGB")))


def test_what_is_transparent_becomes_white(tmp_path):
    picture = noise(1).convert("RGBA")
    picture.putpixel((0, 0), (10, 20, 30, 0))
    picture.putpixel((1, 0), (10, 20, 30, 255))
    found = pixels(saved(tmp_path, picture))
    assert found[0, 0].tolist() == [255, 255, 255]
    assert found[0, 1].tolist() == [10, 20, 30]


def test_sixteen_bits_become_eight(tmp_path):
    levels = np.asarray([[0, 257, 65535, 32896]], dtype=np.uint16)
    path = saved(tmp_path, Image.fromarray(levels))
    assert pixels(path, grey=True).tolist() == [[0, 1, 255, 128]]


def test_printing_colours_become_those_of_screens(tmp_path):
    path = saved(tmp_path, Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "tiff")
    assert pixels(path)[0, 0].tolist() == [255, 0, 0]


def test_of_an_animation_the_first_frame_counts(tmp_path):
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue")]
    path = saved(tmp_path, frames[0], "gif", save_all=True, append_images=frames[1:])
    assert pixels(path)[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tiff", "gif", "bmp"])
def test_a_truncated_picture_is_a_fault(tmp_path, suffix):
    path = saved(tmp_path, noise(1, width=60, height=60), suffix)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    assert fault(path, read=decode)[0] in {"damaged", "not_a_picture"}


@pytest.mark.parametrize("data", [b"", b"<html>no picture</html>", b"GIF89a", b"\x89PNG\r\n\x1a\n"])
def test_something_else_by_the_name_of_a_picture_is_a_fault(tmp_path, data):
    path = tmp_path / "picture.png"
    path.write_bytes(data)
    assert fault(path)[0] in {"not_a_picture", "damaged"}


def test_kinds_that_nobody_asked_for_are_not_opened(tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    assert fault(path)[0] == "not_a_picture"


def bomb(path, width, height):
    """A PNG whose header promises a lot."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(10**6))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("side", [1001, 9000, 60_000])
def test_a_picture_of_absurd_size_is_refused_by_its_header(tmp_path, side):
    path = bomb(tmp_path / "bomb.png", side, side)
    tracemalloc.start()
    code, message = fault(path, read=decode)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert code == "too_many_pixels"
    assert "smaller" in message
    assert peak < 10**6


def test_a_file_that_is_too_large_is_not_even_opened(tmp_path):
    path = saved(tmp_path, noise(1))
    assert fault(path, Caps(item_bytes=100))[0] == "too_large"


def test_numbers_of_masks_are_kept_with_a_palette_or_without(tmp_path):
    numbers = np.arange(80, dtype=np.uint8).reshape(8, 10)
    mask = Image.fromarray(numbers)
    assert np.array_equal(np.asarray(decode_numbers(saved(tmp_path, mask), CAPS)), numbers)
    painted = mask.copy()
    painted.putpalette([value for number in range(256) for value in (number, 255 - number, 7)])
    assert np.array_equal(np.asarray(decode_numbers(saved(tmp_path, painted), CAPS)), numbers)
    switches = Image.fromarray(numbers > 40)
    assert np.asarray(decode_numbers(saved(tmp_path, switches), CAPS)).max() == 1


def test_a_mask_with_numbers_beyond_a_byte_is_refused(tmp_path):
    path = saved(tmp_path, Image.fromarray(np.full((4, 4), 300, dtype=np.uint16)))
    assert fault(path, read=decode_numbers)[0] == "mask_value"
