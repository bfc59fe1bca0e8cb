"""What tests of the page's server share: a page, as it talks to the house that their module has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from web_house import House, Page


@pytest.fixture
def page(house: House) -> Iterator[Page]:
    with house.socket(house.page) as socket:
        page = Page(socket)
        page.until(lambda: page.melody is not None)
        yield page
