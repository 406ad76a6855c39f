"""Exercises of lesson 01, the data platform."""

import numpy as np
import pandas as pd

from course_lib.exercises import Exercise, Mistake

KEY = ["year", "month", "day", "carrier", "flight", "origin"]


# --- 01.1 ---------------------------------------------------------------------------------------------------------


def bytes_per_flight(*, sizes, rows):
    """Divide the whole Series by one number."""
    return sizes / rows


def kilobytes_per_flight(*, sizes, rows):
    """Thousands of bytes."""
    return sizes / 1000 / rows


def megabytes_per_flight(*, sizes, rows):
    """Millions of bytes."""
    return sizes / 1e6 / rows


def bytes_of_the_file(*, sizes, rows):
    """Divide by nothing."""
    return sizes


def bytes_per_flight_of_the_year(*, sizes, rows):
    """Take all flights for those that were written."""
    return sizes / 336_776


def flights_per_byte(*, sizes, rows):
    """Upside down."""
    return rows / sizes


def share_of_all_bytes(*, sizes, rows):
    """Compare formats with each other instead of per flight."""
    return sizes / sizes.sum()


def whole_bytes_cut_off(*, sizes, rows):
    """Divide by `//`: what is left is up to a byte too little."""
    return sizes // rows


def some_sizes():
    """Real sizes of 500 flights in three formats, and of one column."""
    from course_lib import load

    flights = load("flights").head(500)
    sizes = {
        "CSV": len(flights.to_csv(index=False)),
        "JSON lines": len(flights.to_json(orient="records", lines=True)),
        "Parquet": len(flights.to_parquet(index=False)),
        "one column of CSV": len(flights[["air_time"]].to_csv(index=False)),
    }
    return {"sizes": pd.Series(sizes), "rows": len(flights)}


# --- 01.2 ---------------------------------------------------------------------------------------------------------


def share_of_bytes_opened(*, files):
    """Exclude a file only by the value that its path names."""
    opened = files["month"].isin([6, 7, 8]) | files["carrier"].eq("UA")
    opened_bytes = files[opened].groupby("lake")["bytes"].sum()
    return (opened_bytes / files.groupby("lake")["bytes"].sum()).to_dict()


def share_of_files_opened(*, files):
    """Files counted as if they were of one size."""
    opened = files["month"].isin([6, 7, 8]) | files["carrier"].eq("UA")
    return opened.groupby(files["lake"]).mean().to_dict()


def share_of_bytes_skipped(*, files):
    """Give the complement."""
    return {lake: 1 - share for lake, share in share_of_bytes_opened(files=files).items()}


def share_of_both_lakes(*, files):
    """Divided by the bytes of both lakes."""
    opened = files["month"].isin([6, 7, 8]) | files["carrier"].eq("UA")
    return (files[opened].groupby("lake")["bytes"].sum() / files["bytes"].sum()).to_dict()


def share_that_both_conditions_open(*, files):
    """Join the conditions by "and": no path names a month and a carrier, so nothing is left."""
    opened = files["month"].isin([6, 7, 8]) & files["carrier"].eq("UA")
    return (files[opened].groupby("lake")["bytes"].sum() / files.groupby("lake")["bytes"].sum()).to_dict()


def share_that_the_months_open(*, files):
    """Only one of the two conditions."""
    opened = files["month"].isin([6, 7, 8])
    return (files[opened].groupby("lake")["bytes"].sum() / files.groupby("lake")["bytes"].sum()).to_dict()


def share_that_the_carrier_opens(*, files):
    """Compare the month with a text: "6" is not 6.0, so no file of that lake is opened."""
    opened_bytes = files["bytes"].where(files["carrier"].eq("UA"), 0)
    return (opened_bytes.groupby(files["lake"]).sum() / files.groupby("lake")["bytes"].sum()).to_dict()


def share_of_rows_opened(*, files):
    """Count rows: near to the share of bytes, and not the same."""
    opened = files["month"].isin([6, 7, 8]) | files["carrier"].eq("UA")
    return (files[opened].groupby("lake")["rows"].sum() / files.groupby("lake")["rows"].sum()).to_dict()


def share_to_two_digits(*, files):
    """Round a sixth to 0.17."""
    return {lake: round(share, 2) for lake, share in share_of_bytes_opened(files=files).items()}


def share_to_three_digits(*, files):
    """Round a sixth to 0.167."""
    return {lake: round(share, 3) for lake, share in share_of_bytes_opened(files=files).items()}


def bytes_opened(*, files):
    """Bytes, not shares."""
    opened = files["month"].isin([6, 7, 8]) | files["carrier"].eq("UA")
    return files[opened].groupby("lake")["bytes"].sum().to_dict()


def some_files():
    """Rows and bytes of each part as CSV: every eighth flight, by month and by carrier."""
    from course_lib import load

    flights = load("flights").iloc[::8][["month", "carrier", "arr_delay"]]
    parts = [
        {"lake": by, by: value, "rows": len(part), "bytes": len(part.to_csv(index=False))}
        for by in ("month", "carrier")
        for value, part in flights.groupby(by)
    ]
    return {"files": pd.DataFrame(parts, columns=["lake", "month", "carrier", "rows", "bytes"])}


