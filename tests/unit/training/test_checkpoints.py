"""A checkpoint is there as a whole or not at all."""

import hashlib
import io
import os
import pickle
import signal
import subprocess
import sys

import numpy as np
import pytest

from course_lib.errors import CourseError
from course_lib.places import REPOSITORY
from course_lib.training.checkpoints import Checkpoint, load, make_ready, save, shown

WEIGHTS = [np.arange(6, dtype="float32").reshape(2, 3), np.float32([0.1])]
OPTIMIZER = [np.array(7, dtype="int64"), np.float32([1e-8, np.nan])]


def after(epoch: int) -> Checkpoint:
    return Checkpoint(epoch, [values + epoch for values in WEIGHTS], OPTIMIZER, {"seed": 3})


@pytest.fixture(params=[str, lambda path: path.as_uri()], ids=["folder", "URI"])
def place(request, tmp_path):
    return request.param(tmp_path / "run 1")


def test_what_is_saved_is_loaded_to_the_bit(place):
    save(place, after(2))
    found = load(place)
    assert (found.epoch, found.of) == (2, {"seed": 3})
    saved = [*after(2).weights, *OPTIMIZER]
    for values, expected in zip([*found.weights, *found.optimizer], saved, strict=True):
        assert values.dtype == expected.dtype and values.shape == expected.shape
        assert values.tobytes() == expected.tobytes()


def test_the_last_one_is_taken_unless_another_is_asked_for(place):
    for epoch in (9, 10, 2):
        save(place, after(epoch))
    assert load(place).epoch == 10
    assert load(place, 2).epoch == 2
    assert load(place, 3) is None


def test_where_nothing_is_there_is_none(place):
    assert load(place) is None


KILLED = """
import os, sys, signal
import numpy as np
from pyarrow import fs
from course_lib.training import checkpoints

class Dies:
    def __init__(self, stream):
        self.stream = stream
    def __enter__(self):
        return self
    def __exit__(self, *_):
        pass
    def write(self, content):
        self.stream.write(bytes(content)[: len(content) // 2])
        self.stream.flush()
        os.kill(os.getpid(), signal.SIGKILL)

class Files:
    def __init__(self, files):
        self.files = files
    def __getattr__(self, name):
        return getattr(self.files, name)
    def open_output_stream(self, path):
        return Dies(self.files.open_output_stream(path))

opened = checkpoints._open
checkpoints._open = lambda uri: (Files(opened(uri)[0]), opened(uri)[1])
checkpoints.save(sys.argv[1], checkpoints.Checkpoint(2, [np.ones(100_000, "float32")]))
"""


def test_one_that_was_half_written_when_its_writer_was_killed_is_not_taken(tmp_path):
    save(str(tmp_path), after(1))
    writer = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], env=os.environ | {"PYTHONPATH": REPOSITORY})
    assert writer.returncode == -signal.SIGKILL
    assert sum(path.stat().st_size > 1000 for path in tmp_path.iterdir()) == 2, "half of it should lie there"
    assert load(str(tmp_path)).epoch == 1
    make_ready(str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["epoch-000001.npz"]


def test_the_last_three_are_kept(place):
    for epoch in range(1, 6):
        save(place, after(epoch))
    assert [epoch for epoch in range(1, 6) if load(place, epoch)] == [3, 4, 5]


@pytest.mark.parametrize("kept", [0, 10, 0.5, -1])
def test_one_that_a_disk_has_cut_short_is_passed_over(tmp_path, kept):
    for epoch in (1, 2):
        save(str(tmp_path), after(epoch))
    last = tmp_path / "epoch-000002.npz"
    content = last.read_bytes()
    last.write_bytes(content[: int(kept * len(content)) if kept == 0.5 else kept])
    with pytest.warns(UserWarning, match="passed over epoch-000002.npz"):
        assert load(str(tmp_path)).epoch == 1
    with pytest.raises(CourseError, match=r"only damaged checkpoints \(epoch-000002.npz\)"):
        load(str(tmp_path), 2)
    save(str(tmp_path), after(2))  # when the training gets there again
    assert load(str(tmp_path)).epoch == 2


@pytest.mark.filterwarnings("ignore:.*passed over")
def test_a_flipped_bit_is_never_taken_for_weights(tmp_path):
    for epoch in (1, 2):
        save(str(tmp_path), after(epoch))
    last = tmp_path / "epoch-000002.npz"
    content = last.read_bytes()
    for place in range(0, len(content), 3):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        last.write_bytes(flipped)
        assert load(str(tmp_path)).epoch == 1


@pytest.mark.filterwarnings("ignore:.*passed over")
def test_what_is_no_archive_is_passed_over(tmp_path):
    save(str(tmp_path), after(1))
    np.save(tmp_path / "array.npy", np.ones(3))
    (tmp_path / "array.npy").rename(tmp_path / "epoch-000002.npz")
    assert load(str(tmp_path)).epoch == 1


def test_nothing_in_it_is_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "sprung"),))

    packed = io.BytesIO()
    np.savez(packed, **{"weights-0000": np.array([Trap()], dtype=object), "of": np.frombuffer(b"{}", "uint8")})
    for epoch, content in ((1, packed.getvalue()), (2, pickle.dumps(Trap()))):
        (tmp_path / f"epoch-00000{epoch}.npz").write_bytes(content + hashlib.sha256(content).digest())
    with pytest.raises(CourseError, match="only damaged checkpoints"):
        load(str(tmp_path))
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("uri", ["nowhere://run", "a/relative/folder"])
def test_a_place_that_is_none_is_refused_in_a_line(uri):
    with pytest.raises(CourseError, match="no place for checkpoints"):
        save(uri, after(1))


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CourseError, match="Cannot write a checkpoint"):
        save(str(tmp_path / "file"), after(1))


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("s3://KEY:SECRET@bucket/run", "s3://bucket/run"),
        ("s3://KEY:SEC/RET@bucket/run?region=here", "s3://bucket/run"),
        ("abfs://container/run?account_key=SECRET", "abfs://container/run"),
        ("/data/who@home/run?", "/data/who@home/run?"),
    ],
)
def test_keys_in_a_uri_are_not_shown(uri, said):
    assert shown(uri) == said


@pytest.mark.parametrize("uri", ["s3://KEY:SE CRET@bucket/run", "nowhere://KEY:SECRET@bucket/run"])
def test_keys_are_not_said_with_what_is_wrong(uri):
    with pytest.raises(CourseError) as caught:
        load(uri)
    assert "CRET" not in str(caught.value) and "bucket/run" in str(caught.value)
