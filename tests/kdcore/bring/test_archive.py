"""Archives of strangers: what is plain is unpacked, whatever else is refused by the member's name."""

import bz2
import gzip
import io
import lzma
import stat
import struct
import tarfile
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kdcore.bring.archive import Budget, is_archive, unpack
from kdcore.bring.caps import Caps
from kdcore.bring.findings import Findings
from kdcore.bring.members import safe_name
from kdcore.bring.steps import Steps
from kdcore.bring.tree import plain_files
from kdcore.errors import EngineError, Stopped

FILES = {"a/one.txt": b"1" * 1000, "a/b/two.txt": b"two", "three": b""}
PACKERS = {
    ".tar": lambda data: data,
    ".tar.gz": gzip.compress,
    ".tar.bz2": bz2.compress,
    ".tar.xz": lzma.compress,
}
KINDS = [".zip", *PACKERS]
SMALL = Caps(members=10, unpacked_bytes=2 * 10**7, ratio=100)


def packed(folder, kind, files):
    """An archive of files, given as name and bytes, or as a ``TarInfo``."""
    path = folder / f"archive{kind}"
    if kind == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files:
                archive.writestr(name, data)
        return path
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files:
            member = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    path.write_bytes(PACKERS[kind](buffer.getvalue()))
    return path


def opened(path, caps=SMALL, found=None):
    """What an archive holds, by name; nothing else may have appeared beside it."""
    before = set(path.parent.iterdir())
    folder = path.parent / "unpacked"
    try:
        unpack(path, folder, Budget(caps), found or Findings(), Steps())
    finally:
        assert set(path.parent.iterdir()) - before <= {folder}
        assert all(entry.is_dir() or entry.is_file() for entry in folder.rglob("*"))
        assert not any(entry.is_symlink() for entry in folder.rglob("*"))
    return {name: (folder / name).read_bytes() for name in plain_files(folder)}


def refusal(path, caps=SMALL):
    with pytest.raises(EngineError) as caught:
        opened(path, caps)
    assert caught.value.code == "invalid_data"
    assert path.name in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("kind", KINDS)
def test_plain_files_come_out_as_they_went_in(tmp_path, kind):
    assert opened(packed(tmp_path, kind, FILES.items())) == FILES


@pytest.mark.parametrize("kind", KINDS)
def test_hidden_files_and_what_systems_leave_behind_are_not_written(tmp_path, kind):
    litter = {".hidden": b"x", "__MACOSX/a": b"x", "a/Thumbs.db": b"x", "a/.DS_Store": b"x"}
    assert opened(packed(tmp_path, kind, {**FILES, **litter}.items())) == FILES


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("/etc/passwd", "absolute"),
        ("C:\\windows\\x", "absolute"),
        ("\\\\server\\x", "absolute"),
        ("../x", "'..'"),
        ("a/../../x", "'..'"),
        ("a\\..\\x", "'..'"),
        ("a/x\ny", "control"),
        ("./", "no name"),
        ("a/" * 40 + "x", "too deep"),
        ("x" * 250, "too long"),
    ],
)
def test_a_name_that_could_lead_elsewhere_is_refused(tmp_path, kind, name, said):
    message = refusal(packed(tmp_path, kind, [("good", b"1"), (name, b"evil")]))
    assert said in message
    assert "member" in message


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("names", [("a", "a"), ("a", "./a"), ("a", "a/b"), ("a/b", "a"), ("é", "e\u0301")])
def test_a_name_that_comes_twice_is_refused(tmp_path, kind, names):
    assert "twice" in refusal(packed(tmp_path, kind, [(name, b"1") for name in names]))


@pytest.mark.parametrize(
    ("type_", "said"),
    [
        (tarfile.SYMTYPE, "a link"),
        (tarfile.LNKTYPE, "a link"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.BLKTYPE, "a device"),
        (tarfile.FIFOTYPE, "a pipe"),
        (tarfile.GNUTYPE_SPARSE, "a sparse file"),
        (b"Z", "unknown type"),
    ],
)
def test_links_devices_and_their_kin_in_a_tar_are_refused(tmp_path, type_, said):
    member = tarfile.TarInfo("innocent")
    member.type, member.linkname = type_, "/etc/passwd"
    message = refusal(packed(tmp_path, ".tar", [(member, b"")]))
    assert said in message
    assert "innocent" in message


@pytest.mark.parametrize(
    ("mode", "said"), [(stat.S_IFLNK, "a link"), (stat.S_IFIFO, "a pipe"), (stat.S_IFCHR, "a dev")]
)
def test_links_devices_and_their_kin_in_a_zip_are_refused(tmp_path, mode, said):
    member = zipfile.ZipInfo("innocent")
    member.external_attr = (mode | 0o777) << 16
    assert said in refusal(packed(tmp_path, ".zip", [(member, b"/etc/passwd")]))


def test_a_member_without_any_name_is_refused(tmp_path):
    path = packed(tmp_path, ".zip", [("a", b"1"), ("x", b"2")])
    path.write_bytes(path.read_bytes().replace(b"x", b"\0"))
    assert "no name" in refusal(path)


def test_an_encrypted_zip_is_refused(tmp_path):
    path = packed(tmp_path, ".zip", FILES.items())
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\1\2")
    data[entry + 8] |= 1
    path.write_bytes(data)
    assert "encrypted" in refusal(path)


@pytest.mark.parametrize("kind", KINDS[:1] + KINDS[2:])
def test_a_bomb_by_ratio_is_refused_before_it_fills_the_disk(tmp_path, kind):
    path = packed(tmp_path, kind, [("bomb", bytes(10**7))])
    assert "times its size" in refusal(path)
    assert sum(file.stat().st_size for file in (tmp_path / "unpacked").iterdir()) < 2 * 10**6