# --- 01.3 ---------------------------------------------------------------------------------------------------------


def flights_of_unknown_aircraft(*, flights, planes):
    """Keep the rows that name an aircraft and have no partner."""
    names_one = flights["tailnum"].notna()
    unknown = ~flights["tailnum"].isin(planes["tailnum"])
    return flights[names_one & unknown].groupby("carrier").size()


def with_missing_tail_numbers(*, flights, planes):
    """Count missing tail numbers, which are not in planes either."""
    return flights[~flights["tailnum"].isin(planes["tailnum"])].groupby("carrier").size()


def aircraft_not_flights(*, flights, planes):
    """Each aircraft once."""
    unknown = flights["tailnum"].notna() & ~flights["tailnum"].isin(planes["tailnum"])
    return flights[unknown].groupby("carrier")["tailnum"].nunique()


def with_carriers_of_none(*, flights, planes):
    """Sum the mask: carriers without such a flight stay in the answer as 0."""
    unknown = flights["tailnum"].notna() & ~flights["tailnum"].isin(planes["tailnum"])
    return unknown.groupby(flights["carrier"]).sum()


def flights_of_known_aircraft(*, flights, planes):
    """Keep the rows that do have a partner."""
    return flights[flights["tailnum"].isin(planes["tailnum"])].groupby("carrier").size()


def share_of_unknown_aircraft(*, flights, planes):
    """Shares of each carrier's flights."""
    unknown = flights["tailnum"].notna() & ~flights["tailnum"].isin(planes["tailnum"])
    share = unknown.groupby(flights["carrier"]).mean()
    return share[share > 0]


def share_of_all_carriers(*, flights, planes):
    """Take the mean of the mask: shares, and a 0 for carriers without such a flight."""
    unknown = flights["tailnum"].notna() & ~flights["tailnum"].isin(planes["tailnum"])
    return unknown.groupby(flights["carrier"]).mean()


def some_flights_and_planes():
    """Flights of two weeks, so that all cases occur."""
    from course_lib import load

    flights = load("flights")
    return {"flights": flights[flights["month"].eq(2) & flights["day"].le(10)], "planes": load("planes")}


# --- 01.4 ---------------------------------------------------------------------------------------------------------


def agrees_within_a_minute(*, events):  # the answer is a function; `events` is what it is tried on
    """Compare the field with the difference of the two times, in one unit."""

    def agrees(events):
        minutes = (events["happened"] - events["scheduled"]).dt.total_seconds() / 60
        return (minutes - events["minutes_behind"]).abs() <= 1

    return agrees


def is_possible(*, events):
    """Test a range again."""
    return lambda events: events["minutes_behind"].between(-120, 1440)


def seconds_of_the_clock(*, events):
    """`.dt.seconds` is what is left after whole days: 86,100 for five minutes early."""

    def agrees(events):
        minutes = (events["happened"] - events["scheduled"]).dt.seconds / 60
        return (minutes - events["minutes_behind"]).abs() <= 1

    return agrees


def seconds_against_minutes(*, events):
    """Forget to convert the unit."""

    def agrees(events):
        seconds = (events["happened"] - events["scheduled"]).dt.total_seconds()
        return (seconds - events["minutes_behind"]).abs() <= 1

    return agrees


def only_too_high(*, events):
    """Without the absolute value one direction always passes."""

    def agrees(events):
        minutes = (events["happened"] - events["scheduled"]).dt.total_seconds() / 60
        return minutes - events["minutes_behind"] <= 1

    return agrees


def less_than_a_minute(*, events):
    """Leave the minute itself out."""

    def agrees(events):
        minutes = (events["happened"] - events["scheduled"]).dt.total_seconds() / 60
        return (minutes - events["minutes_behind"]).abs() < 1

    return agrees


def exactly_equal(*, events):
    """Allow no difference."""
    return lambda events: (events["happened"] - events["scheduled"]).dt.total_seconds() / 60 == events["minutes_behind"]


def the_wrong_way_round(*, events):
    """Scheduled minus happened: late becomes negative."""

    def agrees(events):
        minutes = (events["scheduled"] - events["happened"]).dt.total_seconds() / 60
        return (minutes - events["minutes_behind"]).abs() <= 1

    return agrees


def without_the_sign(*, events):
    """Compare absolute values: ten minutes early agree with ten minutes late."""

    def agrees(events):
        minutes = (events["happened"] - events["scheduled"]).dt.total_seconds() / 60
        return (minutes.abs() - events["minutes_behind"].abs()).abs() <= 1

    return agrees


def by_the_other_clock(*, events):
    """Take the time at which we heard of it."""

    def agrees(events):
        minutes = (events["received"] - events["scheduled"]).dt.total_seconds() / 60
        return (minutes - events["minutes_behind"]).abs() <= 1

    return agrees


def always_the_same_table(*, events):
    """Look at a table of the notebook instead of the argument."""
    agrees = agrees_within_a_minute(events=events)
    return lambda given: agrees(events)


def events_that_disagree(*, events):
    """Give the opposite truth value."""
    agrees = agrees_within_a_minute(events=events)
    return lambda events: ~agrees(events)


