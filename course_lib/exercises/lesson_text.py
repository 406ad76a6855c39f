"""Exercises of the case study on text."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.metrics import f1_score
from sklearn.utils import murmurhash3_32

from course_lib import evaluate
from course_lib.exercises import Exercise, Mistake


# text.1 --------------------------------------------------------------------------------------------------------------
def share_with_a_companion(*, learned, judged):
    """Compute the share of the judged messages whose thread is among those learned from."""
    return judged.isin(learned).mean()


def _the_other_way(*, learned, judged):
    return learned.isin(judged).mean()


def _share_of_threads(*, learned, judged):
    return pd.Series(judged.unique()).isin(learned).mean()


def _companions_counted(*, learned, judged):
    return judged.isin(learned).sum()


def _without_companion(*, learned, judged):
    return (~judged.isin(learned)).mean()


def _threads_of_several(*, learned, judged):
    return judged.duplicated(keep=False).mean()


# text.2 --------------------------------------------------------------------------------------------------------------
def queue_of_the_nearest(*, known, queues, asked):
    """Give each asked message the queue of the known message with the largest cosine."""
    nearest = (asked @ known.T).toarray().argmax(axis=1)
    return queues[nearest]


def _the_farthest(*, known, queues, asked):
    return queues[(asked @ known.T).toarray().argmin(axis=1)]


def _numbers_of_messages(*, known, queues, asked):
    return (asked @ known.T).toarray().argmax(axis=1)


def _for_each_known(*, known, queues, asked):
    return queues[(asked @ known.T).toarray().argmax(axis=0) % len(queues)]


def _cosines(*, known, queues, asked):
    return (asked @ known.T).toarray().max(axis=1)


def _most_shared_words(*, known, queues, asked):
    return queues[((asked > 0).astype(int) @ (known > 0).astype(int).T).toarray().argmax(axis=1)]


# text.3 --------------------------------------------------------------------------------------------------------------
def times_wider_by_thread(*, correct, threads):
    """Divide the length of the interval by thread by that of the interval by message."""
    ones = np.ones(len(correct))
    by_thread = evaluate.ratio(correct, ones, threads)
    by_message = evaluate.ratio(correct, ones, np.arange(len(correct)))
    return (by_thread["high"] - by_thread["low"]) / (by_message["high"] - by_message["low"])


def _lengths(correct, threads):
    ones = np.ones(len(correct))
    both = (evaluate.ratio(correct, ones, groups) for groups in (threads, np.arange(len(correct))))
    return tuple(one["high"] - one["low"] for one in both)


def _upside_down(*, correct, threads):
    by_thread, by_message = _lengths(correct, threads)
    return by_message / by_thread


def _percent_wider(*, correct, threads):
    by_thread, by_message = _lengths(correct, threads)
    return by_thread / by_message - 1


def _difference_of_lengths(*, correct, threads):
    by_thread, by_message = _lengths(correct, threads)
    return by_thread - by_message


def _lower_ends(*, correct, threads):
    ones = np.ones(len(correct))
    by_thread = evaluate.ratio(correct, ones, threads)
    return by_thread["low"] / evaluate.ratio(correct, ones, np.arange(len(correct)))["low"]


# text.4 --------------------------------------------------------------------------------------------------------------
def share_that_collides(*, words, bits):
    """Compute for each number of bits the share of words that are not alone in their column."""
    hashes = pd.Series([murmurhash3_32(word, seed=42) for word in words])
    return pd.Series({b: (hashes % 2**b).duplicated(keep=False).mean() for b in bits})


def _for_each(words, bits, share: Callable):
    hashes = pd.Series([murmurhash3_32(word, seed=42) for word in words])
    return pd.Series({b: share(hashes, b) for b in bits})


def _first_not_counted(*, words, bits):
    return _for_each(words, bits, lambda hashes, b: (hashes % 2**b).duplicated().mean())


def _columns_used(*, words, bits):
    return _for_each(words, bits, lambda hashes, b: (hashes % 2**b).nunique() / 2**b)


def _bits_for_columns(*, words, bits):
    return _for_each(words, bits, lambda hashes, b: (hashes % b).duplicated(keep=False).mean())


def _words_counted(*, words, bits):
    return _for_each(words, bits, lambda hashes, b: (hashes % 2**b).duplicated(keep=False).sum())


def _alone(*, words, bits):
    return _for_each(words, bits, lambda hashes, b: 1 - (hashes % 2**b).duplicated(keep=False).mean())


def _without_sign(*, words, bits):
    return _for_each(words, bits, lambda hashes, b: (hashes.abs() % 2**b).duplicated(keep=False).mean())


# text.5 --------------------------------------------------------------------------------------------------------------
def cheapest_margin(*, margins, wrong, wrong_cost):
    """Find the margin from which to automate, and what 1,000 messages then cost."""
    surest_first = np.argsort(-margins)
    automated = np.arange(len(margins) + 1)
    errors = np.append(0, wrong[surest_first].cumsum())
    cost = 1000 * (len(margins) - automated + wrong_cost * errors) / len(margins)
    best = cost.argmin()
    return (margins[surest_first[best - 1]] if best else np.inf), cost[best]


def _costs(margins, wrong, wrong_cost, order):
    """Give the cost of 1,000 messages for each number that is automated, from none on."""
    errors = np.append(0, wrong[order].cumsum())
    return 1000 * (len(margins) - np.arange(len(margins) + 1) + wrong_cost * errors) / len(margins)


def _last_automated(margins, order, number):
    return margins[order[number - 1]] if number else np.inf


def _no_reading(*, margins, wrong, wrong_cost):
    margin, _ = cheapest_margin(margins=margins, wrong=wrong, wrong_cost=wrong_cost)
    return margin, 1000 * wrong_cost * (wrong & (margins >= margin)).mean()


def _every_cost_one(*, margins, wrong, wrong_cost):
    return cheapest_margin(margins=margins, wrong=wrong, wrong_cost=1.0)


def _least_sure_first(*, margins, wrong, wrong_cost):
    order = np.argsort(margins)
    cost = _costs(margins, wrong, wrong_cost, order)
    return _last_automated(margins, order, cost.argmin()), cost.min()


def _least_sure_without_none(*, margins, wrong, wrong_cost):
    order = np.argsort(margins)
    cost = _costs(margins, wrong, wrong_cost, order)[1:]
    return margins[order[cost.argmin()]], cost.min()


def _how_many(*, margins, wrong, wrong_cost):
    cost = _costs(margins, wrong, wrong_cost, np.argsort(-margins))
    return cost.argmin(), cost.min()


def _which_share(*, margins, wrong, wrong_cost):
    number, cost = _how_many(margins=margins, wrong=wrong, wrong_cost=wrong_cost)
    return number / len(margins), cost


def _first_that_is_read(*, margins, wrong, wrong_cost):
    order = np.argsort(-margins)
    cost = _costs(margins, wrong, wrong_cost, order)
    return margins[order[min(cost.argmin(), len(margins) - 1)]], cost.min()


def _cost_first(*, margins, wrong, wrong_cost):
    return cheapest_margin(margins=margins, wrong=wrong, wrong_cost=wrong_cost)[::-1]


def _all_messages_together(*, margins, wrong, wrong_cost):
    margin, cost = cheapest_margin(margins=margins, wrong=wrong, wrong_cost=wrong_cost)
    return margin, cost * len(margins) / 1000


def _average_error_allowed(*, margins, wrong, wrong_cost):
    order = np.argsort(-margins)
    cost = _costs(margins, wrong, wrong_cost, order)
    number = np.flatnonzero(cost <= 1000)[-1]  # as long as it costs no more than to read them all
    return _last_automated(margins, order, number), cost[number]


def _for_one_message(*, margins, wrong, wrong_cost):
    margin, cost = cheapest_margin(margins=margins, wrong=wrong, wrong_cost=wrong_cost)
    return margin, cost / 1000


def _all_automated(*, margins, wrong, wrong_cost):
    return margins.min(), 1000 * wrong_cost * wrong.mean()


# text.6 --------------------------------------------------------------------------------------------------------------
def mean_recall(*, truth, said):
    """Average, over the topics, the share of a topic's messages that arrive."""
    arrived = pd.Series(said == truth)
    return arrived.groupby(truth).mean().mean()


