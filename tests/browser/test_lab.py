"""Lesson 00 as a person meets it: opened, run whole, an exercise answered wrongly and rightly, the doctor asked.

The tests use one browser and go in order. COURSE_PICTURES=FOLDER keeps the screenshots.
"""

import re
import time
from contextlib import suppress

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

RUN_SECONDS = 480  # one lesson takes at most 240 s alone; other tests run beside it
SPARK_BAR = '.jp-Notebook progress[aria-label="Spark tasks"]'
WRONG, RIGHT = "crew_cost / late_cost", "crew_cost / (late_cost * rescued)"  # of exercise 00.1


def wait(browser, condition, seconds: float = 60):
    return WebDriverWait(browser, seconds, poll_frequency=0.2).until(condition)


def click_menu(browser, menu: str, command: str) -> None:
    """Choose a command from one of the lab's menus."""
    bar = wait(browser, lambda b: [e for e in b.find_elements(By.CSS_SELECTOR, ".lm-MenuBar-item") if e.text == menu])
    bar[0].click()
    wait(browser, lambda b: b.find_element(By.CSS_SELECTOR, f'.lm-Menu-item[data-command="{command}"]')).click()


def show(browser, element) -> None:
    """Scroll an element to the middle, again until what is above it has been laid out and it stays there."""
    last = None
    for _ in range(30):
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        time.sleep(0.3)
        top = browser.execute_script("return arguments[0].getBoundingClientRect().top", element)
        if top == last and 0 <= top < browser.get_window_size()["height"]:
            return
        last = top


def code_cell(browser, text: str):
    """The code cell that holds a text."""
    cells = browser.find_elements(By.CSS_SELECTOR, ".jp-Notebook .jp-CodeCell")
    return next(cell for cell in cells if text in cell.find_element(By.CSS_SELECTOR, ".jp-InputArea").text)


def write_and_run(browser, cell, source: str) -> None:
    """Replace a cell's source and run it, with the keys that a person uses."""
    editor = cell.find_element(By.CSS_SELECTOR, ".cm-content")
    show(browser, editor)
    editor.click()
    editor.send_keys(Keys.CONTROL, "a")
    browser.execute_cdp_cmd("Input.insertText", {"text": source})
    editor.send_keys(Keys.CONTROL, Keys.ENTER)


def executed(browser) -> bool:
    prompts = browser.find_elements(By.CSS_SELECTOR, ".jp-Notebook .jp-CodeCell .jp-InputPrompt")
    return bool(prompts) and re.fullmatch(r"\[\d+\]:", prompts[-1].text or prompts[-1].get_attribute("textContent"))


@pytest.fixture(scope="module")
def finished_lesson(browser, pictures):
    """Lesson 00 after *Run All*, with the texts that Spark's progress showed meanwhile."""
    wait(browser, lambda b: b.find_elements(By.CSS_SELECTOR, ".jp-Notebook .jp-CodeCell"))
    wait(browser, lambda b: "| Idle" in b.find_element(By.ID, "jp-bottom-panel").text)
    browser.save_screenshot(pictures / "opened.png")
    click_menu(browser, "Run", "runmenu:run-all")
    progress, end = [], time.monotonic() + RUN_SECONDS
    while not executed(browser):
        assert time.monotonic() < end, "the lesson did not end"
        for bar in browser.find_elements(By.CSS_SELECTOR, SPARK_BAR):
            with suppress(StaleElementReferenceException):  # it has just moved on
                progress.append(bar.find_element(By.XPATH, "..").text)
                browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", bar)
                browser.save_screenshot(pictures / "spark.png")
        time.sleep(0.5)
    return progress


def test_run_all_ends_without_an_error(browser, finished_lesson):
    errors = browser.find_elements(By.CSS_SELECTOR, '.jp-Notebook [data-mime-type="application/vnd.jupyter.error"]')
    noise = browser.find_elements(By.CSS_SELECTOR, '.jp-Notebook [data-mime-type="application/vnd.jupyter.stderr"]')
    assert not [element.text for element in errors + noise]


def test_figures_are_drawn(browser, finished_lesson, pictures):
    figures = browser.find_elements(By.CSS_SELECTOR, ".jp-Notebook .js-plotly-plot .main-svg")
    assert len(figures) >= 3
    show(browser, figures[0])
    browser.save_screenshot(pictures / "figure.png")


def test_spark_shows_its_progress_while_it_works_and_leaves_nothing(browser, finished_lesson):
    assert any(re.search(r"\d+ of \d+ tasks", text) for text in finished_lesson), finished_lesson
    assert not browser.find_elements(By.CSS_SELECTOR, SPARK_BAR)


def test_exercise_takes_a_wrong_answer_and_then_the_right_one(browser, finished_lesson, pictures):
    cell = code_cell(browser, 'check("00.1"')
    starter = cell.find_element(By.CSS_SELECTOR, ".cm-content").text
    assert "..." in starter
    assert "Not attempted yet" in cell.find_element(By.CSS_SELECTOR, ".jp-Cell-outputWrapper").text
    for answer, verdict in ((WRONG, "Not yet"), (RIGHT, "Right")):
        write_and_run(browser, cell, starter.replace("...", answer, 1))
        said = wait(
            browser,
            lambda _, word=verdict: word in cell.find_element(By.CSS_SELECTOR, ".jp-Cell-outputWrapper").text,
        )
        assert said
        browser.save_screenshot(pictures / f"exercise-{verdict.lower().replace(' ', '-')}.png")


def test_launcher_offers_a_terminal_in_which_the_doctor_finds_nothing_wrong(lab, browser, finished_lesson, pictures):
    click_menu(browser, "File", "launcher:create")
    cards = wait(browser, lambda b: b.find_elements(By.CSS_SELECTOR, ".jp-LauncherCard"))
    browser.save_screenshot(pictures / "launcher.png")
    next(card for card in cards if card.text == "Terminal").click()
    keyboard = wait(browser, lambda b: b.find_element(By.CSS_SELECTOR, ".jp-Terminal textarea"))
    time.sleep(2)  # the shell's prompt is drawn on a canvas: nothing in the page says that it is there
    keyboard.send_keys("clear; course doctor && touch ../doctor-is-content\n")
    wait(browser, lambda _: (lab.project / "doctor-is-content").exists(), 120)
    browser.save_screenshot(pictures / "doctor.png")