def also_a_little_off(*, events):
    """Ask for the events, for the same up to a minute and a half off, and for the same with early as late."""
    off = np.resize([0, 0.5, 1, -1, 1.5, -1.5], len(events))
    minutes = events["minutes_behind"]
    return [(events,), (events.assign(minutes_behind=minutes + off),), (events.assign(minutes_behind=-minutes),)]


def some_events():
    """Real departures of one morning; some minutes in seconds, some far too low."""
    from course_lib import load

    flights = load("flights").head(300).dropna(subset="dep_delay")
    scheduled = flights["time_hour"] + pd.to_timedelta(flights["minute"], "min")
    minutes = flights["dep_delay"].copy()
    minutes.iloc[::10] *= 60
    minutes.iloc[5::10] -= 30
    happened = scheduled + pd.to_timedelta(flights["dep_delay"], "min")
    clocks = {"scheduled": scheduled, "happened": happened, "received": happened + pd.Timedelta(minutes=5)}
    return {"events": pd.DataFrame(clocks | {"minutes_behind": minutes})}


# --- 01.5 ---------------------------------------------------------------------------------------------------------


def latest_of_each(*, events):
    """Sort by the clock that says which is newest, keep the last."""
    newest_last = events.sort_values("received")
    latest = newest_last.drop_duplicates("event_id", keep="last")
    return latest[["event_id", "minutes_behind"]].reset_index(drop=True)


def first_of_each(*, events):
    """Keep the first version instead of the correction."""
    oldest_first = events.sort_values("received").drop_duplicates("event_id", keep="first")
    return oldest_first[["event_id", "minutes_behind"]].reset_index(drop=True)


def last_line_of_each(*, events):
    """Take the order of the rows for the order of arrival."""
    return events.drop_duplicates("event_id", keep="last")[["event_id", "minutes_behind"]].reset_index(drop=True)


def first_line_of_each(*, events):
    """Take `drop_duplicates` as it comes."""
    return events.drop_duplicates("event_id")[["event_id", "minutes_behind"]].reset_index(drop=True)


def without_those_that_came_twice(*, events):
    """`keep=False` keeps none of the copies."""
    return events.drop_duplicates("event_id", keep=False)[["event_id", "minutes_behind"]].reset_index(drop=True)


def without_equal_lines(*, events):
    """Only lines that are equal in every column."""
    return events.drop_duplicates()[["event_id", "minutes_behind"]].reset_index(drop=True)


def most_minutes_of_each(*, events):
    """Keep the largest value instead of the newest."""
    return events.groupby("event_id", as_index=False)["minutes_behind"].max()


def some_copies():
    """Sixty real departures; some come twice, some are corrected to a later or an earlier minute."""
    from course_lib import load

    flights = load("flights").head(60)
    events = pd.DataFrame(
        {
            "event_id": flights["carrier"] + flights["flight"].astype(str) + flights["origin"],
            "minutes_behind": flights["dep_delay"],
            "received": flights["time_hour"] + pd.to_timedelta(flights["minute"] + flights["dep_delay"], "min"),
        }
    )
    again = events.iloc[::6].assign(received=lambda e: e["received"] + pd.Timedelta(seconds=30))
    up = events.iloc[1::6].assign(minutes_behind=lambda e: e["minutes_behind"] + 4)
    down = events.iloc[2::6].assign(minutes_behind=lambda e: e["minutes_behind"] - 3)
    corrected = pd.concat([up, down]).assign(received=lambda e: e["received"] + pd.Timedelta(hours=2))
    return {"events": pd.concat([events, again, corrected]).sample(frac=1, random_state=0)}


# --- 01.6 ---------------------------------------------------------------------------------------------------------

OUTSIDE = ["carrier", "origin", "departures"]


def share_of_exposed_people(*, people):  # the answer is a function; `people` is what it is tried on
    """Give each person the size of their group, then count people."""

    def exposed(people, k):
        group_size = people.groupby(["carrier", "origin", "departures"])["person"].transform("nunique")
        return (group_size < k).mean()

    return exposed


def group_sizes(people, columns=OUTSIDE):
    """Write the size of the group beside each person."""
    return people.groupby(columns)["person"].transform("nunique")


def share_of_small_groups(*, people):
    """Count groups, not people."""
    return lambda people, k: (people.groupby(OUTSIDE)["person"].nunique() < k).mean()


def with_groups_of_k(*, people):
    """Count groups of exactly k, which are safe."""
    return lambda people, k: (group_sizes(people) <= k).mean()


def share_of_events(*, people):
    """Weigh each person by their events."""
    return lambda people, k: np.average(group_sizes(people) < k, weights=people["event_id"])


def number_of_exposed_people(*, people):
    """Count instead of a share."""
    return lambda people, k: int((group_sizes(people) < k).sum())


def share_of_people_alone(*, people):
    """Leave k out: groups of one."""
    return lambda people, k: (group_sizes(people) == 1).mean()


def share_of_safe_people(*, people):
    """Give the complement."""
    return lambda people, k: (group_sizes(people) >= k).mean()


def one_column_at_a_time(*, people):
    """Each column alone: an outsider combines them."""

    def exposed(people, k):
        return pd.concat([group_sizes(people, column) < k for column in OUTSIDE], axis=1).any(axis=1).mean()

    return exposed