def _all_messages(*, truth, said):
    return (said == truth).mean()


def _by_what_was_said(*, truth, said):
    return pd.Series(said == truth).groupby(said).mean().mean()


def _worst_topic(*, truth, said):
    return pd.Series(said == truth).groupby(truth).mean().min()


def _middle_topic(*, truth, said):
    return pd.Series(said == truth).groupby(truth).mean().median()


def _macro_f1(*, truth, said):
    return f1_score(truth, said, average="macro", zero_division=0)


def _share_of_topics(*, truth, said):
    return (pd.Series(said == truth).groupby(truth).mean() > 0.5).mean()


# text.7 --------------------------------------------------------------------------------------------------------------
def dollars_for_a_million(*, words, tokens_a_word, prompt_tokens, answer_tokens, input_price, output_price):
    """Add up what a million messages cost where tokens read and tokens written have a price each."""
    read = prompt_tokens + tokens_a_word * words.mean()
    return read * input_price + answer_tokens * output_price


def _no_prompt(*, words, tokens_a_word, prompt_tokens, answer_tokens, input_price, output_price):
    return tokens_a_word * words.mean() * input_price + answer_tokens * output_price


def _answers_free(*, words, tokens_a_word, prompt_tokens, answer_tokens, input_price, output_price):
    return (prompt_tokens + tokens_a_word * words.mean()) * input_price


