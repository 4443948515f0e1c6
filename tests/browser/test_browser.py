"""report.html in a real browser: what a reader sees, hears and can reach, and what the page must never do."""

from itertools import pairwise

import pytest
from page_world import HOSTILE
from selenium.webdriver.common.keys import Keys

# Contrast of text by WCAG 2.1, 1.4.3, wherever an element holds text of its own that is shown.
CONTRAST = """
const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
const luminance = ([r, g, b]) => {
  const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
const ground = (element) => {
  for (let e = element; e; e = e.parentElement) {
    const [r, g, b, a = 1] = channels(getComputedStyle(e).backgroundColor);
    if (a === 1) return [r, g, b];
  }
  return [255, 255, 255];
};
const poor = [];
for (const element of document.body.querySelectorAll("*")) {
  if (!element.checkVisibility() || !element.getClientRects().length || element.closest("svg, noscript")) continue;
  if (![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
  const style = getComputedStyle(element);
  const [a, b] = [luminance(channels(style.color)), luminance(ground(element))].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) poor.push([element.outerHTML.slice(0, 80), ratio]);
}
return poor;
"""
COLUMN = """
const [id, column] = arguments;
return [...document.querySelectorAll(`#${id} tbody tr`)].map((row) => row.cells[column].textContent);
"""


def numbers(browser, table, column):
    cells = browser.run(COLUMN, table, column)
    return [float(cell.split()[0].replace("\N{MINUS SIGN}", "-").replace(",", "")) for cell in cells]


def heading(browser, table, column):
    return browser.all(f"#{table} thead th")[column]


def press_tab_until(browser, selector):
    """Walk by the tabulator key; return the number of stops."""
    browser.run("document.activeElement.blur()")
    for stops in range(1, 400):
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
        if browser.run("return document.activeElement.matches(arguments[0])", selector):
            return stops
    pytest.fail(f"no stop of the tabulator key is {selector}")