def without_the_departures(*, people):
    """Leave one of the three columns out."""
    return lambda people, k: (group_sizes(people, OUTSIDE[:2]) < k).mean()


def k_of_the_sizes_there_are(*, people):
    """Ask for a k that is the size of a group, so that "fewer" differs from "at most"; and for one more."""
    sizes = people.groupby(OUTSIDE)["person"].nunique()
    in_the_middle = sizes.quantile([0.25, 0.5, 0.75], interpolation="nearest")
    return [(people, int(k)) for k in [*in_the_middle, in_the_middle.iloc[-1] + 1]]


def some_people():
    """Real flight numbers stand for people: their carrier, first airport and departures in a week."""
    from course_lib import load

    flights = load("flights").head(5_000).dropna(subset="dep_time")
    flights = flights.assign(person=flights["carrier"] + flights["flight"].astype(str))
    people = flights.groupby("person").agg(
        carrier=("carrier", "first"), origin=("origin", "first"), event_id=("day", "size")
    )
    people["departures"] = pd.cut(people["event_id"], [0, 2, 5, 100], labels=["1-2", "3-5", "6+"]).astype(str)
    return {"people": people.reset_index()}


# --- 01.7 ---------------------------------------------------------------------------------------------------------


def upsert_by_key(*, table, batch):  # the answer is a function; the inputs are what it is tried on
    """Put the batch last, and keep the last of each key."""

    def upsert(table, batch):
        key = ["year", "month", "day", "carrier", "flight", "origin"]
        both = pd.concat([table, batch])
        return both.drop_duplicates(key, keep="last", ignore_index=True)

    return upsert


def append_only(*, table, batch):
    """Rows of the batch stand beside the old ones."""
    return lambda table, batch: pd.concat([table, batch], ignore_index=True)


def drop_equal_rows(*, table, batch):
    """Equal in every column: an old and a new version both stay."""
    return lambda table, batch: pd.concat([table, batch]).drop_duplicates(ignore_index=True)


def old_row_wins(*, table, batch):
    """`keep="first"`, the default."""
    return lambda table, batch: pd.concat([table, batch]).drop_duplicates(KEY, ignore_index=True)


def update_only(*, table, batch):
    """Lose the new keys."""

    def upsert(table, batch):
        both = upsert_by_key(table=table, batch=batch)(table, batch)
        return both.merge(table[KEY], on=KEY)

    return upsert


def by_flight_number(*, table, batch):
    """Use a key without the time."""
    return lambda table, batch: pd.concat([table, batch]).drop_duplicates(KEY[3:], keep="last", ignore_index=True)


def without_the_airport(*, table, batch):
    """Use the key that everybody assumes."""
    return lambda table, batch: pd.concat([table, batch]).drop_duplicates(KEY[:5], keep="last", ignore_index=True)


def none_of_the_equal(*, table, batch):
    """`keep=False`: old and new version both go."""
    return lambda table, batch: pd.concat([table, batch]).drop_duplicates(KEY, keep=False, ignore_index=True)


def by_row_numbers(*, table, batch):
    """Let pandas match rows by their index."""
    return lambda table, batch: batch.combine_first(table)


def holes_keep_the_old_value(*, table, batch):
    """Fill a missing value of the batch from the table; `groupby(KEY).last()` does the same."""
    return lambda table, batch: batch.set_index(KEY).combine_first(table.set_index(KEY)).reset_index()


def one_column_replaced(*, table, batch):
    """Take over `arr_delay` and leave the rest of the row as it was."""

    def upsert(table, batch):
        old = old_row_wins(table=table, batch=batch)(table, batch).drop(columns="arr_delay")
        new = upsert_by_key(table=table, batch=batch)(table, batch)
        return old.merge(new[[*KEY, "arr_delay"]], on=KEY)

    return upsert


def in_place(*, table, batch):
    """Drop the old rows from the argument itself."""

    def upsert(table, batch):
        known = pd.MultiIndex.from_frame(table[KEY]).isin(pd.MultiIndex.from_frame(batch[KEY]))
        table.drop(index=table.index[known], inplace=True)  # noqa: PD002 (the mistake)
        return pd.concat([table, batch], ignore_index=True)

    return upsert


def batch_alone(*, table, batch):
    """Lose what the batch does not mention."""
    return lambda table, batch: batch


def again_elsewhere_and_with_holes(*, table, batch):
    """Ask for the batch, once more, for other airports, for numbers with holes, for one row: always the same table."""
    batch = batch.reset_index(drop=True)  # with row numbers of its own, as a batch that comes from outside has
    once = upsert_by_key(table=table, batch=batch)(table, batch)
    elsewhere = batch.assign(origin=batch["origin"].replace({"EWR": "JFK", "JFK": "LGA", "LGA": "EWR"}))
    numbers = batch.select_dtypes("float") + 1
    numbers.iloc[::2] = np.nan
    with_holes = batch.assign(**numbers)
    return [(table, batch), (once, batch), (table, elsewhere), (table, with_holes), (table, batch.head(1))]