def _one_price(*, words, tokens_a_word, prompt_tokens, answer_tokens, input_price, output_price):
    return (prompt_tokens + tokens_a_word * words.mean() + answer_tokens) * input_price


def _words_for_tokens(*, words, tokens_a_word, prompt_tokens, answer_tokens, input_price, output_price):
    return (prompt_tokens + words.mean()) * input_price + answer_tokens * output_price


def _prompt_in_words(*, words, tokens_a_word, prompt_tokens, answer_tokens, input_price, output_price):
    return tokens_a_word * (prompt_tokens + words.mean()) * input_price + answer_tokens * output_price


def _prices_swapped(*, words, tokens_a_word, prompt_tokens, answer_tokens, input_price, output_price):
    return (prompt_tokens + tokens_a_word * words.mean()) * output_price + answer_tokens * input_price


def _words_a_token(*, words, tokens_a_word, prompt_tokens, answer_tokens, input_price, output_price):
    return (prompt_tokens + words.mean() / tokens_a_word) * input_price + answer_tokens * output_price


def _middle_message(*, words, tokens_a_word, prompt_tokens, answer_tokens, input_price, output_price):
    return (prompt_tokens + tokens_a_word * words.median()) * input_price + answer_tokens * output_price


def _one_message(*, words, tokens_a_word, prompt_tokens, answer_tokens, input_price, output_price):
    read = prompt_tokens + tokens_a_word * words.mean()
    return (read * input_price + answer_tokens * output_price) / 1e6


# --- small inputs ----------------------------------------------------------------------------------------------------
def small_threads():
    """Give the threads of two parts: the second has two that the first has too."""
    learned = [
        "atf burns",
        "atf burns",
        "atf burns",
        "mac plus",
        "for sale",
        "wanted",
        "space shuttle",
        "space shuttle",
    ]
    judged = ["atf burns", "atf burns", "space shuttle", "looking for", "hockey pool", "hockey pool", "hockey pool"]
    return {"learned": pd.Series(learned), "judged": pd.Series(judged)}