@pytest.mark.parametrize("width", ["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_without_complaint_and_fetches_nothing(chromium, page, width, scheme):
    browser = chromium.open(page, width, scheme)
    browser.until(lambda: browser.one("#panel").is_displayed())
    assert browser.complaints() == []
    asked = [url for url in browser.requests() if not url.startswith("data:")]
    assert asked == [page.as_uri()], "the page itself and no other"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_wide_tables_scroll_by_themselves(chromium, page, scheme):
    browser = chromium.open(page, "phone", scheme)
    assert browser.run("return document.documentElement.scrollWidth") <= 390
    table = browser.one("#within-classification").find_element("xpath", "./..")
    assert browser.until(lambda: table.get_attribute("tabindex")) == "0"
    assert browser.run("return arguments[0].scrollWidth > arguments[0].clientWidth", table)
    assert browser.run("return arguments[0].previousElementSibling.checkVisibility()", table), "a hint says so"
    browser.run("arguments[0].focus()", table)
    table.send_keys(Keys.ARROW_RIGHT)
    browser.until(lambda: browser.run("return arguments[0].scrollLeft > 0", table))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read(chromium, page, scheme):
    browser = chromium.open(page, scheme=scheme)
    browser.run("for (const box of document.querySelectorAll('details')) box.open = true")
    assert browser.run(CONTRAST) == []


def test_the_theme_is_that_of_the_system_until_another_is_chosen_which_stays(chromium, smoke):
    ground = "return getComputedStyle(document.body).backgroundColor"
    browser = chromium.open(smoke, scheme="light")
    light = browser.run(ground)
    button = browser.one("#theme")
    assert button.text == "Dark theme"
    button.click()
    dark = browser.run(ground)
    assert dark != light and button.text == "Light theme"
    assert browser.open(smoke, scheme="light").run(ground) == dark
    browser.one("#theme").click()
    assert browser.open(smoke, scheme="dark").run(ground) == light
    browser.run("localStorage.clear()")
    assert browser.open(smoke, scheme="dark").run(ground) == dark


def test_a_click_sorts_numbers_as_numbers(chromium, hostile):
    browser = chromium.open(hostile)
    column = heading(browser, "scores-accuracy", 2)
    column.find_element("css selector", "button").click()
    assert column.get_attribute("aria-sort") == "ascending"
    assert numbers(browser, "scores-accuracy", 2) == [38, 40, 42, 44, 46, 48]
    column.find_element("css selector", "button").click()
    assert column.get_attribute("aria-sort") == "descending"
    assert numbers(browser, "scores-accuracy", 2) == [48, 46, 44, 42, 40, 38]
    others = [th.get_attribute("aria-sort") for th in browser.all("#scores-accuracy thead th") if th != column]
    assert set(others) == {"none"}


def test_a_third_press_brings_back_the_first_order(chromium, hostile):
    browser = chromium.open(hostile)
    first, column = browser.run(COLUMN, "scores-accuracy", 0), heading(browser, "scores-accuracy", 2)
    heading(browser, "scores-accuracy", 1).find_element("css selector", "button").click()
    orders = []
    for order in ("ascending", "descending", "none"):
        column.find_element("css selector", "button").click()
        assert column.get_attribute("aria-sort") == order
        orders.append(browser.run(COLUMN, "scores-accuracy", 0))
    assert orders[2] == first and orders[1] == orders[0][::-1] and first in orders
    assert browser.one("#announcement").get_property("textContent") == "In the first order again"


@pytest.mark.parametrize("key", [Keys.ENTER, Keys.SPACE])
def test_the_keyboard_sorts(chromium, hostile, key):
    browser = chromium.open(hostile)
    browser.run("arguments[0].focus()", heading(browser, "tests-tasks", 1).find_element("css selector", "button"))
    browser.driver.switch_to.active_element.send_keys(key)
    assert heading(browser, "tests-tasks", 1).get_attribute("aria-sort") == "ascending"
    assert "ascending" in browser.one("#announcement").get_property("textContent")


def test_what_has_no_number_stands_last_either_way(chromium, hostile):
    browser = chromium.open(hostile)
    orders = []
    for _ in range(2):
        heading(browser, "tests-tasks", 2).find_element("css selector", "button").click()
        *intervals, last = browser.run(COLUMN, "tests-tasks", 2)
        assert last == "\N{EN DASH}", "init gains the same on every task: no variance, no test"
        orders.append(intervals)
    assert orders[0] == orders[1][::-1] and len(set(orders[0])) == 3


@pytest.mark.parametrize("list_of", ["#picked", "#by-cf", "#by-estimate"])
def test_a_song_plays(chromium, smoke, list_of):
    browser = chromium.open(smoke)
    audio = browser.one(f"{list_of} audio")
    assert audio.get_attribute("preload") == "none"
    browser.run("arguments[0].focus()", audio)
    audio.send_keys(Keys.SPACE)
    browser.until(lambda: audio.get_property("currentTime") > 0.2)
    assert not browser.all(".warning")
    assert browser.complaints() == []


def test_a_file_with_a_strange_name_plays(chromium, hostile):
    browser = chromium.open(hostile)
    browser.one("#song-filter").send_keys("02")
    browser.until(lambda: "Title 02" in browser.one("#picked h3").text)
    audio = browser.one("#picked audio")
    assert "%231%3F%2520" in audio.get_attribute("src")
    browser.run("arguments[0].play()", audio)
    browser.until(lambda: audio.get_property("currentTime") > 0.1)


def test_one_song_plays_at_a_time(chromium, smoke):
    browser = chromium.open(smoke)
    first, second = browser.all("#by-cf audio")[:2]
    browser.run("arguments[0].play()", first)
    browser.until(lambda: not first.get_property("paused"))
    browser.run("arguments[0].play()", second)
    browser.until(lambda: first.get_property("paused") and not second.get_property("paused"))


def test_a_file_that_is_not_there_is_said_in_words(chromium, hostile):
    browser = chromium.open(hostile)
    browser.one("#song-filter").send_keys("29")
    browser.until(lambda: browser.one("#picked h3").text == "Song 29")
    browser.run("arguments[0].play().catch(() => {})", browser.one("#picked audio"))
    browser.until(lambda: browser.all("#picked .warning"))
    assert "no such file" in browser.one("#picked .warning").text


def test_the_filter_finds_songs_by_every_word(chromium, hostile):
    browser = chromium.open(hostile)
    box, songs = browser.one("#song-filter"), "#song option"
    assert len(browser.all(songs)) == 30 and browser.one("#song-count").text == "30 of 30 songs"
    box.send_keys("genre ARTIST TITLE 08")
    assert [option.text.split("<")[0] for option in browser.all(songs)] == ["Title 08"]
    assert browser.one("#picked h3").text.startswith("Title 08")
    box.send_keys(" nothing of that name")
    assert browser.all(songs) == [] and browser.one("#song-count").text == "0 of 30 songs"
    assert browser.one("#picked h3").text.startswith("Title 08"), "the last one stays"
    box.send_keys(Keys.CONTROL, "a")
    box.send_keys(Keys.DELETE)
    assert len(browser.all(songs)) == 30


def test_a_song_is_picked_by_keyboard_and_its_neighbours_can_be_followed(chromium, smoke):
    browser = chromium.open(smoke)
    press_tab_until(browser, "#song-filter")
    press = browser.driver.switch_to.active_element
    press.send_keys(Keys.TAB)
    chooser = browser.one("#song")
    assert browser.driver.switch_to.active_element == chooser
    before = browser.one("#picked h3").text
    chooser.send_keys(Keys.ARROW_DOWN)
    browser.until(lambda: browser.one("#picked h3").text != before)
    assert len(browser.all("#by-cf li")) == len(browser.all("#by-estimate li")) == 5
    name = browser.one("#by-cf li b").text
    browser.one("#by-cf li .go").send_keys(Keys.ENTER)
    browser.until(lambda: browser.one("#picked h3").text == name)


def test_labels_are_text_and_run_nothing(chromium, hostile):
    browser = chromium.open(hostile)
    assert HOSTILE in browser.one("#within-classification tbody td").get_property("textContent")
    assert HOSTILE in browser.one("#left-out").get_property("textContent")
    browser.one("#song-filter").send_keys("title 08")
    assert HOSTILE in browser.one("#song option").get_property("textContent")
    for place in ("#picked h3", "#picked p", "#by-cf", "#by-estimate"):
        assert HOSTILE in browser.one(place).get_property("textContent")
    scripts = browser.run("return [...document.scripts].map((script) => script.type)")
    assert scripts == ["", "application/json"], "the page's own and its data"
    # An alert would have stopped every command above.
    assert browser.complaints() == []


def test_the_policy_stops_what_the_page_does_not_do_itself(chromium, smoke):
    browser = chromium.open(smoke)
    browser.run(
        "const script = document.createElement('script'); script.textContent = 'window.harm = 1';"
        "document.body.append(script); const image = new Image(); image.src = 'https://localhost/';"
        "document.body.append(image);"
    )
    found = []
    browser.until(lambda: found.extend(browser.complaints()) or len(found) >= 2)
    assert all("Content Security Policy" in message for message in found), "one for the script, one for the picture"
    assert browser.run("return window.harm === undefined")


def test_headings_stand_in_order_and_names_are_given_once(chromium, page):
    browser = chromium.open(page)
    levels = browser.run(
        "return [...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].filter((h) => h.checkVisibility())"
        ".map((h) => Number(h.tagName[1]))"
    )
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))
    names = browser.run("return [...document.querySelectorAll('[id]')].map((element) => element.id)")
    assert len(set(names)) == len(names)
    assert browser.run("return document.documentElement.lang") == "en"