def some_batch():
    """Two overlapping parts of the flights, the second with other outcomes."""
    from course_lib import load

    flights = load("flights")[[*KEY, "dep_delay", "arr_delay"]]
    return {"table": flights.head(1_200), "batch": flights.iloc[900:1_500].assign(arr_delay=0.0)}


# --- 01.8 ---------------------------------------------------------------------------------------------------------


def files_of_a_version(*, log):  # the answer is a function; `log` is what it is tried on
    """Take the last word on each path; words after the version do not count."""

    def files_of(log, version):
        until_then = log[log["path"].notna() & (log["version"] <= version)]
        last_word = until_then.drop_duplicates("path", keep="last")
        return set(last_word.loc[last_word["action"] == "add", "path"])

    return files_of


def all_ever_added(*, log):
    """Forget that files are removed."""
    return lambda log, version: set(log.query("version <= @version and action == 'add'")["path"])


def added_by_it_alone(*, log):
    """Take a version for what its own commit added."""
    return lambda log, version: set(log.query("version == @version and action == 'add'")["path"])


def added_minus_removed(*, log):
    """Subtract sets: what a restore has added again stays removed."""

    def files_of(log, version):
        until_then = log[log["version"] <= version]
        paths = {action: set(until_then.loc[until_then["action"] == action, "path"]) for action in ("add", "remove")}
        return paths["add"] - paths["remove"]

    return files_of


def files_of_the_newest(*, log):
    """Replay the whole log, whatever the version."""
    files_of = files_of_a_version(log=log)
    return lambda log, version: files_of(log, log["version"].max())


def files_of_the_one_before(*, log):
    """Stop one commit too early."""
    files_of = files_of_a_version(log=log)
    return lambda log, version: files_of(log, version - 1)


def with_lines_that_name_no_file(*, log):
    """Let `commitInfo`, `protocol` and `metaData` count, whose path is missing."""

    def files_of(log, version):
        last_word = log[log["version"] <= version].drop_duplicates("path", keep="last")
        return set(last_word.loc[last_word["action"] != "remove", "path"])

    return files_of


def last_word_of_the_whole_log(*, log):
    """Take the last word first, and cut the log off at the version afterwards."""

    def files_of(log, version):
        last_word = log[log["path"].notna()].drop_duplicates("path", keep="last")
        return set(last_word.loc[(last_word["action"] == "add") & (last_word["version"] <= version), "path"])

    return files_of


def every_version_of_a_log(*, log):
    """Ask for every version."""
    return [(log, int(version)) for version in log["version"].unique()]


def some_log():
    """Log of a small real Delta table: written, appended to, changed, damaged and restored."""
    import json
    import tempfile
    from pathlib import Path

    import pyarrow
    from deltalake import DeltaTable, write_deltalake

    from course_lib import load

    flights = load("flights")[["month", "carrier", "dep_time", "arr_delay"]].iloc[::5_000]
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        some = pyarrow.Table.from_pandas(flights, preserve_index=False)
        write_deltalake(folder, some, partition_by=["month"])
        write_deltalake(folder, some.slice(0, 5), mode="append")
        DeltaTable(folder).update(updates={"arr_delay": "0"}, predicate="carrier = 'UA'")
        DeltaTable(folder).delete("month > 6")
        DeltaTable(folder).restore(2)
        for commit in sorted(Path(folder, "_delta_log").glob("*.json")):
            for line in commit.read_text(encoding="utf-8").splitlines():
                [(action, said)] = json.loads(line).items()
                lines.append((int(commit.stem), action, said.get("path")))
    return {"log": pd.DataFrame(lines, columns=["version", "action", "path"])}


# --- 01.9 ---------------------------------------------------------------------------------------------------------


def files_without_a_block(*, placed, gone):
    """Find the blocks whose replicas are all gone; their files are lost."""
    replicas = placed["data_nodes"].str.split(", ")
    no_replica_left = replicas.map(lambda nodes: set(nodes) <= set(gone))
    return set(placed.loc[no_replica_left, "file"])


def files_that_lose_a_replica(*, placed, gone):
    """Any replica gone."""
    touched = placed["data_nodes"].str.split(", ").map(lambda nodes: bool(set(nodes) & set(gone)))
    return set(placed.loc[touched, "file"])


def files_without_any_block(*, placed, gone):
    """Lost only when nothing of it is left."""
    lost = placed["data_nodes"].str.split(", ").map(lambda nodes: set(nodes) <= set(gone))
    return set(lost.groupby(placed["file"]).all().loc[lambda all_lost: all_lost].index)


def files_of_names_alike(*, placed, gone):
    """Look for a name inside a text: node-1 is in node-12."""
    names = placed["data_nodes"].str.split(", ", expand=True)
    alike = names.apply(lambda column: column.str.contains("|".join(gone), na=True))
    return set(placed.loc[alike.all(axis=1), "file"])


def no_files(*, placed, gone):
    """Compare a name with a whole text, or a text with a list: nothing is ever equal."""
    return set(placed.loc[placed["data_nodes"].isin(gone), "file"])


def files_whose_text_contains_a_name(*, placed, gone):
    """Any name anywhere in the text."""
    return set(placed.loc[placed["data_nodes"].str.contains("|".join(gone)), "file"])