def small_vectors():
    """Give four known messages and three asked ones, each of length one."""
    known = np.array([[3, 1, 0, 0, 0], [0, 2, 1, 2, 0], [0, 0, 5, 1, 1], [1, 1, 1, 1, 4]], dtype=float)
    asked = np.array([[0, 0, 4, 1, 0], [2, 0, 0, 0, 1], [0, 1, 0, 3, 1]], dtype=float)
    known, asked = (table / np.linalg.norm(table, axis=1, keepdims=True) for table in (known, asked))
    queues = np.array(["autos", "hockey", "space", "crypt"])
    return {"known": sparse.csr_matrix(known), "queues": queues, "asked": sparse.csr_matrix(asked)}


def small_threads_judged():
    """Give forty threads of one to eight messages, in which errors keep together."""
    sizes = np.arange(40) % 8 + 1
    threads = np.repeat([f"thread {number}" for number in range(40)], sizes)
    hard = np.repeat(np.arange(40) % 5 == 0, sizes)
    place = np.arange(len(threads))
    return {"correct": np.where(hard, place % 4 == 0, place % 11 != 0), "threads": threads}


def small_words():
    """Give sixty words and two sizes."""
    sounds = [first + second for first in ("ba", "ko", "li", "mu", "ne", "ra") for second in "bcdfghklmn"]
    return {"words": sounds, "bits": [5, 7]}


def small_topics():
    """Give three topics of very different size."""
    truth = np.array(["earn"] * 12 + ["acq"] * 6 + ["tea"] * 2 + ["jet"])
    said = truth.copy()
    said[[3, 13, 14, 18]] = ["acq", "earn", "earn", "earn"]
    said[20] = "acq"
    return {"truth": truth, "said": said}


def small_margins():
    """Give twelve messages, the surer the righter."""
    margins = np.array([0.9, 0.15, 0.62, 0.33, 0.51, 0.07, 1.4, 0.44, 0.27, 0.75, 1.1, 0.02])
    wrong = margins < 0.3
    wrong[[1, 7]] = [False, True]
    return {"margins": margins, "wrong": wrong, "wrong_cost": 4.0}


def small_bill():
    """Give five messages and prices."""
    return {
        "words": pd.Series([40, 90, 170, 210, 1_300]),
        "tokens_a_word": 1.5,
        "prompt_tokens": 250,
        "answer_tokens": 10,
        "input_price": 0.1,
        "output_price": 0.5,
    }


