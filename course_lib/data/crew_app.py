"""The feed of a crew app that does not exist: real departures, invented people, troubles planted in known places."""

import numpy as np
import pandas as pd

TROUBLES = {
    "none": 0.91,
    "offline": 0.05,  # sent when the phone is back in reach, one to ten hours later
    "sent twice": 0.02,  # no answer came in 30 seconds
    "corrected": 0.01,  # two hours later, to four minutes more or three less
    "in seconds": 0.005,  # an old version of the app
    "no minutes": 0.005,  # the field is missing
}


def crew_events(flights: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Let the crew of each flight report its departure, as clients in the field do: sometimes late, twice or wrong.

    Parameters
    ----------
    flights : pandas.DataFrame, one row per flight
        Rows of the table "flights". Those that never departed send nothing.
    seed : int
        Another seed makes other people and other troubles.

    Returns
    -------
    pandas.DataFrame, one row per message, in the order in which they are received
        `event_id` (the same for copies and corrections), `carrier`, `flight`, `origin`, `scheduled` and `happened`
        (UTC: planned and actual departure), `minutes_behind`, `crew` (an invented address of a reserved domain),
        `received` (UTC), and `trouble`, the planted truth, which a client does not send.
    """
    random = np.random.default_rng(seed)
    left = flights[flights["dep_time"].notna()].reset_index(drop=True)
    number = left["carrier"] + left["flight"].astype(str)
    scheduled = left["time_hour"] + pd.to_timedelta(left["minute"], "min")
    # One person stays with a flight number, so that people leave tracks of several days.
    codes, numbers = pd.factorize(number)
    staff = pd.Series(random.integers(0, 10_000, len(numbers))[codes]).map("{:04}".format)

    events = pd.DataFrame(
        {
            "event_id": number + left["origin"] + scheduled.dt.strftime("%m%d%H%M"),
            "carrier": left["carrier"],
            "flight": left["flight"],
            "origin": left["origin"],
            "scheduled": scheduled,
            "happened": scheduled + pd.to_timedelta(left["dep_delay"], "min"),
            "minutes_behind": left["dep_delay"],
            "crew": left["carrier"].str.lower() + "." + staff + "@crew.example",
            "trouble": random.choice(list(TROUBLES), len(left), p=list(TROUBLES.values())),
        }
    )
    events["received"] = events["happened"] + pd.to_timedelta(random.exponential(20, len(left)).round(), "s")
    return _with_troubles(events, random)


def _with_troubles(events: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    trouble = events["trouble"]
    offline = trouble == "offline"
    events.loc[offline, "received"] += pd.to_timedelta(random.integers(60, 600, offline.sum()), "min")
    events.loc[trouble == "in seconds", "minutes_behind"] *= 60
    events.loc[trouble == "no minutes", "minutes_behind"] = np.nan

    again = events[trouble == "sent twice"].copy()
    again["received"] += pd.Timedelta(seconds=30)
    corrected = events[trouble == "corrected"].copy()
    by = np.resize([4, -3], len(corrected))
    corrected["happened"] += pd.to_timedelta(by, "min")
    corrected["minutes_behind"] += by
    corrected["received"] += pd.Timedelta(hours=2)
    return pd.concat([events, again, corrected]).sort_values(["received", "event_id"], ignore_index=True)