@pytest.mark.parametrize("kind", KINDS)
def test_too_many_members_are_refused(tmp_path, kind):
    path = packed(tmp_path, kind, [(str(place), b"") for place in range(11)])
    assert "10" in refusal(path)


@pytest.mark.parametrize("kind", KINDS)
def test_too_many_bytes_are_refused(tmp_path, kind):
    path = packed(tmp_path, kind, FILES.items())
    assert "more than the 999 bytes" in refusal(path, Caps(unpacked_bytes=999))


def test_what_archives_cost_is_counted_together(tmp_path):
    budget, steps = Budget(Caps(members=5)), Steps()
    unpack(packed(tmp_path, ".tar", FILES.items()), tmp_path / "one", budget, Findings(), steps)
    with pytest.raises(EngineError, match="one too many"):
        unpack(packed(tmp_path, ".zip", FILES.items()), tmp_path / "two", budget, Findings(), steps)


def test_an_archive_in_an_archive_stays_closed(tmp_path):
    inner = packed(tmp_path, ".zip", FILES.items()).read_bytes()
    assert opened(packed(tmp_path, ".tar.gz", [("inner.zip", inner)])) == {"inner.zip": inner}


@pytest.mark.parametrize("kind", KINDS)
def test_a_truncated_archive_is_refused(tmp_path, kind):
    noise = [(f"{place}", bytes((place * 37 + n * n) % 256 for n in range(5000))) for place in range(5)]
    path = packed(tmp_path, kind, noise)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "anew" in refusal(path)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("data", [b"", b"no archive at all", b"PK\5\6" + b"\xff" * 18, b"\x1f\x8b" + bytes(600)])
def test_something_else_by_the_name_of_an_archive_is_refused(tmp_path, kind, data):
    path = tmp_path / f"fake{kind}"
    path.write_bytes(data)
    assert "anew" in refusal(path)


def test_a_damaged_member_of_a_zip_is_a_fault_and_the_others_are_read(tmp_path):
    path = tmp_path / "stored.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("good", b"good")
        archive.writestr("bad", b"treasure")
    path.write_bytes(path.read_bytes().replace(b"treasure", b"tr-asure"))
    found = Findings()
    assert opened(path, found=found) == {"good": b"good"}
    assert [fault["item"] for fault in found.faults] == ["bad"]
    assert found.counts == {"damaged_member": 1}


def test_a_zip_whose_header_promises_less_than_it_holds_is_no_way_around_the_limits(tmp_path):
    path = packed(tmp_path, ".zip", [("bomb", bytes(10**6))])
    data = bytearray(path.read_bytes())
    struct.pack_into("<L", data, data.index(b"PK\1\2") + 24, 10)
    path.write_bytes(data)
    found = Findings()
    assert opened(path, found=found) == {}
    assert found.counts == {"damaged_member": 1}


def test_a_tar_header_that_claims_a_name_of_gigabytes_is_refused_unread(tmp_path):
    member = tarfile.TarInfo("././@LongLink")
    member.type, member.size = tarfile.GNUTYPE_LONGNAME, 5 * 10**9
    path = tmp_path / "long.tar"
    path.write_bytes(member.tobuf() + bytes(10240))
    assert "header of 5000000000 bytes" in refusal(path)


def test_long_names_and_pax_headers_of_honest_tars_are_read(tmp_path):
    name = "folder/" * 20 + "ü.txt"
    for format_ in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=format_) as archive:
            member = tarfile.TarInfo(name)
            member.size = 4
            archive.addfile(member, io.BytesIO(b"data"))
        folder = tmp_path / str(format_)
        folder.mkdir()
        (folder / "x.tar").write_bytes(buffer.getvalue())
        assert opened(folder / "x.tar") == {name: b"data"}


def test_a_pax_header_cannot_smuggle_a_name(tmp_path):
    member = tarfile.TarInfo("innocent")
    member.pax_headers = {"path": "../evil"}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(member)
    (tmp_path / "x.tar").write_bytes(buffer.getvalue())
    assert "'..'" in refusal(tmp_path / "x.tar")


@pytest.mark.parametrize("name", ["x.7z", "x.rar", "x.tar.zst"])
def test_archives_of_other_kinds_are_refused_with_a_remedy(name):
    with pytest.raises(EngineError, match=r"pack it as \.zip"):
        is_archive(name)


def test_unpacking_stops_when_it_is_asked_to(tmp_path):
    path = packed(tmp_path, ".tar", FILES.items())
    asked = iter([None, "enough"])
    steps = Steps(stop=lambda: next(asked))
    steps.begin("unpack", 1)
    with pytest.raises(Stopped, match="enough"):
        unpack(path, tmp_path / "unpacked", Budget(SMALL), Findings(), steps)


@given(st.text(max_size=60) | st.from_regex(r"[a-z./\\:]{1,12}", fullmatch=True))
def test_a_name_is_refused_or_stays_within_its_folder(name):
    try:
        safe = safe_name(name)
    except ValueError:
        return
    parts = safe.split("/")
    assert not {"", ".", ".."} & set(parts)
    assert "\\" not in safe
    assert safe_name(safe) == safe


@given(st.sampled_from(KINDS), st.binary(max_size=400), st.integers(0, 2000), st.integers(0, 255))
def test_a_damaged_archive_ends_in_an_error_of_ours_or_in_plain_files(tmp_path_factory, kind, data, place, value):
    folder = tmp_path_factory.mktemp("fuzz")
    path = packed(folder, kind, [*FILES.items(), ("data", data)])
    damaged = bytearray(path.read_bytes())
    damaged[place % len(damaged)] = value
    path.write_bytes(damaged)
    with suppress(EngineError):
        opened(path)