EXERCISES = [
    Exercise(
        id="text.1",
        title="Companions on both sides",
        reference=share_with_a_companion,
        why="isin asks for each judged message, so the mean is a share of messages, which is what a score counts.",
        hints=(
            "For each judged message: is its thread one of those that the model has learned from?",
            "judged.isin(learned) answers that with True and False.",
        ),
        mistakes=(
            Mistake(
                "other way round",
                _the_other_way,
                "That is a share of the messages learned from. The score is of the judged ones.",
            ),
            Mistake(
                "share of threads",
                _share_of_threads,
                "You count each thread once. A score counts messages, and some threads have many.",
            ),
            Mistake("count", _companions_counted, "That is a number of messages. Of how many?"),
            Mistake("complement", _without_companion, "These are the ones without a companion."),
            Mistake(
                "companions in the same part",
                _threads_of_several,
                "Those have a companion among the judged messages. Which companions has the model seen?",
            ),
        ),
        sample_inputs=small_threads,
    ),
    Exercise(
        id="text.2",
        title="The nearest message",
        reference=queue_of_the_nearest,
        why="With rows of length one the product of two of them is their cosine, so one sparse product asks them all.",
        hints=(
            "The cosine of two rows of length one is their product. Which product of matrices gives all of them?",
            "asked @ known.T has a row for each asked message; argmax(axis=1) of its array names the nearest.",
            "queues[...] turns the number of a known message into its queue.",
        ),
        mistakes=(
            Mistake(
                "farthest", _the_farthest, "The cosine is large where two messages are alike. Which one is sought?"
            ),
            Mistake(
                "numbers",
                _numbers_of_messages,
                "These are numbers of known messages. In which queue is the message with such a number?",
            ),
            Mistake("cosines", _cosines, "These are the largest cosines. Where do they stand, and in whose queue?"),
            Mistake(
                "axis",
                _for_each_known,
                "Your answer has an element for each known message. Along which axis lie the known ones?",
            ),
            Mistake(
                "shared words",
                _most_shared_words,
                "You count the words that two messages share. How much does each weigh, and how long is a message?",
            ),
        ),
        sample_inputs=small_vectors,
    ),
    Exercise(
        id="text.3",
        title="What an interval may leave out",
        reference=times_wider_by_thread,
        why="Leaving out whole threads lets errors that come together leave together, as new threads would bring them.",
        hints=(
            "evaluate.ratio(correct, ones, groups) leaves out whole groups. Which groups are single messages?",
            "np.arange(len(correct)) is a group for each message. Take high minus low of both intervals.",
        ),
        mistakes=(
            Mistake(
                "upside down",
                _upside_down,
                "Which of the two lengths goes above the line if it is to say how many times wider?",
            ),
            Mistake("percent", _percent_wider, "That is by how much it is wider. How many times as wide is it?"),
            Mistake(
                "difference",
                _difference_of_lengths,
                "That is a difference of two lengths. How many times one is the other?",
            ),
            Mistake("ends", _lower_ends, "You compare where the intervals begin. How long are they?"),
        ),
        sample_inputs=small_threads_judged,
    ),
    Exercise(
        id="text.4",
        title="Words that share a column",
        reference=share_that_collides,
        why="duplicated(keep=False) marks every word that is not alone, also the first to come to its column.",
        hints=(
            "A word's column is its hash, murmurhash3_32(word, seed=42), modulo the number of columns.",
            "There are 2**bits columns. Which words have a column that another word has too?",
            "duplicated(keep=False) of the columns marks them all; its mean is their share.",
        ),
        mistakes=(
            Mistake(
                "first one not counted",
                _first_not_counted,
                "Of two words in one column you count one. Are they not both mixed up with the other?",
            ),
            Mistake(
                "columns used",
                _columns_used,
                "That is the share of columns that hold a word. Which share of the words is asked for?",
            ),
            Mistake(
                "bits for columns",
                _bits_for_columns,
                "You have as many columns as bits. How many numbers can so many bits write?",
            ),
            Mistake("count", _words_counted, "These are numbers of words. Of how many?"),
            Mistake("complement", _alone, "These are the words that have a column for themselves."),
            Mistake(
                "absolute value",
                _without_sign,
                "A hash may be negative. Spark takes the remainder that is not; abs leads to another column.",
            ),
        ),
        sample_inputs=small_words,
    ),
    Exercise(
        id="text.5",
        title="From which margin on?",
        reference=cheapest_margin,
        why="Sorted by margin, every threshold is one place in a cumulative sum, and the cheapest is its minimum.",
        hints=(
            "Sort the messages by margin, the surest first. What do 1,000 messages cost if the first k are automated?",
            "Each of the others costs 1 to read; each wrong one among the first k costs wrong_cost. Use cumsum.",
            "The threshold is the margin of the last message that is still automated.",
        ),
        mistakes=(
            Mistake(
                "reading is free",
                _no_reading,
                "Nearly: the right margin, but its cost leaves out the people who read the rest.",
            ),
            Mistake(
                "price ignored",
                _every_cost_one,
                "With your margin a message in a wrong queue costs as much as reading it. What does it cost here?",
            ),
            Mistake(
                "least sure first",
                _least_sure_first,
                "You automate the messages with the smallest margins. Of which is the model sure?",
            ),
            Mistake(
                "average error",
                _average_error_allowed,
                "You go on until the average of what is automated is as bad as allowed. Was the last one worth it?",
            ),
            Mistake(
                "least sure first, from one on",
                _least_sure_without_none,
                "You begin with the smallest margins, where the model is least sure. Turn the order round.",
            ),
            Mistake(
                "how many",
                _how_many,
                "Nearly: the right number of messages. What is the margin of the last of them?",
            ),
            Mistake(
                "which share",
                _which_share,
                "Nearly: the right share of the messages. What is the margin of the last of them?",
            ),
            Mistake(
                "one too far",
                _first_that_is_read,
                "Nearly: that is the margin of the first message that a person reads. cost[k] is of the first k.",
            ),
            Mistake("order", _cost_first, "Nearly: the margin comes first, then the cost."),
            Mistake(
                "total", _all_messages_together, "That is what all these messages cost. What would 1,000 of them cost?"
            ),
            Mistake("one message", _for_one_message, "That is for one message; 1,000 are asked for."),
            Mistake(
                "all", _all_automated, "You automate every message. What if the least sure ones are read by a person?"
            ),
        ),
        sample_inputs=small_margins,
    ),
    Exercise(
        id="text.6",
        title="Each topic counts the same",
        reference=mean_recall,
        why="A mean of each topic's own share gives a topic of one message the voice of a topic of a thousand.",
        hints=(
            "For each topic: which share of its messages arrived?",
            "pd.Series(said == truth).groupby(truth).mean() has a row for each topic. Average it.",
        ),
        mistakes=(
            Mistake(
                "all messages",
                _all_messages,
                "That is the accuracy: large topics decide it. What if each topic counts the same?",
            ),
            Mistake(
                "grouped by what was said",
                _by_what_was_said,
                "You group by what the model said, which asks what is right in a queue. Group by where it belongs.",
            ),
            Mistake("worst", _worst_topic, "That is the worst topic. What is the mean over all?"),
            Mistake("median", _middle_topic, "That is the topic in the middle. Every topic has a voice in a mean."),
            Mistake(
                "F1",
                _macro_f1,
                "That is the macro-F1, which also counts what arrives wrongly. Here: does a message arrive?",
            ),
            Mistake(
                "share of topics",
                _share_of_topics,
                "You count topics that mostly arrive. Average their shares instead.",
            ),
        ),
        sample_inputs=small_topics,
    ),
    Exercise(
        id="text.7",
        title="What a million messages cost",
        reference=dollars_for_a_million,
        why="A price for a million tokens, times the tokens of one message, is the price of a million messages.",
        hints=(
            "How many tokens does a message bring in, with the instructions that go before it, and how many come out?",
            "The prices are for a million tokens, so tokens of one message times a price are dollars for a million.",
        ),
        mistakes=(
            Mistake(
                "no prompt", _no_prompt, "The model must be told the queues, with every message. Are these tokens free?"
            ),
            Mistake("answers free", _answers_free, "You pay for what it reads. And for what it writes?"),
            Mistake("one price", _one_price, "Tokens that are written have a price of their own."),
            Mistake("words for tokens", _words_for_tokens, "You count words, the bill counts tokens. Which are more?"),
            Mistake(
                "prompt in words",
                _prompt_in_words,
                "The instructions are given in tokens already. What is given in words?",
            ),
            Mistake("prices swapped", _prices_swapped, "Which price is for what it reads, and which is the other?"),
            Mistake(
                "words a token", _words_a_token, "You have fewer tokens than words. Which of the two is cut finer?"
            ),
            Mistake(
                "median",
                _middle_message,
                "That is for the message in the middle. A bill adds up all, and a few are very long.",
            ),
            Mistake("one message", _one_message, "That is for one message; how many are asked for?"),
        ),
        sample_inputs=small_bill,
    ),
]
