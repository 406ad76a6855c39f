"""TPC-H's 22 questions by Spark and DuckDB: are the answers equal, are they the published ones, what do they cost.

    python benchmarks/tpch.py [--scale 1] [--pairs 6] [--memory 2] [--answers FOLDER]

Each engine has a process of its own, every core, and the same memory (Spark as its heap, DuckDB as its limit). A
question is asked of both once, to compare and to warm up, then in pairs that take turns to begin. A line is printed as
soon as a question is done.

Answers to compare with come from DuckDB's source distribution, which has them for scale factors 0.01, 0.1 and 1. Its
generator writes other addresses and comments than the TPC's, so these columns are left out (questions 2, 10, 15, 20).
Question 13, which searches comments, and at scale factor 1 those four are checked by the row that the specification
prints. Who has the TPC's own kit gives the folder of its answers (dbgen/answers) and has all 22 compared whole.

These are not TPC results: nothing here follows the rules for running the benchmark.
"""

import argparse
import contextlib
import json
import os
import pickle
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

ENGINES = ("Spark", "DuckDB")
SOURCE = {
    "kind": "pypi",
    "requirement": "duckdb==1.1.3",  # the last whose source holds the answers as plain bytes of one file
    "archive": "duckdb-1.1.3.tar.gz",
    "sha256": "68c3a46ab08836fe041d15dcbf838f74a990d551db47cb24ab1c4576fc19351c",
}
MEMBER = "duckdb-1.1.3/duckdb_build/extension/tpch/dbgen/include/tpch_constants.hpp"
PUBLISHED_AT = {0.01: "0_01", 0.1: "0_1", 1.0: "1"}
FREE_TEXT = {"s_address", "s_comment", "c_address", "c_comment"}
EXAMPLES = {  # a row at scale factor 1, as the specification prints it in clauses 2.4.2.5 to 2.4.20.5
    2: "9938.53|Supplier#000005359|UNITED KINGDOM|185358|Manufacturer#4|QKuHYh,vZGiwu2FWEJoLDx04|33-429-790-6131|"
    "uriously regular requests hag",
    10: "57040|Customer#000057040|734235.24|632.87|JAPAN|Eioyzjf4pp|22-895-641-3466|"
    "sits. slyly regular requests sleep alongside of the regular inst",
    13: "9|6641",
    15: "8449|Supplier#000008449|Wp34zim9qYFbVctdW|20-469-856-8873|1772627.21",
    20: "Supplier#000000020|iybAE,RmTymrZVYaFZva2SH,j",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="scale factor, from 0.01")
    parser.add_argument("--pairs", type=int, default=6, help="pairs of each ratio; six or more give 95 %%")
    parser.add_argument("--memory", type=int, default=2, help="of each engine, in gigabytes")
    parser.add_argument("--answers", type=Path, help="folder with q1.out to q22.out of the TPC's kit (scale factor 1)")
    parser.add_argument("--serve", choices=ENGINES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve, arguments.scale, arguments.memory)
        return

    from course_lib import tpch
    from course_lib.measure import ratio_of_pairs

    tpch.tables(arguments.scale)
    published = published_answers(arguments.scale)
    taken = {engine: [] for engine in ENGINES}  # a list a question, of a dict a pair
    equal, compared = 0, []
    print(f"{'':4}{'rows':>7}{'seconds':>16}{'CPU seconds':>16}{'peak, MiB':>16}   CPU ratio")
    print(f"{'':11}" + f"{'Spark':>9}{'Duck':>7}" * 3)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        asks = {name: stack.enter_context(running(name, arguments, Path(folder))) for name in ENGINES}
        for number in tpch.QUERIES:
            first = {engine: asks[engine](number) for engine in ENGINES}
            answers = {engine: answer["rows"] for engine, answer in first.items()}
            pairs = []
            for pair in range(arguments.pairs):
                turn = ENGINES if pair % 2 else reversed(ENGINES)
                pairs.append({engine: asks[engine](number) for engine in turn})
            for engine in ENGINES:
                taken[engine].append([pair[engine] for pair in pairs])
            differs = tpch.difference(number, answers["Spark"], answers["DuckDB"])
            checks = {engine: against_published(number, answers[engine], published, arguments) for engine in ENGINES}
            doubts = [f"   published beside {engine}: {doubt}" for engine, (_, doubt) in checks.items() if doubt]
            compared.append((checks["DuckDB"][0], not doubts))
            equal += not differs
            ratio = ratio_of_pairs([(pair["Spark"]["cpu"], pair["DuckDB"]["cpu"]) for pair in pairs])
            line = f"Q{number:<3}{len(answers['DuckDB']):7,}{costs(pairs)}   {ratio}"
            print(line + (f"   Spark beside DuckDB: {differs}" if differs else "") + "".join(doubts), flush=True)
    print(f"\nequal answers: {equal} of {len(tpch.QUERIES)}")
    ways = Counter(" and ".join(sorted(how)) for how, _ in compared if how)
    right = sum(good for how, good in compared if how)
    print(f"as published, by clause 2.1.3.5 of the specification: {right} of {ways.total()} that were compared")
    for way, questions in ways.items():
        print(f"    {questions} {way}")
    sums = {  # of all 22, by engine: one a pair
        what: {
            engine: [sum(run[what] for run in runs) for runs in zip(*taken[engine], strict=True)] for engine in ENGINES
        }
        for what in ("seconds", "cpu")
    }
    for engine in ENGINES:
        peak = max(run["peak"] for runs in taken[engine] for run in runs) / 2**20
        seconds, cpu = (median(sums[what][engine]) for what in ("seconds", "cpu"))
        print(f"{engine}: all 22 in {seconds:,.1f} s, CPU {cpu:,.1f} s, peak {peak:,.0f} MiB")
    for what, unit in (("seconds", "seconds"), ("cpu", "CPU seconds")):
        print(f"Spark / DuckDB, {unit} of all 22: {ratio_of_pairs(list(zip(*sums[what].values(), strict=True)))}")


