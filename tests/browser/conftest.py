"""A headless Chromium, and the two pages it opens: that of a real run and that of a world that means harm."""

import json
import shutil
from pathlib import Path

import pytest
from page_world import HOSTILE, LONG, write_world
from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

from stages import page as page_stage

ROOT = Path(__file__).parents[2]
SMOKE = ROOT / ".smoke/report.html"
WIDTHS = {"wide": 1360, "phone": 390}


class Browser:
    """Opens pages and tells what a user would see; ``driver`` is Selenium's."""

    def __init__(self, driver):
        self.driver = driver

    def open(self, path, width="wide", scheme="light"):
        self.prefer(**{"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"})
        size = {"width": WIDTHS[width], "height": 844, "deviceScaleFactor": 1, "mobile": width == "phone"}
        self.command("Emulation.setDeviceMetricsOverride", **size)
        self.driver.get("about:blank")
        self.drain()
        self.driver.get(path.as_uri())
        return self

    def prefer(self, media="", **preferences):
        features = [{"name": name, "value": value} for name, value in preferences.items()]
        self.command("Emulation.setEmulatedMedia", media=media, features=features)

    def command(self, name, **parameters):
        return self.driver.execute_cdp_cmd(name, parameters)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def one(self, selector):
        return self.driver.find_element("css selector", selector)

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def until(self, condition):
        return WebDriverWait(self.driver, 10).until(lambda _: condition())

    def drain(self):
        self.driver.get_log("browser")
        self.driver.get_log("performance")

    def complaints(self):
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self):
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [found["params"] for found in messages if found["method"] == "Network.requestWillBeSent"]
        return [found["request"]["url"] for found in sent]


@pytest.fixture(scope="session")
def chromium():
    options = webdriver.ChromeOptions()
    options.binary_location = _installed("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--autoplay-policy=no-user-gesture-required"):
        options.add_argument(argument)  # root has no sandbox
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(_installed("chromedriver")))
    yield Browser(driver)
    driver.quit()


def _installed(program):
    if path := shutil.which(program):
        return path
    pytest.fail(f"{program} is not installed. On Debian: apt-get install chromium chromium-driver", pytrace=False)


@pytest.fixture(scope="session")
def smoke():
    """Return the page of a real run."""
    if not SMOKE.is_file():
        pytest.fail(f"{SMOKE.relative_to(ROOT)}: no such file. Run: make smoke", pytrace=False)
    return SMOKE


@pytest.fixture(scope="session")
def hostile(tmp_path_factory):
    """Return the page of a run whose every name and label is markup, or 400 letters long."""
    folder = tmp_path_factory.mktemp("hostile")
    write_world(folder, tag=f"{HOSTILE}{LONG}")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        page_stage.main()
    return folder / "report.html"


@pytest.fixture(params=["smoke", "hostile"])
def page(request):
    return request.getfixturevalue(request.param)
