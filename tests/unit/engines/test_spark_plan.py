"""What is left of what `explain` says."""

from course_lib.engines import spark_plan

SAID = """\
== Physical Plan ==
AdaptiveSparkPlan (20)
+- == Final Plan ==
   ResultQueryStage (12)
   +- * HashAggregate (11)
      +- AQEShuffleRead (10), coalesced
         +- ShuffleQueryStage (9), Statistics(sizeInBytes=512.0 B, rowCount=16)
            +- Exchange (8)
               +- * SortMergeJoin(skew=true) LeftOuter (7)
                  :- * Sort (2)
                  :  +- Scan parquet  (1)
                  +- BroadcastExchange (5)
+- == Initial Plan ==
   HashAggregate (19)
   +- Exchange (18)


(1) Scan parquet
Output [1]: [dest#1]
"""


def test_the_tree_is_that_of_the_plan_that_ran_without_numbers():
    assert (
        spark_plan._tree(SAID)
        == """\
AdaptiveSparkPlan
   +- * HashAggregate
      +- AQEShuffleRead, coalesced
         +- ShuffleQueryStage
            +- Exchange
               +- * SortMergeJoin(skew=true) LeftOuter
                  :- * Sort
                  :  +- Scan parquet
                  +- BroadcastExchange"""
    )


def test_steps_are_the_names_alone(capsys):
    class Frame:  # what `steps` asks of a query
        def explain(self, mode):
            print(SAID)

    assert spark_plan.steps(Frame())[3:7] == [
        "ShuffleQueryStage",
        "Exchange",
        "SortMergeJoin(skew=true) LeftOuter",
        "Sort",
    ]