def costs(pairs: list[dict]) -> str:
    """Write the medians of what a question costs both engines."""
    cells = []
    for what, scale, digits in (("seconds", 1, 2), ("cpu", 1, 2), ("peak", 2**-20, 0)):
        spark, duck = (scale * median(pair[engine][what] for pair in pairs) for engine in ENGINES)
        cells.append(f"{spark:9,.{digits}f}{duck:7,.{digits}f}")
    return "".join(cells)


def against_published(number: int, answer, published: dict[int, str], arguments) -> tuple[set[str], str]:
    """Say how an answer was compared with what is published of it, and in what it differs, or nothing."""
    from course_lib import tpch

    if arguments.answers:
        text = (arguments.answers / f"q{number}.out").read_text(encoding="utf-8")
        return {"whole"}, tpch.difference_from_published(number, answer, text)
    how, doubts = set(), []
    if number in published and number != 13:
        names, *rows = (line.split("|") for line in published[number].removesuffix("\n").split("\n"))
        keep = [place for place, name in enumerate(names) if name not in FREE_TEXT]
        text = "\n".join("|".join(row[place] for place in keep) for row in (names, *rows)) + "\n"
        how.add("whole" if len(keep) == len(names) else "without free text")
        doubts.append(tpch.difference_from_published(number, answer.iloc[:, keep], text))
    if number in EXAMPLES and arguments.scale == 1:
        how.add("by the specification's row")
        example = f"{'|'.join(answer.columns)}\n{EXAMPLES[number]}\n"
        rows = [answer.iloc[[place]].reset_index(drop=True) for place in range(len(answer))]
        if all(tpch.difference_from_published(number, row, example) for row in rows):
            doubts.append(f"no row {EXAMPLES[number]}")
    return how, "; ".join(filter(None, doubts))


def published_answers(scale: float) -> dict[int, str]:
    """Give DuckDB's list of answers by question, where it has one for this scale factor."""
    from course_lib.data.sources import SourceError, read_source
    from course_lib.places import cache_folder

    if scale not in PUBLISHED_AT:
        print(f"No answers are published for scale factor {scale:g}.")
        return {}
    try:
        source = read_source(SOURCE, MEMBER, cache_folder() / "downloads")[MEMBER].decode()
    except SourceError as problem:
        print(f"The published answers could not be fetched: {problem}.")
        return {}
    found = re.findall(rf"TPCH_ANSWERS_SF{PUBLISHED_AT[scale]}_q(\d\d)\[\] = \{{([\d, ]+)\}}", source)
    return {int(number): bytes(map(int, values.split(", "))).rstrip(b"\0").decode() for number, values in found}


@contextlib.contextmanager
def running(engine: str, arguments: argparse.Namespace, folder: Path):
    """Start a process that has an engine; give a function that asks it a question and returns answer and cost."""
    command = [sys.executable, __file__, "--serve", engine, "--scale", str(arguments.scale)]
    command += ["--memory", str(arguments.memory)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(number: int) -> dict:
        file = folder / f"{engine}.pickle"
        process.stdin.write(json.dumps([number, str(file)]) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline()) | {"rows": pickle.loads(file.read_bytes())}

    try:
        yield ask
    finally:
        process.stdin.close()
        process.wait()


def serve(engine: str, scale: float, memory: int):
    """Have an engine and answer what is asked, a line a question."""
    import duckdb

    from course_lib import describe_machine, get_spark, measure, stop_spark, tpch

    cores = describe_machine().cores
    if engine == "Spark":
        os.environ["SPARK_DRIVER_MEMORY"] = f"{memory}g"
        session = get_spark("TPC-H", master=f"local[{cores}]")
    else:
        session = duckdb.connect(config={"threads": cores, "memory_limit": f"{memory}GB"})
    tpch.register(session, tpch.tables(scale))
    for number, file in map(json.loads, sys.stdin):
        with measure.block(engine) as run:
            answer = tpch.ask(session, number)
        Path(file).write_bytes(pickle.dumps(answer))
        print(json.dumps({"seconds": run.seconds, "cpu": run.cpu_seconds, "peak": run.peak_bytes}), flush=True)
    stop_spark()


if __name__ == "__main__":
    main()