def test_what_can_be_used_has_a_name(chromium, page):
    browser = chromium.open(page)
    assert browser.one("#song-filter").accessible_name == "Filter by title, artist, genre or id"
    assert browser.one("#song").accessible_name == "Song"
    assert browser.one("#picked audio").accessible_name.startswith("Play ")
    assert heading(browser, "scores-accuracy", 1).aria_role == "columnheader"
    assert browser.one("#scores-accuracy").accessible_name.startswith("Accuracy")
    used = [element for element in browser.all("button, input, select, summary, audio") if element.is_displayed()]
    assert all(element.accessible_name.strip() for element in used)
    pictures = browser.run("return [...document.images].map((image) => [image.alt.length, image.naturalWidth])")
    assert pictures and all(length > 20 and width > 0 for length, width in pictures)


def test_the_skip_link_comes_first_and_leads_to_the_answer(chromium, smoke):
    browser = chromium.open(smoke)
    assert press_tab_until(browser, ".skip") == 1
    browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
    assert browser.run("return document.activeElement.id") == "main"


def test_what_has_the_focus_is_outlined(chromium, smoke):
    browser = chromium.open(smoke)
    press_tab_until(browser, "thead button")
    style = "const style = getComputedStyle(document.activeElement); return [style.outlineStyle, style.outlineWidth]"
    assert browser.run(style) == ["solid", "3px"]


def test_every_link_of_the_contents_leads_somewhere(chromium, page):
    browser = chromium.open(page)
    assert browser.run("return [...document.querySelectorAll('nav a')].every((a) => document.querySelector(a.hash))")


def test_who_wants_no_motion_gets_none(chromium, smoke):
    browser = chromium.open(smoke)
    behaviour = "return getComputedStyle(document.documentElement).scrollBehavior"
    assert browser.run(behaviour) == "auto", "as `open` asks for"
    browser.prefer(**{"prefers-reduced-motion": "no-preference"})
    assert browser.run(behaviour) == "smooth"


def test_paper_shows_tables_whole_and_no_controls(chromium, smoke):
    browser = chromium.open(smoke, scheme="dark")
    browser.prefer(media="print", **{"prefers-color-scheme": "dark"})
    assert not browser.one("#theme").is_displayed() and not browser.one("#listen").is_displayed()
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