def files_whose_text_contains_two_names(*, placed, gone):
    """Count the names in the text: node-12 and node-2 make two."""
    found = placed["data_nodes"].map(lambda text: sum(name in text for name in gone))
    return set(placed.loc[found >= 2, "file"])


def files_whose_first_replica_is_gone(*, placed, gone):
    """Take the first name for the owner of the block."""
    return set(placed.loc[placed["data_nodes"].str.split(", ").str[0].isin(gone), "file"])


def files_that_can_be_read(*, placed, gone):
    """Give the complement."""
    return set(placed["file"]) - files_without_a_block(placed=placed, gone=gone)


def some_blocks():
    """Cut each carrier's flights, as CSV, into small blocks; their replicas go round twelve DataNodes."""
    from course_lib import load

    flights = load("flights").iloc[::10]
    sizes = {carrier: len(part[["month", "arr_delay"]].to_csv()) for carrier, part in flights.groupby("carrier")}
    blocks = [(carrier, block) for carrier, size in sizes.items() for block in range(-(-size // 16_000))]
    placed = pd.DataFrame(blocks, columns=["file", "block"])
    nodes = [f"node-{number}" for number in range(1, 13)]
    pairs = [f"{nodes[row * 5 % 12]}, {nodes[(row * 5 + 1 + row // 12) % 12]}" for row in range(len(placed))]
    return {"placed": placed.assign(data_nodes=pairs), "gone": ["node-1", "node-2", "node-3"]}


EXERCISES = [
    Exercise(
        id="01.1",
        title="What a flight costs",
        reference=bytes_per_flight,
        why="pandas divides every value of a Series by one number and keeps the index, so no loop is needed.",
        hints=("Both numbers are there: the bytes of a file, and the rows in it.", "One division answers all formats."),
        mistakes=(
            Mistake("kilobytes", kilobytes_per_flight, "These are kilobytes. The question asks for bytes."),
            Mistake("megabytes", megabytes_per_flight, "These are megabytes. The question asks for bytes."),
            Mistake("not divided", bytes_of_the_file, "That is the whole file. How many rows share it?"),
            Mistake(
                "all flights",
                bytes_per_flight_of_the_year,
                "You divide by all flights of the year; only `rows` of them were written.",
            ),
            Mistake("upside down", flights_per_byte, "That says how many flights fit into a byte. Turn it around."),
            Mistake(
                "cut off",
                whole_bytes_cut_off,
                "`//` cuts off up to a whole byte: divide by `/`, and round if you like.",
            ),
            Mistake("share", share_of_all_bytes, "That compares formats with each other. What does *one row* take?"),
        ),
        sample_inputs=some_sizes,
        tolerance=0.03,  # whole bytes will do
    ),
    Exercise(
        id="01.2",
        title="Choosing the folders",
        reference=share_of_bytes_opened,
        why="A file is skipped only where its own path contradicts the question, so each lake answers with its one "
        "column, and bytes are what is paid for.",
        hints=(
            "In the lake by month the path knows nothing of carriers: which of its files can be skipped?",
            "Mark the files that must be opened, then add up `bytes` for each `lake`.",
            "Divide by the bytes of the same lake.",
        ),
        mistakes=(
            Mistake("files", share_of_files_opened, "That is a share of files. They differ in size: weigh by bytes."),
            Mistake("skipped", share_of_bytes_skipped, "That is the share that is skipped. What has to be opened?"),
            Mistake("both lakes", share_of_both_lakes, "Each lake holds all flights: divide by the bytes of one lake."),
            Mistake("bytes", bytes_opened, "These are bytes. Divide by what the lake holds to get a share."),
            Mistake(
                "and",
                share_that_both_conditions_open,
                "No path names a month *and* a carrier, and a missing value equals nothing: ask each lake for its own.",
            ),
            Mistake(
                "one condition",
                share_that_the_months_open,
                "The months choose among the files of one lake. What chooses in the other?",
            ),
            Mistake(
                "no month",
                share_that_the_carrier_opens,
                "The lake by month opens nothing in your answer: `month` holds numbers, no text.",
            ),
            Mistake(
                "rows", share_of_rows_opened, "That is a share of rows. Rows of one file may be shorter: add `bytes`."
            ),
            Mistake("two digits", share_to_two_digits, "Nearly: two digits are too few here, leave it unrounded."),
            Mistake("three digits", share_to_three_digits, "Nearly: rounded to three digits. Leave it unrounded."),
        ),
        sample_inputs=some_files,
        tolerance=0.0005,  # the share of rows is 0.3 % away
    ),
    Exercise(
        id="01.3",
        title="A reference that no database guards",
        reference=flights_of_unknown_aircraft,
        why="`isin` with `~` is pandas' anti-join; the condition on missing values says what SQL's "
        "`WHERE tailnum IS NOT NULL` says.",
        hints=(
            "Which rows of `flights` have no partner in `planes`? `isin` tells for each row.",
            "A missing tail number is in no list. Is it an aircraft that `planes` does not know?",
            'Filter with two conditions, then `groupby("carrier").size()`.',
        ),
        mistakes=(
            Mistake(
                "counts missing tail numbers",
                with_missing_tail_numbers,
                "Some of these flights name no aircraft at all: a missing tail number is in no list either.",
            ),
            Mistake("counts aircraft", aircraft_not_flights, "You count each aircraft once; the question is flights."),
            Mistake(
                "inner join", flights_of_known_aircraft, "These flights *have* a partner in `planes`. Find the others."
            ),
            Mistake("shares", share_of_unknown_aircraft, "These are shares; the question asks how many flights."),
            Mistake(
                "shares of all",
                share_of_all_carriers,
                "The mean of True and False is a share. Count the flights, and leave out carriers that have none.",
            ),
            Mistake("zeros", with_carriers_of_none, "The counts are right. Leave out the carriers that have none."),
        ),
        sample_inputs=some_flights_and_planes,
    ),
    Exercise(
        id="01.4",
        title="A rule that sees wrong units",
        reference=agrees_within_a_minute,
        why="Two fields that say the same thing in different ways check each other; `total_seconds` keeps the sign.",
        hints=(
            "`happened` minus `scheduled` is a duration. What is it in minutes?",
            "`.dt.total_seconds() / 60` gives minutes with their sign.",
            "The absolute difference to `minutes_behind` is at most 1.",
        ),
        mistakes=(
            Mistake(
                "a range", is_possible, "A range says what is possible. Compare with the two timestamps of the event."
            ),
            Mistake(
                "dt.seconds",
                seconds_of_the_clock,
                "Flights that leave early fail your rule: `.dt.seconds` drops the days and with them the sign.",
            ),
            Mistake("units", seconds_against_minutes, "One side is in seconds, the other in minutes."),
            Mistake(
                "one side", only_too_high, "A value far too high passes: look at the difference in both directions."
            ),
            Mistake(
                "opposite", events_that_disagree, "True should mean that the fields agree; yours says the opposite."
            ),
            Mistake("less than", less_than_a_minute, "A difference of exactly one minute still agrees."),
            Mistake("equal", exactly_equal, "The fields may differ by up to one minute and still agree."),
            Mistake("order", the_wrong_way_round, "Late should be positive and early negative: turn the difference."),
            Mistake(
                "no sign",
                without_the_sign,
                "Ten minutes early pass as ten minutes late: take the absolute value of the difference alone.",
            ),
            Mistake(
                "other clock", by_the_other_clock, "`received` is when we heard of it. When did the aircraft leave?"
            ),
            Mistake(
                "not the argument",
                always_the_same_table,
                "Given another table your function answers for the old one: use its argument, no variable from above.",
            ),
        ),
        sample_inputs=some_events,
        call=also_a_little_off,
    ),
    Exercise(
        id="01.5",
        title="The latest word",
        reference=latest_of_each,
        why="Sorting by the clock of arrival makes 'newest' mean something; `drop_duplicates` then keeps the whole row "
        "of the last.",
        hints=(
            "Which column says which of two copies is newer?",
            'Sort by it, then `drop_duplicates("event_id", keep=...)`.',
        ),
        mistakes=(
            Mistake("first", first_of_each, "You keep the first version and lose the corrections."),
            Mistake(
                "order of rows", last_line_of_each, "The last row is not the newest: the feed comes in any order. Sort."
            ),
            Mistake(
                "equal lines",
                without_equal_lines,
                "Some events are still there more than once: a copy has another `received`, so it is not equal.",
            ),
            Mistake(
                "largest",
                most_minutes_of_each,
                "A correction may go down as well as up: neither the largest value nor the latest departure is the "
                "last word.",
            ),
            Mistake(
                "first line", first_line_of_each, "Without sorting, the first row is whatever happens to stand first."
            ),
            Mistake(
                "no copy at all", without_those_that_came_twice, "Events that came twice are gone: keep one of them."
            ),
        ),
        sample_inputs=some_copies,
    ),
    Exercise(
        id="01.6",
        title="Standing alone",
        reference=share_of_exposed_people,
        why="`transform` gives each person the size of their group, so the mean counts people and not groups.",
        hints=(
            "Group by all that an outsider may know together. How many people are in each group?",
            '`groupby([...])["person"].transform("nunique")` writes the size beside each person.',
            "The mean of `size < k` is a share of people.",
        ),
        mistakes=(
            Mistake("groups", share_of_small_groups, "That is a share of groups. Small groups hold few people."),
            Mistake("at most k", with_groups_of_k, "A group of exactly k people is shared by k: it is safe."),
            Mistake(
                "events",
                share_of_events,
                "That is a share of events: who flies often counts often. Count each person once.",
            ),
            Mistake(
                "two columns",
                without_the_departures,
                "An outsider can count departures too: all three columns name the group.",
            ),
            Mistake("safe people", share_of_safe_people, "That is the share of people who are safe."),
            Mistake(
                "one column at a time",
                one_column_at_a_time,
                "An outsider knows the columns together: group by their combination.",
            ),
            Mistake("a count", number_of_exposed_people, "That is a number of people. What share of all is it?"),
            Mistake(
                "alone", share_of_people_alone, "These are alone in their group. Two who share a group are few as well."
            ),
        ),
        sample_inputs=some_people,
        call=k_of_the_sizes_there_are,
    ),
    Exercise(
        id="01.7",
        title="The same upsert, twice",
        reference=upsert_by_key,
        why="With the batch behind the table, 'the last row of each key' is the new one, and a second time changes "
        "nothing.",
        hints=(
            "Put both under each other. Which rows have the same key?",
            "`drop_duplicates` takes the key and which of the equal ones to keep.",
            "The batch comes last, so keep the last.",
        ),
        mistakes=(
            Mistake("append", append_only, "Apply it twice and rows double: the old rows of the same key must go."),
            Mistake(
                "equal rows",
                drop_equal_rows,
                "Old and new version of a flight are both there: they differ in `arr_delay`, so they are not equal.",
            ),
            Mistake("old wins", old_row_wins, "The old row wins in your table; the batch should."),
            Mistake("update only", update_only, "Rows with a new key are missing: an upsert also inserts."),
            Mistake(
                "part of the key",
                by_flight_number,
                "Flights of other days are gone: a flight number comes again every day, the key needs its date.",
            ),
            Mistake(
                "no airport",
                without_the_airport,
                "Two airports may see the same flight number on one day: the key needs `origin`.",
            ),
            Mistake("none", none_of_the_equal, "`keep=False` drops the new version with the old. One must stay."),
            Mistake("row numbers", by_row_numbers, "You match rows by their number in the table. What names a flight?"),
            Mistake(
                "holes",
                holes_keep_the_old_value,
                "Where the batch has a hole your row keeps the old value: the whole row is replaced.",
            ),
            Mistake(
                "one column",
                one_column_replaced,
                "Only `arr_delay` comes from the batch in your rows: the whole row is replaced.",
            ),
            Mistake(
                "in place",
                in_place,
                "The answer is right, but your function changes the table it was given: asked again, rows are gone.",
            ),
            Mistake(
                "batch alone", batch_alone, "What the batch does not mention stays as it was; yours has only the batch."
            ),
        ),
        sample_inputs=some_batch,
        call=again_elsewhere_and_with_holes,
    ),
    Exercise(
        id="01.8",
        title="What a version is made of",
        reference=files_of_a_version,
        why="The log is in order, so the last line about a path up to the version is the one that holds: every reader "
        "of a Delta table does this replay, from the last checkpoint on.",
        hints=(
            "Which lines of the log did not exist yet when this version was the newest?",
            "A path may be added, removed and added again. Which of its lines holds?",
            '`drop_duplicates("path", keep="last")` keeps the last word on each path; then look at `action`.',
        ),
        mistakes=(
            Mistake("never removed", all_ever_added, "You keep files that a later commit removed."),
            Mistake(
                "one commit",
                added_by_it_alone,
                "A version is more than its own commit: earlier files stay in it.",
            ),
            Mistake(
                "sets",
                added_minus_removed,
                "After the restore files are missing: they were removed once, and added again later. The order counts.",
            ),
            Mistake("newest", files_of_the_newest, "You replay the whole log. Lines after the version do not count."),
            Mistake("one before", files_of_the_one_before, "You stop too early: the version's own commit counts."),
            Mistake(
                "no path",
                with_lines_that_name_no_file,
                "One element is no file: lines such as `commitInfo` have no path. Which action puts a file in?",
            ),
            Mistake(
                "cut off too late",
                last_word_of_the_whole_log,
                "You take the last word of the whole log and then cut it off. What came later must not speak at all.",
            ),
        ),
        sample_inputs=some_log,
        call=every_version_of_a_log,
    ),
    Exercise(
        id="01.9",
        title="What is lost",
        reference=files_without_a_block,
        why="A block lives while one replica does, and a file only while all of its blocks do. With three of twelve "
        "DataNodes gone 1 block in 22 is lost with two replicas, 1 in 220 with three: hence the default, three.",
        hints=(
            "When is a block lost? When is a file?",
            '`str.split(", ")` makes a list of the names in each row.',
            "A set says it: `set(names) <= set(gone)` is true when every name is among the gone.",
        ),
        mistakes=(
            Mistake(
                "nothing",
                no_files,
                "Your set is empty. `data_nodes` is one text of several names, those in `gone` die together, and one "
                "lost block is enough.",
            ),
            Mistake(
                "a replica",
                files_that_lose_a_replica,
                "Some of these blocks have another replica that is alive. (And `node-12` is not `node-1`.)",
            ),
            Mistake(
                "all blocks",
                files_without_any_block,
                "You count a file as lost only when all of its blocks are. One is enough.",
            ),
            Mistake(
                "names alike",
                files_of_names_alike,
                "Some of these are alive: `node-1` also stands inside the name `node-12`. Split the text first.",
            ),
            Mistake(
                "contains",
                files_whose_text_contains_a_name,
                "One dead replica loses no block, and `contains` finds `node-1` in `node-12` too: split the text.",
            ),
            Mistake(
                "two names",
                files_whose_text_contains_two_names,
                "You look for names in a text, and `node-12, node-2` contains `node-1`, too. Compare whole names.",
            ),
            Mistake(
                "first replica",
                files_whose_first_replica_is_gone,
                "No replica comes first: a reader takes any that lives.",
            ),
            Mistake("the others", files_that_can_be_read, "These can still be read. The question is which are lost."),
        ),
        sample_inputs=some_blocks,
    ),
]
